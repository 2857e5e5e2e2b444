import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, type GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import type { AcmeOrderRow } from '../../store/ports.ts';
import { mayVouch } from '../evidence/policy-table.ts';
import { canonicalise, parse, proofOfPossession } from '../intake.ts';
import { makeRegistrationGrant } from '../log/registration-grants.ts';
import type { LogService } from '../log-service.ts';
import { type AcmeAccount, prolongAccount } from './acme-accounts.ts';
import { ensureAcme } from './acme-refusal.ts';
import { type AcmeAttestSettings, type AcmeSettings, MAX_ACME_ORDERS, ORDER_LIFETIME_MS } from './acme-settings.ts';
import { acceptAttestation, assertAttestedKey, deviceToken } from './device-challenge.ts';
import { challengeTokens, sendChallenge } from './mail-challenge.ts';
import { isWithinScope, type OrderIdentifier, orderName, type OrderName } from './order-identity.ts';

const ID_BYTES = 16;

/** Lifetime of the grant with which an order enters the issuance pipeline, ms. It never leaves the process. */
const GRANT_LIFETIME_MS = 60_000;

/** An order of an ACME client. */
export type AcmeOrder = AcmeOrderRow;

/** A request to finalize an order. Untrusted. */
export interface FinalizeOrder {
  /** PKCS#10, DER. */
  readonly csr: Uint8Array;
  readonly requestId: string;
}

/**
 * Orders of ACME (RFC 8555 §7.4), in front of the one issuance pipeline. An order has a state of its own only because a
 * client asks for it in several requests: whether the name may be certified, the pipeline decides at the end.
 */
export class AcmeOrders {
  readonly #service: LogService;

  constructor(service: LogService) {
    this.#service = service;
  }

  /**
   * Opens an order. Its authorization is valid at once if the account's application vouches for the name, and that is
   * not a device's. Without an application, a mail asks the address for a reply, if the settings have `mail`. Throws
   * `unauthorized` if the account or the policy does not allow it, `rateLimited`, and as {@link orderName} and
   * {@link sendChallenge}.
   */
  async open(
    account: AcmeAccount,
    identifiers: readonly OrderIdentifier[],
    { mail, attest }: Pick<AcmeSettings, 'mail' | 'attest'> = {},
  ): Promise<AcmeOrderRow> {
    const { context } = this.#service;
    const { store, identityRules, vrf, now, random } = context;
    const name = orderName(identifiers, identityRules, attest?.prefix);
    const { identity } = name;
    const labelKey = await vrf.labelKey(identity.label);
    const { labelKey: only, accountId } = account.row;
    ensureAcme(isWithinScope(only, labelKey), 'unauthorized', 'the account is for another name');
    const mailer = this.#mailerFor(account, name, mail);
    const isVouched = mailer === undefined;
    const later = { csr: undefined, certificate: undefined, errorCode: undefined, attestedKey: undefined };
    const order: AcmeOrderRow = {
      orderId: random(ID_BYTES),
      accountId,
      labelKey,
      identity: identity.text,
      state: isVouched && !name.isDevice ? 'ready' : 'pending',
      proof: name.isDevice ? 'device' : isVouched ? 'application' : 'email',
      expiresMs: now() + ORDER_LIFETIME_MS,
      ...later,
    };
    const isAdded = await store.addAcmeOrder(order, MAX_ACME_ORDERS);
    ensureAcme(isAdded, 'rateLimited', `an account has at most ${MAX_ACME_ORDERS} orders a day`);
    await prolongAccount({ store, now }, account);
    if (mailer === undefined) return order;
    try {
      await sendChallenge(context, mailer, order, identity);
    } catch (error) {
      await store.changeAcmeOrder(order, { state: 'invalid' });
      throw error;
    }
    return order;
  }

  /**
   * Returns what sends the challenge; undefined if the account's application vouches for the name. Throws
   * `unauthorized` if neither is allowed. An attestation comes on top: it stands in for no application.
   */
  #mailerFor({ row }: AcmeAccount, { identity, isDevice }: OrderName, settings: AcmeSettings['mail']) {
    const { policyTable, mailer } = this.#service.context.reloadable.evidence;
    const vouches = row.scope !== 'none' && mayVouch(policyTable, { type: 'application' }, identity);
    if (vouches) return undefined;
    ensureAcme(!isDevice, 'unauthorized', 'the application of this account does not vouch for the device');
    const isByMail = identity.kind === 'email' && mayVouch(policyTable, { type: 'email' }, identity);
    const refusal = 'neither the application of this account nor a mail may vouch for the name';
    ensureAcme(isByMail && mailer !== undefined && settings !== undefined, 'unauthorized', refusal);
    return { mailer, settings };
  }

  /** Returns the token of a challenge, for a mail the part that the account reads; undefined without a challenge. */
  readToken({ proof, orderId }: AcmeOrderRow): string | undefined {
    if (proof === 'device') return deviceToken(this.#service.context, orderId);
    return proof === 'email' ? challengeTokens(this.#service.context, orderId).read : undefined;
  }

  /** Takes an attestation for an order, and returns the order that is ready. Throws as {@link acceptAttestation}. */
  async attest(
    account: AcmeAccount,
    order: AcmeOrderRow,
    attestation: Uint8Array,
    settings: AcmeAttestSettings | undefined,
  ): Promise<AcmeOrderRow> {
    ensureAcme(settings !== undefined, 'unauthorized', 'this server takes no attestations any more');
    await acceptAttestation(this.#service.context, settings, order, attestation);
    return this.find(account, order.orderId);
  }

  /** Returns the ids of an account's orders. */
  list({ row }: AcmeAccount): Promise<readonly Uint8Array[]> {
    return this.#service.context.store.listAcmeOrders(row.accountId, MAX_ACME_ORDERS);
  }

  /** Returns an order of an account. Throws `not-found` for any other, also for one of another account. */
  async find(account: AcmeAccount, orderId: Uint8Array): Promise<AcmeOrderRow> {
    const order = await this.#service.context.store.findAcmeOrder(orderId);
    const isOwn =
      order !== undefined &&
      equalBytes(order.accountId, account.row.accountId) &&
      this.#service.context.now() < order.expiresMs;
    ensure(isOwn, 'not-found', 'the account has no such order');
    return order;
  }

  /**
   * Returns an order as it is now. One that is processing goes on: the same request of the pipeline again finds what
   * the first one made, in any process, also after a crash.
   */
  async look(account: AcmeAccount, order: AcmeOrderRow, requestId: string): Promise<AcmeOrderRow> {
    return order.state === 'processing' ? (await this.#issue(account, order, requestId)).order : order;
  }

  /**
   * Finalizes an order: its certificate is there once the version that holds it is released. The same request again
   * returns the order. Throws `orderNotReady`; `badCSR` and `badPublicKey`, after which the order is still ready; and
   * what the pipeline throws, after which it is invalid.
   */
  async finalize(account: AcmeAccount, order: AcmeOrderRow, finalize: FinalizeOrder): Promise<AcmeOrderRow> {
    const { context } = this.#service;
    const csr = parse(finalize);
    if (order.csr !== undefined && equalBytes(order.csr, csr)) return this.look(account, order, finalize.requestId);
    ensureAcme(order.state === 'ready', 'orderNotReady', `the order is ${order.state}`);
    const request = await proofOfPossession(context, csr, this.#identityOf(order));
    assertAttestedKey(order, request);
    const isOther = !equalBytes(request.spki, account.key.spki);
    ensureAcme(isOther, 'badCSR', 'the key of an account is not for certificates');
    const isBegun = await context.store.changeAcmeOrder(order, { state: 'processing', csr });
    ensureAcme(isBegun, 'orderNotReady', 'the order was finalized at the same time');
    const begun = await this.find(account, order.orderId);
    const { order: settled, error } = await this.#issue(account, begun, finalize.requestId);
    if (error !== undefined) throw error;
    return settled;
  }

  /** Returns a certificate and the chain to its root, which is not in it: DER. Throws `orderNotReady`. */
  chainOf({ certificate }: AcmeOrderRow): readonly Uint8Array[] {
    ensureAcme(certificate !== undefined, 'orderNotReady', 'the order has no certificate yet');
    return [certificate, ...this.#service.context.reloadable.issuingCas.chainOf(certificate).slice(0, -1)];
  }

  /** Abandons an order (RFC 8555 §7.5.2), unless its certificate is under way. */
  async giveUp(account: AcmeAccount, order: AcmeOrderRow): Promise<AcmeOrderRow> {
    const isOpen = order.state === 'pending' || order.state === 'ready';
    if (isOpen) await this.#service.context.store.changeAcmeOrder(order, { state: 'invalid' });
    return this.find(account, order.orderId);
  }

  #identityOf({ identity }: AcmeOrderRow): Identity {
    return canonicalise(identity, this.#service.context.identityRules);
  }

  /** Runs the pipeline and notes how it ended. */
  async #issue(account: AcmeAccount, order: AcmeOrderRow, requestId: string): Promise<Outcome> {
    const { store } = this.#service.context;
    let error: GlasskeyError | undefined;
    try {
      const certificate = await this.#certify(account, order, requestId);
      await store.changeAcmeOrder(order, { state: 'valid', certificate });
    } catch (cause) {
      if (!isGlasskeyError(cause)) throw cause;
      // The version may be in the log already, or be under way: the order goes on when the client asks again.
      if (cause.fault === 'overload' || cause.code === 'version-conflict') return { order };
      if (cause.fault === 'storage' || cause.fault === 'network' || cause.fault === 'internal') throw cause;
      await store.changeAcmeOrder(order, { state: 'invalid', errorCode: cause.code });
      error = cause;
    }
    return { order: await this.find(account, order.orderId), error };
  }

  /** Issues by the one pipeline, which verifies everything anew: token, policy, key, continuity. */
  async #certify(account: AcmeAccount, order: AcmeOrderRow, requestId: string): Promise<Uint8Array> {
    const { context } = this.#service;
    const { csr } = order;
    ensure(csr !== undefined, 'internal', 'an order without a request is processing');
    const identity = this.#identityOf(order);
    const { spkiSha256 } = await context.parseCsr(csr);
    assertAttestedKey(order, { spkiSha256 });
    const { grant } = makeRegistrationGrant(context, {
      label: identity.label,
      token: account.row.tokenHash,
      spkiSha256,
      lifetimeMs: GRANT_LIFETIME_MS,
      isProvedByMail: order.proof === 'email',
    });
    const { certificate } = await this.#service.issue({
      identity: identity.text,
      csr,
      token: undefined,
      evidence: { type: 'grant', grant },
      // An account learns nothing about a name for which nothing vouches any more.
      proveFirst: true,
      change: undefined,
      last: undefined,
      requestId,
    });
    return certificate;
  }
}

/** An order after a run of the pipeline, and why that refused it. */
interface Outcome {
  readonly order: AcmeOrderRow;
  readonly error?: GlasskeyError | undefined;
}
