import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { ensure } from '../core/errors.ts';
import type { LogStore, TokenRow } from '../store/ports.ts';

/** What every application token starts with, so that leaked ones can be found. */
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

/** What the token functions need of a log. */
export interface TokenContext {
  readonly store: LogStore;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: (length: number) => Uint8Array;
}

/** The text of a new token: {@link registerToken} makes it valid. */
export function newTokenText(random: (length: number) => Uint8Array = (length) => randomBytes(length)): string {
  return PREFIX + Buffer.from(random(TOKEN_BYTES)).toString('base64url');
}

/** Makes a token valid that {@link newTokenText} made; does nothing for one that is known, valid or revoked. */
export async function registerToken(
  context: Pick<TokenContext, 'store' | 'now'>,
  token: string,
  name: string,
): Promise<void> {
  ensure(SHAPE.test(token), 'invalid-request', 'not an application token');
  const hash = tokenHash(token);
  if ((await context.store.findToken(hash)) === undefined) await context.store.addToken(hash, name, context.now());
}

/** Creates a token of 256 random bits. The returned text is the only copy: just its SHA-256 is stored. */
export async function createToken(
  context: TokenContext,
  name: string,
): Promise<{ readonly token: string; readonly info: TokenInfo }> {
  ensure(/^[\x20-\x7e]{1,100}$/.test(name), 'invalid-request', 'a token needs a name of 1 to 100 ASCII characters');
  const token = newTokenText(context.random);
  const row = await context.store.addToken(tokenHash(token), name, context.now());
  return { token, info: tokenInfo(row) };
}

/**
 * The token that an untrusted text is. Throws `unauthenticated` for an unknown or revoked one, without telling which.
 * The text is hashed before anything compares it, and the hashes are compared in constant time.
 */
export async function verifyToken(context: Pick<TokenContext, 'store'>, token: string): Promise<TokenInfo> {
  ensure(SHAPE.test(token), 'unauthenticated', 'not an application token');
  const hash = tokenHash(token);
  const row = await context.store.findToken(hash);
  const known = row !== undefined && row.revokedMs === undefined && timingSafeEqual(row.tokenHash, hash);
  ensure(known, 'unauthenticated', 'the application token is not valid');
  return tokenInfo(row);
}

/** All tokens, revoked ones too. */
export async function listTokens(context: Pick<TokenContext, 'store'>): Promise<readonly TokenInfo[]> {
  const rows = await context.store.listTokens();
  return rows.map(tokenInfo);
}

/** Revokes a token. Throws `not-found` unless a valid token has this id. */
export async function revokeToken(context: Pick<TokenContext, 'store' | 'now'>, id: number): Promise<void> {
  const revoked = await context.store.revokeToken(id, context.now());
  ensure(revoked, 'not-found', 'no such application token');
}

function tokenHash(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

function tokenInfo({ id, name, createdMs, revokedMs }: TokenRow): TokenInfo {
  return { id, name, createdMs, revokedMs };
}
