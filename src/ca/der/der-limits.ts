import { decodeError } from '../../core/errors.ts';
import { type DerElement, DerReader } from './der-reader.ts';

/** Limits of {@link assertBoundedDer}. */
export interface DerLimits {
  readonly maxBytes: number;
  /** Depth of nested constructed values. */
  readonly maxDepth: number;
  /** Number of values at all levels. */
  readonly maxElements: number;
}

/** Constructed encodings that DER allows: SEQUENCE, SET, and context tags. A constructed string is BER only. */
function mayBeConstructed(tag: number): boolean {
  return tag === 0x30 || tag === 0x31 || (tag & 0xc0) === 0x80;
}

/**
 * Asserts that `bytes` (untrusted) are one DER value within the limits, including nested values, with no trailing
 * bytes. Bounds the work before anything is parsed. Throws `malformed-encoding`.
 */
export function assertBoundedDer(bytes: Uint8Array, limits: DerLimits): void {
  if (bytes.length > limits.maxBytes) throw decodeError(`more than ${limits.maxBytes} bytes of DER`);
  const top = new DerReader(bytes);
  const first = top.read();
  top.end();
  let elements = 1;
  const open: DerReader[] = [];
  const descend = (element: DerElement): void => {
    const { tag } = element;
    if ((tag & 0x20) === 0) return;
    if (!mayBeConstructed(tag)) throw decodeError(`DER tag ${tag} must not be constructed`);
    if (open.length >= limits.maxDepth) throw decodeError('DER nested too deeply');
    open.push(element.values);
  };
  descend(first);
  for (let reader = open.at(-1); reader !== undefined; reader = open.at(-1)) {
    if (reader.done) {
      open.pop();
      continue;
    }
    elements += 1;
    if (elements > limits.maxElements) throw decodeError('too many DER values');
    descend(reader.read());
  }
}
