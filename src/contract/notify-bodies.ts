import { formatBase64 } from '../core/encoding/bytes.ts';
import { MAX_NOTIFY_ORDER_BYTES, type SignedNotifyOrder } from '../identity/notify-order.ts';
import { MAX_SIGNATURE_FORMAT_2 } from '../identity/authorization.ts';
import { JsonFields } from './json-fields.ts';
import { MAX_IDENTITY_CHARACTERS } from './input-sizes.ts';

/** Parsed JSON of `POST /v1/notify-orders`: adds, removes or lists the addresses of an identity. */
export interface NotifyOrderRequest {
  readonly identity: string;
  readonly order: SignedNotifyOrder;
}

/** Parsed JSON of `POST /v1/notify-confirmations`: the code that an address received. */
export interface NotifyConfirmation {
  readonly identity: string;
  /** Names the address: 32 lower-case hexadecimal digits. */
  readonly id: string;
  readonly code: string;
}

/** An address as its owner sees it: it never shows enough to reach somebody. */
export interface NotifyAddressInfo {
  readonly id: string;
  readonly kind: 'mail' | 'webhook' | 'push';
  /** `b…@example.com`, or the host. */
  readonly hint: string;
  /** `former`: removed, and told for a while yet. */
  readonly state: 'unconfirmed' | 'confirmed' | 'former';
  /** ISO 8601: the end of the code, or of a former address. */
  readonly until?: string;
  /** ISO 8601: the last notice that was delivered. */
  readonly told?: string;
  /** The reason for the last failure since then. */
  readonly failure?: string;
}

/** JSON answer of `POST /v1/notify-orders` and `POST /v1/notify-confirmations`. */
export interface NotifyAnswer {
  /** Canonical. */
  readonly identity: string;
  readonly addresses: readonly NotifyAddressInfo[];
  /** The address that was added; a webhook that answered as it must is confirmed already. */
  readonly added?: string;
}

/** JSON answer of `GET /v1/notify-keys`: the keys by which notices of this server are known. */
export interface NotifyKeys {
  /** Standard Webhooks form: `whpk_` and base64 of the Ed25519 key. */
  readonly webhookKey: string;
  /** The `applicationServerKey` of push subscriptions, base64url; absent if the server sends none. */
  readonly vapidKey?: string;
}

const ID = /^[0-9a-f]{32}$/;
const MAX_CODE = 64;
const MAX_ADDRESSES = 64;
const MAX_HINT = 255;

/** Reads the JSON of `POST /v1/notify-orders`, already parsed. Throws `invalid-request`. */
export function parseNotifyOrderRequest(body: unknown): NotifyOrderRequest {
  const fields = new JsonFields(body, 'invalid-request').only(['identity', 'order']);
  const order = fields.object('order').only(['order', 'signer', 'signature']);
  return {
    identity: fields.string('identity', MAX_IDENTITY_CHARACTERS),
    order: {
      order: order.base64('order', { minimum: 1, maximum: MAX_NOTIFY_ORDER_BYTES }),
      signer: order.base64('signer', { minimum: 32, maximum: 32 }),
      signature: order.base64('signature', { minimum: 1, maximum: MAX_SIGNATURE_FORMAT_2 }),
    },
  };
}

/** Formats an order as JSON. */
export function formatNotifyOrderRequest({ identity, order }: NotifyOrderRequest) {
  const { order: encoded, signer, signature } = order;
  const parts = { order: formatBase64(encoded), signer: formatBase64(signer), signature: formatBase64(signature) };
  return { identity, order: parts };
}

/** Reads the JSON of `POST /v1/notify-confirmations`, already parsed. Throws `invalid-request`. */
export function parseNotifyConfirmation(body: unknown): NotifyConfirmation {
  const fields = new JsonFields(body, 'invalid-request').only(['identity', 'id', 'code']);
  const identity = fields.string('identity', MAX_IDENTITY_CHARACTERS);
  return { identity, id: readId(fields, 'id'), code: fields.string('code', MAX_CODE) };
}

/** Reads a server's answer to an order or a confirmation. Throws `bad-response`. */
export function parseNotifyAnswer(body: unknown): NotifyAnswer {
  const fields = new JsonFields(body, 'bad-response', 'answer');
  const addresses = fields.array('addresses', { minimum: 0, maximum: MAX_ADDRESSES });
  return {
    identity: fields.string('identity', MAX_IDENTITY_CHARACTERS),
    addresses: addresses.map((address) => readAddress(address)),
    ...(fields.has('added') ? { added: readId(fields, 'added') } : {}),
  };
}

function readAddress(value: unknown): NotifyAddressInfo {
  const fields = new JsonFields(value, 'bad-response', 'answer.addresses');
  const optional = (name: 'until' | 'told' | 'failure') =>
    fields.has(name) ? { [name]: fields.string(name, MAX_HINT) } : {};
  return {
    id: readId(fields, 'id'),
    kind: fields.oneOf('kind', ['mail', 'webhook', 'push']),
    hint: fields.string('hint', MAX_HINT),
    state: fields.oneOf('state', ['unconfirmed', 'confirmed', 'former']),
    ...optional('until'),
    ...optional('told'),
    ...optional('failure'),
  };
}

function readId(fields: JsonFields, name: string): string {
  const id = fields.string(name, 32);
  if (!ID.test(id)) throw fields.failure(name, 'is not the name of an address');
  return id;
}
