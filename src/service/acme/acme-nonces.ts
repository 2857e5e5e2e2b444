import { createHmac, timingSafeEqual } from 'node:crypto';
import type { LogContext } from '../log/log-context.ts';
import { ensureAcme } from './acme-refusal.ts';
import { NONCE_LIFETIME_MS } from './acme-settings.ts';

const TIME_BYTES = 8;
const RANDOM_BYTES = 16;
const MAC_BYTES = 16;
const HEAD_BYTES = TIME_BYTES + RANDOM_BYTES;
const SHAPE = /^[A-Za-z0-9_-]{54}$/;

/** The part of an open log that nonces need. */
export type NonceContext = Pick<LogContext, 'origin' | 'keys' | 'now' | 'random' | 'store'>;

/**
 * Makes a nonce (RFC 8555 §6.5): its expiry, a random part and a MAC. Nothing is stored before it is used, so that
 * asking for nonces costs no memory. Every server of the log takes it.
 */
export function makeAcmeNonce(context: NonceContext): string {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeBigUInt64BE(BigInt(context.now() + NONCE_LIFETIME_MS));
  Buffer.from(context.random(RANDOM_BYTES)).copy(head, TIME_BYTES);
  return Buffer.concat([head, macOf(context, head)]).toString('base64url');
}

/** A nonce that this log made and that has not expired. */
export interface GoodNonce {
  readonly random: Uint8Array;
  readonly expiresMs: number;
}

/** Verifies an untrusted nonce, all but that it is used for the first time. Throws `badNonce`. */
export function readAcmeNonce(context: NonceContext, text: string): GoodNonce {
  const bytes = Buffer.from(SHAPE.test(text) ? text : '', 'base64url');
  const head = bytes.subarray(0, HEAD_BYTES);
  const isOurs =
    bytes.length === HEAD_BYTES + MAC_BYTES && timingSafeEqual(macOf(context, head), bytes.subarray(HEAD_BYTES));
  ensureAcme(isOurs, 'badNonce', REFUSED);
  const expiresMs = Number(head.readBigUInt64BE());
  ensureAcme(context.now() < expiresMs, 'badNonce', REFUSED);
  return { random: head.subarray(TIME_BYTES), expiresMs };
}

/** Uses a nonce up, for every server of the log. Throws `badNonce` if it was used before. */
export async function useAcmeNonce({ store }: Pick<NonceContext, 'store'>, nonce: GoodNonce): Promise<void> {
  ensureAcme(await store.useAcmeNonce(nonce.random, nonce.expiresMs), 'badNonce', REFUSED);
}

const REFUSED = 'the nonce is unknown, too old or used: take the one in this answer';

/** Returns the MAC of a nonce, by a key that every server of the log derives. */
function macOf({ origin, keys }: Pick<NonceContext, 'origin' | 'keys'>, head: Uint8Array): Buffer {
  const key = createHmac('sha256', keys.rowSeal).update('glasskey acme nonce key v1').digest();
  return createHmac('sha256', key).update(head).update(origin).digest().subarray(0, MAC_BYTES);
}
