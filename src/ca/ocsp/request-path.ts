import { parseBase64 } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { parseOcspRequest } from './ocsp-request.ts';

/** Most ways to put lost slashes back that are tried. */
const MAX_REPAIRS = 256;
/** Base64 comes in groups of four characters, so a length tells how many of at most four are lost. */
const GROUP = 4;

/**
 * Returns the OCSP requests that the path of a GET can stand for (RFC 6960 appendix A.1); none if it is malformed. The
 * client meant one of them. Proxies merge `//` into `/`, in base64 too (nginx's `merge_slashes`), and some clients join
 * URLs with one slash too many.
 */
export function requestsInPath(path: string): readonly Uint8Array[] {
  const text = decodePath(path).replace(/^\/+/, '');
  const whole = requestIn(text);
  if (whole !== undefined) return [whole];
  const lost = GROUP - (text.length % GROUP);
  const slashes = Array.from(text.matchAll(/\//g), ({ index }) => index);
  const found: Uint8Array[] = [];
  let tried = 0;
  for (const repaired of repeated(text, slashes, lost)) {
    if (++tried > MAX_REPAIRS) break;
    const request = requestIn(repaired);
    if (request !== undefined) found.push(request);
  }
  return found;
}

/** Yields the texts in which slashes at these positions are repeated, `count` times in all. */
function* repeated(text: string, positions: readonly number[], count: number): Generator<string> {
  if (count === 0) return void (yield text);
  for (const [i, position] of positions.entries()) {
    const longer = `${text.slice(0, position)}/${text.slice(position)}`;
    yield* repeated(longer, positions.slice(0, i + 1), count - 1);
  }
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return '';
  }
}

function requestIn(base64: string): Uint8Array | undefined {
  try {
    const der = parseBase64(base64);
    parseOcspRequest(der);
    return der;
  } catch (error) {
    if (error instanceof RangeError || isGlasskeyError(error)) return undefined;
    throw error;
  }
}
