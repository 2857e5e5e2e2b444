import { ECDH } from 'node:crypto';
import { equalBytes, formatBase64Url, parseBase64Url } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { canonicalHttpsUrl } from './https-url.ts';

/** The part of a browser's push subscription that a sender needs (RFC 8291 §2). */
export interface PushSubscriptionKeys {
  /** The push service's URL, canonical https. */
  readonly endpoint: string;
  /** The browser's P-256 key, an uncompressed point: 65 bytes. */
  readonly p256dh: Uint8Array;
  /** The shared secret of 16 bytes. */
  readonly auth: Uint8Array;
}

const MEMBERS: readonly string[] = ['endpoint', 'expirationTime', 'keys'];
const POINT_BYTES = 65;
const AUTH_BYTES = 16;
const MAX_KEY_CHARACTERS = 100;

/**
 * Reads the JSON that a browser writes for a PushSubscription. Untrusted, and bounded by the caller. Throws
 * `invalid-request` for unknown members, a point that is not on the curve, or an endpoint that is not https.
 */
export function parsePushSubscription(text: string): PushSubscriptionKeys {
  const subscription = asObject(parsed(text));
  ensure(
    Object.keys(subscription).every((name) => MEMBERS.includes(name)),
    'invalid-request',
    'the push subscription has an unknown member',
  );
  const keys = asObject(subscription['keys']);
  const p256dh = readKey(keys['p256dh'], POINT_BYTES);
  ensure(isOnCurve(p256dh), 'invalid-request', "the subscription's key p256dh is not a point of P-256");
  const { endpoint } = subscription;
  ensure(typeof endpoint === 'string', 'invalid-request', 'the push subscription has no endpoint');
  return { endpoint: canonicalHttpsUrl(endpoint), p256dh, auth: readKey(keys['auth'], AUTH_BYTES) };
}

/** Formats a subscription as `PushSubscription.toJSON()` does, without its expiry. */
export function formatPushSubscription({ endpoint, p256dh, auth }: PushSubscriptionKeys): string {
  return JSON.stringify({ endpoint, keys: { p256dh: formatBase64Url(p256dh), auth: formatBase64Url(auth) } });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new GlasskeyError('invalid-request', 'the push subscription is not JSON');
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  ensure(isObject, 'invalid-request', 'the address is not a push subscription');
  return value as Readonly<Record<string, unknown>>;
}

/** Reads base64url, canonical and without padding. */
function readKey(value: unknown, length: number): Uint8Array {
  const isText = typeof value === 'string' && value.length <= MAX_KEY_CHARACTERS;
  const bytes = isText ? bytesOf(value) : undefined;
  ensure(bytes?.length === length, 'invalid-request', 'a key of the push subscription has the wrong form');
  return bytes;
}

function bytesOf(text: string): Uint8Array | undefined {
  try {
    return parseBase64Url(text);
  } catch {
    return undefined;
  }
}

function isOnCurve(point: Uint8Array): boolean {
  try {
    const same = ECDH.convertKey(point, 'prime256v1', undefined, undefined, 'uncompressed');
    return equalBytes(Buffer.from(same as Buffer), point);
  } catch {
    return false;
  }
}
