import { createHmac, timingSafeEqual } from 'node:crypto';
import { encodeUtf8 } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { applicationTokenHash, findValidToken, type TokenContext } from './tokens.ts';
import type { Evidence } from '../../identity/evidence.ts';
import type { LogContext } from './log-context.ts';

const PREFIX = 'gkg_';
const SHAPE = /^gkg_[A-Za-z0-9_-]{99}$/;
const FORMAT = 1;
const ANY_KEY = 0;
const ONE_KEY = 1;
/** For one key, after a mail has proved the address; the server makes it for itself. */
const PROVED_BY_MAIL = 2;
const HASH_BYTES = 32;
/** Format, kind, expiry, SHA-256 of the application token, MAC. */
const GRANT_BYTES = 1 + 1 + 8 + HASH_BYTES + HASH_BYTES;

/** Default time in which a grant can be used: 15 minutes. */
const DEFAULT_LIFETIME_MS = 900_000;

/** The part of an open log that grants need. */
export type GrantContext = Pick<LogContext, 'origin' | 'keys' | 'now'> & Pick<TokenContext, 'store'>;

/** The grant that an application asks for. Its token is verified. */
export interface RegistrationGrantOrder {
  /** The canonical label that may be registered. */
  readonly label: Uint8Array;
  /** Its text, or its SHA-256. */
  readonly token: string | Uint8Array;
  /** SHA-256 of the SPKI of the only key that may be registered. Default: any key. */
  readonly spkiSha256?: Uint8Array | undefined;
  /** Time in which it can be used, ms. Default: 15 minutes. */
  readonly lifetimeMs?: number | undefined;
  /** True if not the application vouches, but a mail has proved the address for this key. Default: false. */
  readonly isProvedByMail?: boolean;
}

/** A grant, and the time in which it can be used. */
export interface RegistrationGrant {
  readonly grant: string;
  readonly expiresInMs: number;
}

/**
 * Makes a registration grant (docs/spec.md#registration-grants): an application's permission to register one name, for
 * a device that must not have the application's token. Nothing is stored. A grant vouches for version 0 of a name only,
 * which every name has once, so it cannot be used twice.
 */
export function makeRegistrationGrant(
  context: GrantContext,
  { label, token, spkiSha256, lifetimeMs = DEFAULT_LIFETIME_MS, isProvedByMail = false }: RegistrationGrantOrder,
): RegistrationGrant {
  const head = Buffer.alloc(GRANT_BYTES - HASH_BYTES);
  head.writeUInt8(FORMAT, 0);
  const kind = isProvedByMail ? PROVED_BY_MAIL : ONE_KEY;
  head.writeUInt8(spkiSha256 === undefined ? ANY_KEY : kind, 1);
  head.writeBigUInt64BE(BigInt(context.now() + lifetimeMs), 2);
  Buffer.from(typeof token === 'string' ? applicationTokenHash(token) : token).copy(head, 10);
  const mac = macOf(context, head, label, spkiSha256);
  return { grant: PREFIX + Buffer.concat([head, mac]).toString('base64url'), expiresInMs: lifetimeMs };
}

/** A verified grant. */
export interface VerifiedGrant {
  /** Number of the application token that gave it. */
  readonly by: number;
  readonly evidence: Evidence;
}

/** Verifies an untrusted grant for a name and a key. Throws `token-refused`, without the reason. */
export async function verifyRegistrationGrant(
  context: GrantContext,
  text: string,
  { label, spkiSha256 }: { readonly label: Uint8Array; readonly spkiSha256: Uint8Array },
): Promise<VerifiedGrant> {
  const bytes = Buffer.from(SHAPE.test(text) ? text.slice(PREFIX.length) : '', 'base64url');
  const isGrant = bytes.length === GRANT_BYTES && PREFIX + bytes.toString('base64url') === text;
  ensure(isGrant && bytes[0] === FORMAT, 'token-refused', REFUSED);
  const head = bytes.subarray(0, GRANT_BYTES - HASH_BYTES);
  const bound = head[1] === ANY_KEY ? undefined : spkiSha256;
  const isOurs = timingSafeEqual(macOf(context, head, label, bound), bytes.subarray(head.length));
  ensure(isOurs && BigInt(context.now()) < head.readBigUInt64BE(2), 'token-refused', REFUSED);
  const token = await findValidToken(context, head.subarray(10));
  ensure(token !== undefined, 'token-refused', REFUSED);
  return { by: token.id, evidence: { type: head[1] === PROVED_BY_MAIL ? 'email' : 'application' } };
}

const REFUSED = 'the grant is not valid, too old, or for another name or key: ask the application for another one';

/** Returns the MAC of a grant, by a key that every server of the log derives. */
function macOf(
  { origin, keys }: Pick<GrantContext, 'origin' | 'keys'>,
  head: Uint8Array,
  label: Uint8Array,
  spkiSha256: Uint8Array | undefined,
): Buffer {
  const key = createHmac('sha256', keys.rowSeal).update('glasskey registration grant key v1').digest();
  const mac = createHmac('sha256', key).update('glasskey registration grant v1\0');
  for (const part of [encodeUtf8(origin), head, label, spkiSha256 ?? new Uint8Array()]) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    mac.update(length).update(part);
  }
  return mac.digest();
}
