import { ensure } from '../../core/errors.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import { assertMayVouch } from '../evidence/policy-table.ts';
import type { LogContext } from '../log/log-context.ts';
import type { LogService } from '../log-service.ts';
import { applicationTokenHash } from '../log/tokens.ts';
import { type BindingKey, makeBindingKey } from './account-binding.ts';
import { type AcmeAccount, changeAccountKey, findAccount } from './acme-accounts.ts';
import { makeAcmeNonce, readAcmeNonce, useAcmeNonce } from './acme-nonces.ts';
import { AcmeOrders } from './acme-orders.ts';
import { ensureAcme } from './acme-refusal.ts';
import { BINDING_LIFETIME_MS } from './acme-settings.ts';
import { type PublicJwk, readPublicJwk } from './public-jwk.ts';
import { type AcmeMessage, verifyMessage } from './acme-message.ts';

/** A wish for a binding key, as it came in. Everything in it is untrusted. */
export interface BindingOrder {
  readonly token: string | undefined;
  /** The only name that the account may order; undefined: every name that the application may vouch for. */
  readonly identity: string | undefined;
  /** Undefined: the default. */
  readonly lifetimeMs: number | undefined;
  /** False if the application admits the account, and vouches for no name. Default: true. */
  readonly vouches?: boolean | undefined;
}

/** The sender of a request: an account, or somebody with a key, who may be anybody. */
export type AcmeSender = { readonly account: AcmeAccount } | KeyHolder;

/** A sender who has shown a key. */
export interface KeyHolder {
  readonly key: PublicJwk;
  /**
   * Uses the nonce up. To be called before the first effect, once it is clear that the sender is no stranger: a used
   * nonce is a row in the database, and strangers must not fill that. Throws `badNonce`.
   */
  readonly useNonce: () => Promise<void>;
}

/** ACME (RFC 8555), in front of the one issuance pipeline. It authenticates requests and keeps accounts and orders. */
export class AcmeService {
  readonly orders: AcmeOrders;
  readonly #service: LogService;

  constructor(service: LogService) {
    this.#service = service;
    this.orders = new AcmeOrders(service);
  }

  get context(): LogContext {
    return this.#service.context;
  }

  /** Returns a fresh nonce. */
  newNonce(): string {
    return makeAcmeNonce(this.context);
  }

  /**
   * Makes a binding key, for an application. It reads nothing of the log. Throws `unauthenticated`, `invalid-identity`,
   * and `forbidden` if applications may not vouch for the identity.
   */
  async bindingKey({ token, identity, lifetimeMs, vouches = true }: BindingOrder): Promise<BindingKey> {
    const { context } = this;
    ensure(token !== undefined, 'unauthenticated', 'only an application with its token makes binding keys');
    await this.#service.identifyToken(token);
    const tokenHash = applicationTokenHash(token);
    const lifetime = lifetimeMs ?? BINDING_LIFETIME_MS;
    if (identity === undefined) {
      const scope = vouches ? 'any' : 'none';
      return makeBindingKey(context, { tokenHash, scope, labelKey: undefined }, lifetime);
    }
    ensure(vouches, 'invalid-request', 'an application that names an identity vouches for it');
    const canonical = canonicalIdentity(identity, context.identityRules);
    assertMayVouch(context.reloadable.evidence.policyTable, { type: 'application' }, canonical);
    const labelKey = await context.vrf.labelKey(canonical.label);
    return makeBindingKey(context, { tokenHash, scope: 'name', labelKey }, lifetime);
  }

  /**
   * Authenticates a request (RFC 8555 §6): signature, URL and nonce. `url` is where it arrived. `accountOf` returns the
   * id of the account that a `kid` names; undefined for no account's URL. Throws `malformed`, `unauthorized`,
   * `badNonce`, `badSignatureAlgorithm`, `badPublicKey`, `accountDoesNotExist`.
   */
  async authenticate(
    message: AcmeMessage,
    url: string,
    accountOf: (kid: string) => Uint8Array | undefined,
  ): Promise<AcmeSender> {
    const { context } = this;
    const { header } = message;
    ensureAcme(header.url === url, 'unauthorized', 'the request is signed for another URL');
    ensureAcme(header.nonce !== undefined, 'badNonce', 'the request has no nonce');
    const nonce = readAcmeNonce(context, header.nonce);
    const sender = await this.#senderOf(message, accountOf);
    await verifyMessage(message, 'key' in sender ? sender.key : sender.account.key);
    // The nonce last: a forged request must not use up the nonce of another.
    const useNonce = (): Promise<void> => useAcmeNonce(context, nonce);
    if ('key' in sender) return { key: sender.key, useNonce };
    await useNonce();
    return sender;
  }

  async #senderOf(
    { header }: AcmeMessage,
    accountOf: (kid: string) => Uint8Array | undefined,
  ): Promise<{ readonly account: AcmeAccount } | Pick<KeyHolder, 'key'>> {
    if (header.kid === undefined) return { key: readPublicJwk(header.jwk) };
    const accountId = accountOf(header.kid);
    ensureAcme(accountId !== undefined, 'accountDoesNotExist', 'the kid is not the URL of an account');
    return { account: await findAccount(this.context, accountId) };
  }

  /**
   * Changes the key of an account (RFC 8555 §7.3.5) by an inner message that the new key has signed. `asked` is its
   * payload; `url` and `accountUrl` are those that it has to name. Throws `malformed` and as {@link changeAccountKey}.
   */
  async changeKey(
    account: AcmeAccount,
    inner: AcmeMessage,
    asked: { readonly account: string; readonly oldKey: unknown },
    { url, accountUrl }: { readonly url: string; readonly accountUrl: string },
  ): Promise<AcmeAccount> {
    const { jwk, nonce, url: signed, kid } = inner.header;
    ensureAcme(kid === undefined && nonce === undefined, 'malformed', 'the inner request has a jwk and no nonce');
    ensureAcme(signed === url, 'malformed', 'the inner request is for another URL');
    const key = readPublicJwk(jwk);
    await verifyMessage(inner, key);
    ensureAcme(asked.account === accountUrl, 'malformed', 'the inner request is for another account');
    return changeAccountKey(this.context, account, { oldKey: asked.oldKey, key });
  }
}
