import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { ensure } from '../../core/errors.ts';
import type { TokenRow } from '../../store/ports.ts';
import type { LogContext } from './log-context.ts';

/** Prefix of every application token: scanners find leaked ones by it. */
const PREFIX = 'gkt_';
const TOKEN_BYTES = 32;
const SHAPE = /^gkt_[A-Za-z0-9_-]{43}$/;

/** An application token as the administrator sees it. */
export interface TokenInfo {
  readonly id: number;
  readonly name: string;
  readonly createdMs: number;
  readonly revokedMs: number | undefined;
}

/** The part of a log that the token functions need. */
export type TokenContext = Pick<LogContext, 'store' | 'trail' | 'now' | 'random'>;

/** Returns the text of a new token: {@link registerToken} makes it valid. */
export function newTokenText(random: (length: number) => Uint8Array = (length) => randomBytes(length)): string {
  return PREFIX + Buffer.from(random(TOKEN_BYTES)).toString('base64url');
}

/** Makes a token of {@link newTokenText} valid. A known token stays as it is, valid or revoked. */
export async function registerToken(
  context: Pick<TokenContext, 'store' | 'trail' | 'now'>,
  token: string,
  name: string,
  who: string,
): Promise<void> {
  ensure(SHAPE.test(token), 'invalid-request', 'not an application token');
  const hash = applicationTokenHash(token);
  if ((await context.store.findToken(hash)) === undefined) await addToken(context, hash, name, who);
}

/**
 * Creates a token of 256 random bits; `who` is for the trail. The returned text is the only copy: the store gets its
 * SHA-256.
 */
export async function createToken(
  context: TokenContext,
  name: string,
  who = 'service',
): Promise<{ readonly token: string; readonly info: TokenInfo }> {
  ensure(/^[\x20-\x7e]{1,100}$/.test(name), 'invalid-request', 'a token needs a name of 1 to 100 ASCII characters');
  const token = newTokenText(context.random);
  const row = await addToken(context, applicationTokenHash(token), name, who);
  return { token, info: tokenInfo(row) };
}

async function addToken(
  { store, trail, now }: Pick<TokenContext, 'store' | 'trail' | 'now'>,
  hash: Uint8Array,
  name: string,
  who: string,
): Promise<TokenRow> {
  const id = await store.reserveTokenId();
  const createdMs = now();
  return trail.record([{ at: createdMs, act: 'token-created', who, token: id, name }], (record) =>
    store.addToken({ id, tokenHash: hash, name, createdMs }, record),
  );
}

/**
 * Verifies an untrusted token. Throws `unauthenticated` for an unknown or revoked one, without saying which.
 * The text is hashed before anything compares it, and the hashes are compared in constant time.
 */
export async function verifyToken(context: Pick<TokenContext, 'store'>, token: string): Promise<TokenInfo> {
  ensure(SHAPE.test(token), 'unauthenticated', 'not an application token');
  const info = await findValidToken(context, applicationTokenHash(token));
  ensure(info !== undefined, 'unauthenticated', 'the application token is not valid');
  return info;
}

/** Returns the valid token with this SHA-256; undefined if there is none, or if it is revoked. */
export async function findValidToken(
  context: Pick<TokenContext, 'store'>,
  hash: Uint8Array,
): Promise<TokenInfo | undefined> {
  const row = await context.store.findToken(hash);
  const isValid = row !== undefined && row.revokedMs === undefined && timingSafeEqual(row.tokenHash, hash);
  return isValid ? tokenInfo(row) : undefined;
}

/** Lists all tokens, revoked ones too. */
export async function listTokens(context: Pick<TokenContext, 'store'>): Promise<readonly TokenInfo[]> {
  const rows = await context.store.listTokens();
  return rows.map(tokenInfo);
}

/** Revokes a token. Throws `not-found` unless a valid token has this id. */
export async function revokeToken(
  { store, trail, now }: Pick<TokenContext, 'store' | 'trail' | 'now'>,
  id: number,
  who = 'service',
): Promise<void> {
  const revokedMs = now();
  const revoked = await trail.record([{ at: revokedMs, act: 'token-revoked', who, token: id }], (record) =>
    store.revokeToken(id, revokedMs, record),
  );
  ensure(revoked, 'not-found', 'no such application token');
}

/** Returns the SHA-256 of a token's text (untrusted): the store knows tokens by it. */
export function applicationTokenHash(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

function tokenInfo({ id, name, createdMs, revokedMs }: TokenRow): TokenInfo {
  return { id, name, createdMs, revokedMs };
}
