import {
  formatNotifyOrderRequest,
  type NotifyAnswer,
  type NotifyConfirmation,
  parseNotifyAnswer,
} from '../../contract/notify-bodies.ts';
import { PATHS } from '../../contract/paths.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { encodeUtf8, parseHex } from '../../core/encoding/bytes.ts';
import { encode } from '../../core/encoding/codec.ts';
import { ensure } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import {
  MAX_NOTIFY_ADDRESS_BYTES,
  type NotifyAction,
  notifyOrderCodec,
  notifyOrderMessage,
} from '../../identity/notify-order.ts';
import type { ClientKey } from '../client-key.ts';
import type { Operation } from './operation.ts';

/** An order about the addresses where an owner is told of changes. */
export type NotifyOrderOptions =
  /** `mailto:…`, `https://…`, or the JSON of a browser's PushSubscription. */
  | { readonly add: string }
  /** The id of an address. */
  | { readonly remove: string }
  | { readonly list: true };

/**
 * Signs an order about the addresses of an identity and sends it (docs/spec.md#notify-orders). The order holds for this
 * log and identity only, once, and for ten minutes. Throws `usage` for an address that is too long or an id that is
 * none, the server's refusal, and `bad-response`.
 */
export async function orderNotices(
  { transport, trust, now }: Operation,
  identity: Identity,
  credentials: ClientKey,
  options: NotifyOrderOptions,
): Promise<NotifyAnswer> {
  const { origin } = trust.bundle;
  const order = encode(notifyOrderCodec, { origin, label: identity.label, number: now(), ...parts(options) });
  const signature = await credentials.sign(notifyOrderMessage(order));
  const signed = { order, signer: sha256(credentials.spki), signature };
  const body = formatNotifyOrderRequest({ identity: identity.text, order: signed });
  return parseNotifyAnswer(await transport.postJson(PATHS.notifyOrders, body));
}

/** Sends the code that an address received. Throws `code-refused`, the server's refusal, and `bad-response`. */
export async function confirmAddress(
  { transport }: Operation,
  { text: identity }: Identity,
  { id, code }: Pick<NotifyConfirmation, 'id' | 'code'>,
): Promise<NotifyAnswer> {
  return parseNotifyAnswer(await transport.postJson(PATHS.notifyConfirmations, { identity, id, code }));
}

function parts(options: NotifyOrderOptions): { readonly action: NotifyAction; readonly subject: Uint8Array } {
  if ('list' in options) return { action: 'list', subject: new Uint8Array(0) };
  if ('remove' in options) {
    ensure(/^[0-9a-f]{32}$/.test(options.remove), 'usage', 'the id of an address has 32 hexadecimal digits');
    return { action: 'remove', subject: parseHex(options.remove) };
  }
  const subject = encodeUtf8(options.add);
  const fits = subject.length > 0 && subject.length <= MAX_NOTIFY_ADDRESS_BYTES;
  ensure(fits, 'usage', `an address has 1 to ${MAX_NOTIFY_ADDRESS_BYTES} bytes`);
  return { action: 'add', subject };
}
