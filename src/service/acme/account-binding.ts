import { createHash, createHmac } from 'node:crypto';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { AcmeAccountRow } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';
import { findValidToken } from '../log/tokens.ts';
import { ensureAcme } from './acme-refusal.ts';
import { type PublicJwk, readPublicJwk } from './public-jwk.ts';
import { type AcmeMessage, verifyMac } from './acme-message.ts';

const PREFIX = 'gka_';
const SHAPE = /^gka_[A-Za-z0-9_-]{120}$/;
const FORMAT = 1;
const SCOPES = ['any', 'name', 'none'] as const;
const RANDOM_BYTES = 16;
const HASH_BYTES = 32;
/** Where the parts of a key id begin: format, scope, expiry, random part, SHA-256 of the token, label key. */
const EXPIRY_AT = 2;
const RANDOM_AT = 10;
const TOKEN_AT = RANDOM_AT + RANDOM_BYTES;
const LABEL_AT = TOKEN_AT + HASH_BYTES;
const HEAD_BYTES = LABEL_AT + HASH_BYTES;

/** The part of an open log that bindings need. */
export type BindingContext = Pick<LogContext, 'origin' | 'keys' | 'now' | 'random' | 'store'>;

/** The application of an account, and the names that it vouches for. */
export type AccountScope = Pick<AcmeAccountRow, 'tokenHash' | 'scope' | 'labelKey'>;

/** A key that admits one account, for an external account binding (RFC 8555 §7.3.4). */
export interface BindingKey {
  readonly keyId: string;
  /** 32 bytes: a secret of the client. */
  readonly macKey: Uint8Array;
  readonly expiresInMs: number;
}

/**
 * Makes a binding key (docs/spec.md#acme): an application's permission to open one account. Nothing is stored. The MAC
 * key follows from the key id and a key of the data folder, so whoever reads the database can bind no account. The hash
 * of the application's token, which the database has, would be no secret there.
 */
export function makeBindingKey(context: BindingContext, scope: AccountScope, lifetimeMs: number): BindingKey {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(FORMAT, 0);
  head.writeUInt8(SCOPES.indexOf(scope.scope), 1);
  head.writeBigUInt64BE(BigInt(context.now() + lifetimeMs), EXPIRY_AT);
  head.set(context.random(RANDOM_BYTES), RANDOM_AT);
  head.set(scope.tokenHash, TOKEN_AT);
  head.set(scope.labelKey ?? new Uint8Array(HASH_BYTES), LABEL_AT);
  return { keyId: PREFIX + head.toString('base64url'), macKey: macKeyOf(context, head), expiresInMs: lifetimeMs };
}

/** A verified binding. */
export interface Binding extends AccountScope {
  /** SHA-256 of the key id, which admits one account. */
  readonly bindingHash: Uint8Array;
}

/**
 * Verifies an untrusted binding for an account's key in a request to `url`. Its application's token must be valid.
 * Throws `malformed`, `badSignatureAlgorithm`, and `unauthorized` without the reason.
 */
export async function verifyAccountBinding(
  context: BindingContext,
  message: AcmeMessage,
  { url, key, payload }: { readonly url: string; readonly key: PublicJwk; readonly payload: unknown },
): Promise<Binding> {
  const { kid, nonce, url: signed } = message.header;
  ensureAcme(kid !== undefined && nonce === undefined, 'malformed', 'a binding has a kid and no nonce');
  ensureAcme(signed === url, 'unauthorized', 'the binding is for another URL');
  const head = Buffer.from(SHAPE.test(kid) ? kid.slice(PREFIX.length) : '', 'base64url');
  const [format, scopeNumber = -1] = head;
  const scope = SCOPES[scopeNumber];
  const isKeyId = head.length === HEAD_BYTES && PREFIX + head.toString('base64url') === kid;
  ensureAcme(isKeyId && format === FORMAT && scope !== undefined, 'unauthorized', REFUSED);
  await verifyMac(message, macKeyOf(context, head));
  const isForKey = equalBytes(readPublicJwk(payload).thumbprint, key.thumbprint);
  ensureAcme(isForKey, 'malformed', 'the binding is for another account key');
  ensureAcme(BigInt(context.now()) < head.readBigUInt64BE(EXPIRY_AT), 'unauthorized', REFUSED);
  const tokenHash = new Uint8Array(head.subarray(TOKEN_AT, LABEL_AT));
  ensureAcme((await findValidToken(context, tokenHash)) !== undefined, 'unauthorized', REFUSED);
  const labelKey = scope === 'name' ? new Uint8Array(head.subarray(LABEL_AT)) : undefined;
  const bindingHash = new Uint8Array(createHash('sha256').update(kid).digest());
  return { tokenHash, scope, labelKey, bindingHash };
}

const REFUSED = 'the key of the external account binding is not valid: ask the application for another one';

/** Returns the MAC key of a key id. Every server of the log derives the same. */
function macKeyOf({ origin, keys }: Pick<BindingContext, 'origin' | 'keys'>, head: Uint8Array): Uint8Array {
  const key = createHmac('sha256', keys.rowSeal).update('glasskey acme binding key v1').digest();
  return new Uint8Array(createHmac('sha256', key).update(head).update(origin).digest());
}
