import { equalBytes, formatBase64Url, parseBase64Url } from '../core/encoding/bytes.ts';
import { type Codec, decode, encode, enumeration, struct, uint64, vector } from '../core/encoding/codec.ts';
import { decodeError, ensure } from '../core/errors.ts';
import { hashValueCodec } from '../core/keytrans/proofs.ts';
import { shortText } from '../identity/text-codec.ts';

/** Root of the log tree when a distinguished log entry was the rightmost: what two people compare (KT §10.2). */
export interface ComparableHead {
  readonly position: number;
  /** 32 bytes. */
  readonly logRoot: Uint8Array;
}

/** Heads that another person shared. */
export interface SharedHeads {
  readonly origin: string;
  /** Left to right; at least one. */
  readonly heads: readonly ComparableHead[];
}

/** Agreement: two people were shown the same log. */
export interface HeadsAgreement {
  /** Number of distinguished log entries that both know. */
  readonly common: number;
  /** The rightmost of them; up to it, both were shown one log. */
  readonly position: number;
}

interface EncodedHeads {
  readonly format: 1;
  readonly origin: string;
  readonly heads: readonly ComparableHead[];
}

const MAX_HEADS = 64;

const headsCodec: Codec<EncodedHeads> = struct<EncodedHeads>({
  format: enumeration([1]),
  origin: shortText,
  heads: vector(struct<ComparableHead>({ position: uint64, logRoot: hashValueCodec }), 1, MAX_HEADS),
});

const PREFIX = 'glasskey-heads:';
const MAX_TEXT = 8_192;

/** Formats heads as the text that people send to each other (docs/spec.md#comparing-heads). */
export function formatHeads(origin: string, heads: readonly ComparableHead[]): string {
  const encoded = encode(headsCodec, {
    format: 1,
    origin,
    heads: heads.map(({ position, logRoot }) => ({ position, logRoot })),
  });
  return PREFIX + formatBase64Url(encoded);
}

/** Reads a text of {@link formatHeads}; untrusted. Skips white space. Throws `malformed-encoding`. */
export function parseHeads(text: string): SharedHeads {
  ensure(text.length <= MAX_TEXT, 'malformed-encoding', 'the text is too long to hold heads');
  const compact = text.replaceAll(/\s/g, '');
  const match = /^glasskey-heads:([A-Za-z0-9_-]+)$/.exec(compact);
  if (match === null) throw decodeError('the text does not hold heads');
  const { origin, heads } = decode(headsCodec, fromBase64(match[1] as string));
  const isAscending = heads.every(({ position }, i) => i === 0 || position > (heads[i - 1]?.position ?? position));
  if (!isAscending) throw decodeError('the heads are out of order');
  return { origin, heads };
}

function fromBase64(text: string): Uint8Array {
  try {
    return parseBase64Url(text);
  } catch (cause) {
    throw decodeError('the heads are not base64', cause);
  }
}

/**
 * Compares the recent distinguished entries that two people know, both left to right and without gaps. The log
 * determines which entries are distinguished, and they become so from left to right: where the two ranges overlap, both
 * must hold the same entries with the same roots. Throws `log-forked` if they do not, and `usage` if the ranges do not
 * overlap.
 */
export function compareHeads(mine: readonly ComparableHead[], theirs: readonly ComparableHead[]): HeadsAgreement {
  const first = Math.max(mine[0]?.position ?? 0, theirs[0]?.position ?? 0);
  const last = Math.min(mine.at(-1)?.position ?? -1, theirs.at(-1)?.position ?? -1);
  const within = ({ position }: ComparableHead): boolean => position >= first && position <= last;
  const [ours, others] = [mine.filter(within), theirs.filter(within)];
  ensure(
    ours.length + others.length > 0,
    'usage',
    'the two lists of heads do not overlap: compare again when both are up to date',
  );
  const agrees =
    ours.length === others.length &&
    ours.every(({ position, logRoot }, i) => {
      const other = others[i];
      return other !== undefined && other.position === position && equalBytes(other.logRoot, logRoot);
    });
  ensure(agrees, 'log-forked', `the log showed two people two trees between entries ${first} and ${last}`);
  return { common: ours.length, position: last };
}
