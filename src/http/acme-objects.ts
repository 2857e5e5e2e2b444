import { formatBase64Url } from '../core/encoding/bytes.ts';
import { ACME_PREFIX, PATHS } from '../contract/paths.ts';
import type { AcmeAccount } from '../service/acme/acme-accounts.ts';
import type { AcmeOrder } from '../service/acme/acme-orders.ts';
import type { OrderIdentifier } from '../service/acme/order-identity.ts';
import { ORDER_LIFETIME_MS } from '../service/acme/acme-settings.ts';
import { orderProblem } from './acme-problem.ts';

const ID = /^[A-Za-z0-9_-]{22}$/;

/** URLs and objects of ACME (RFC 8555 §7.1) at one server. */
export class AcmeObjects {
  readonly #base: string;

  /** `base` is the server's URL, without a slash at the end. */
  constructor(base: string) {
    this.#base = base;
  }

  /** The directory (RFC 8555 §7.1.1). */
  directory(): object {
    return {
      newNonce: this.url(PATHS.acmeNewNonce),
      newAccount: this.url(PATHS.acmeNewAccount),
      newOrder: this.url(PATHS.acmeNewOrder),
      revokeCert: this.url(PATHS.acmeRevokeCertificate),
      keyChange: this.url(PATHS.acmeKeyChange),
      meta: { website: this.url(PATHS.docs), externalAccountRequired: true },
    };
  }

  /** Returns the URL of a path. */
  url(path: string): string {
    return this.#base + path;
  }

  /** Returns the URL of an account. */
  accountUrl({ row }: AcmeAccount): string {
    return this.#of('account', row.accountId);
  }

  /** Returns the id of the account that an untrusted URL names; undefined if it is not the URL of an account. */
  readonly accountOf = (kid: string): Uint8Array | undefined => {
    const prefix = this.url(`${ACME_PREFIX}account/`);
    return kid.startsWith(prefix) ? readAcmeId(kid.slice(prefix.length)) : undefined;
  };

  /** Returns the URL of an order. */
  orderUrl(orderId: Uint8Array): string {
    return this.#of('order', orderId);
  }

  /** An account (RFC 8555 §7.1.2). */
  account(account: AcmeAccount): object {
    return { status: account.row.state, orders: `${this.accountUrl(account)}/orders` };
  }

  /** An order (RFC 8555 §7.1.3), by the identifier that it is for. */
  order(order: AcmeOrder, identifier: OrderIdentifier): object {
    const { orderId, state, expiresMs, errorCode } = order;
    const error = orderProblem(errorCode, this.#base);
    return {
      status: state,
      expires: new Date(expiresMs).toISOString(),
      identifiers: [identifier],
      authorizations: [this.authorizationUrl(order)],
      finalize: `${this.orderUrl(orderId)}/finalize`,
      ...(state === 'valid' && { certificate: this.#of('cert', orderId) }),
      ...(error !== undefined && { error }),
    };
  }

  /**
   * The authorization of an order (RFC 8555 §7.1.4). It has no challenge where the account's application has vouched
   * before.
   */
  authorization(order: AcmeOrder, identifier: OrderIdentifier, challenge: object | undefined): object {
    const { state, errorCode, expiresMs } = order;
    const isGivenUp = state === 'invalid' && errorCode === undefined;
    const isRefused = state === 'invalid' && !isGivenUp && isUnattested(order);
    const status = isGivenUp ? 'deactivated' : isRefused ? 'invalid' : state === 'pending' ? 'pending' : 'valid';
    const challenges = challenge === undefined ? [] : [challenge];
    return { identifier, status, expires: new Date(expiresMs).toISOString(), challenges };
  }

  /** A challenge to a device (draft-ietf-acme-device-attest-09 §5). One that was refused says why. */
  deviceChallenge(order: AcmeOrder, token: string): object {
    const { orderId, state, expiresMs, errorCode } = order;
    const common = { type: 'device-attest-01', url: this.#of('chall', orderId), token };
    const error = orderProblem(errorCode, this.#base);
    if (isUnattested(order)) return { ...common, status: state, ...(error !== undefined && { error }) };
    return { ...common, status: 'valid', validated: validated(expiresMs) };
  }

  /** A challenge by mail (RFC 8823 §3) from this sender, with the part of its token that is not in the mail. */
  mailChallenge({ orderId, state, expiresMs }: AcmeOrder, token: string, from: string): object {
    const common = { type: 'email-reply-00', url: this.#of('chall', orderId), token, from };
    if (state === 'pending' || state === 'invalid') return { ...common, status: state };
    return { ...common, status: 'valid', validated: validated(expiresMs) };
  }

  /** Returns the URL of an order's authorization. */
  authorizationUrl({ orderId }: AcmeOrder): string {
    return this.#of('authz', orderId);
  }

  #of(kind: string, id: Uint8Array): string {
    return this.url(`${ACME_PREFIX}${kind}/${formatBase64Url(id)}`);
  }
}

/** Returns true if the device of an order has not attested. */
function isUnattested({ proof, attestedKey }: AcmeOrder): boolean {
  return proof === 'device' && attestedKey === undefined;
}

/** Returns the time of an answer to a challenge: the order lives a day from then on. */
function validated(expiresMs: number): string {
  return new Date(expiresMs - ORDER_LIFETIME_MS).toISOString();
}

/** Reads the id at the end of an untrusted URL; undefined if it is none. */
export function readAcmeId(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Buffer.from(ID.test(text) ? text : '', 'base64url'));
  return formatBase64Url(bytes) === text ? bytes : undefined;
}
