import type { RequestOptions } from 'web-push';
import { formatBase64Url } from '../core/encoding/bytes.ts';
import { MAX_SUBJECT_CHARACTERS, type Notice, visibleText } from './notice.ts';
import type { PushSubscriptionKeys } from './push-subscription.ts';
import type { EgressPost } from './safe-egress.ts';

/** The key by which push services know the sender (RFC 8292). */
export interface VapidSettings {
  /** `mailto:` or `https:`: where the push service reaches the operator. */
  readonly subject: string;
  /** The P-256 key as an uncompressed point, base64url. Browsers subscribe with it. */
  readonly publicKey: string;
  /** The private scalar of 32 bytes, base64url. */
  readonly privateKey: string;
}

/** Every message is this long before encryption, bytes: its length says nothing. RFC 8291 §4 allows 3,993. */
const MESSAGE_BYTES = 3_000;
const MAX_BODY_CHARACTERS = 700;
/** The time that a push service keeps a message for a browser that is away, s. */
const KEPT_SECONDS = 7 * 86_400;

/** Encrypts a notice for a browser (RFC 8291), and writes the request to its push service (RFC 8030). */
export async function pushRequest(
  { endpoint, p256dh, auth }: PushSubscriptionKeys,
  notice: Notice,
  vapidDetails: VapidSettings,
): Promise<EgressPost> {
  const { default: webPush } = await import('web-push');
  const subscription = { endpoint, keys: { p256dh: formatBase64Url(p256dh), auth: formatBase64Url(auth) } };
  const options: RequestOptions = { vapidDetails, TTL: KEPT_SECONDS, urgency: 'high', contentEncoding: 'aes128gcm' };
  const { headers, body } = webPush.generateRequestDetails(subscription, pushMessage(notice), options);
  // Its types say text; TTL and the length are numbers.
  const values: Readonly<Record<string, unknown>> = headers;
  const named = Object.entries(values).map(([name, value]) => [name.toLowerCase(), String(value)] as const);
  return { url: endpoint, headers: Object.fromEntries(named), body: new Uint8Array(body ?? []) };
}

/** Returns the JSON that the browser decrypts, padded with spaces: the event only if it fits. */
function pushMessage({ id, subject, text, event }: Notice): string {
  const title = visibleText(subject, MAX_SUBJECT_CHARACTERS);
  const body = text.length <= MAX_BODY_CHARACTERS ? text : `${text.slice(0, MAX_BODY_CHARACTERS - 1)}…`;
  const whole = JSON.stringify({ id, title, body, event });
  const message = Buffer.byteLength(whole) <= MESSAGE_BYTES ? whole : JSON.stringify({ id, title, body });
  return message + ' '.repeat(Math.max(MESSAGE_BYTES - Buffer.byteLength(message), 0));
}
