import { formatHex, parseHex } from '../core/encoding/bytes.ts';
import { GlasskeyError } from '../core/errors.ts';

/** The parts of the name of a published proof. */
export interface ObjectName {
  /** The epoch in the name, 0 to 2^53-1. */
  readonly epoch: number;
  /** Root hash before, 32 bytes. */
  readonly previous: Uint8Array;
  /** Root hash after, 32 bytes. */
  readonly current: Uint8Array;
}

/**
 * The epoch that a name carries: the one that the proof leads to (`end`), as in WhatsApp's logs, or the one before
 * (`start`), as the crate's `generate_audit_blobs` writes it.
 */
export type NamedEpoch = 'end' | 'start';

const NAME = /^(0|[1-9][0-9]{0,15})\/([0-9a-f]{64})\/([0-9a-f]{64})$/;

/** Parses an untrusted name `EPOCH/PREVIOUS/CURRENT`. Throws `malformed-encoding`; a name has one form. */
export function parseObjectName(name: string): ObjectName {
  const [, digits = '', previous = '', current = ''] = NAME.exec(name) ?? [];
  const epoch = Number(digits);
  if (digits === '' || !Number.isSafeInteger(epoch)) {
    throw new GlasskeyError('malformed-encoding', 'an object is not named EPOCH/PREVIOUS/CURRENT');
  }
  return { epoch, previous: parseHex(previous), current: parseHex(current) };
}

/** Formats a name; {@link parseObjectName} reads it. */
export function formatObjectName({ epoch, previous, current }: ObjectName): string {
  return `${epoch}/${formatHex(previous)}/${formatHex(current)}`;
}
