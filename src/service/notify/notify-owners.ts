import { createHash } from 'node:crypto';
import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { type DeliveryAddress, parseDeliveryAddress } from '../../delivery/address.ts';
import type { DeliveryResult } from '../../delivery/delivery-result.ts';
import { webhookPublicKey } from '../../delivery/webhook-signature.ts';
import type { Identity } from '../../identity/identity.ts';
import type { SignedNotifyOrder } from '../../identity/notify-order.ts';
import { newEmailCode } from '../evidence/email/email-code.ts';
import { canonicalise } from '../intake.ts';
import { Deadline } from '../issuance/await-log.ts';
import { readProvedState } from '../log/proved-state.ts';
import { TokenBuckets } from '../token-buckets.ts';
import { asErased, type ListedAddress, listedAddress, type NotifyBook } from './notify-book.ts';
import { codeNotice } from './notices.ts';
import { codeRefused, notifyCodeHash, tryCode } from './notify-code.ts';
import { addedAddress, applyOrder, tooMany, verifyNotifyOrder } from './notify-orders.ts';
import type { NotifyParts, OpenNotices } from './notify-parts.ts';
import { CODE_MS, MAX_CODES, WINDOW_MS } from './notify-settings.ts';

/** An order about the addresses of a name. Untrusted. */
export interface NotifyOrderOf {
  readonly identity: string;
  readonly order: SignedNotifyOrder;
}

/** The answer to an order. */
export interface NotifyOutcome {
  /** Canonical. */
  readonly identity: string;
  readonly addresses: readonly ListedAddress[];
  /** The id of the address that was added. */
  readonly added?: string;
}

/** Most orders that are carried out at once: each may wait for an address that a stranger chose. */
const MAX_AT_ONCE = 16;
/** Most codes to one host across names within the window: some hosts serve many people, a push service most of all. */
const MAX_HOST_CODES = 60;
const MAX_PUSH_HOST_CODES = 1_000;

/** Takes the orders of owners about where they are told, and the codes by which an address agrees. */
export class NotifyOwners {
  readonly #parts: NotifyParts;
  readonly #addressBudget: TokenBuckets;
  readonly #hostBudgets: Readonly<Record<'webhook' | 'push', TokenBuckets>>;
  #atOnce = 0;

  constructor(parts: NotifyParts) {
    this.#parts = parts;
    const { now } = parts.prover.context;
    const per = (burst: number): TokenBuckets =>
      new TokenBuckets({ perSecond: (burst * 1000) / WINDOW_MS, burst }, now);
    this.#addressBudget = per(MAX_CODES);
    this.#hostBudgets = { webhook: per(MAX_HOST_CODES), push: per(MAX_PUSH_HOST_CODES) };
  }

  /** Returns the public keys by which receivers know this log; none for pushes if it sends none. */
  publicKeys(): { readonly webhookKey: string; readonly vapidKey: string | undefined } {
    const { keys } = this.#parts;
    const vapidKey = this.#parts.open()?.settings.pushContact === undefined ? undefined : keys.vapid.publicKey;
    return { webhookKey: webhookPublicKey(keys.webhook), vapidKey };
  }

  /**
   * Carries an order out. A new address is sent a code before the answer; a webhook that echoes it is confirmed. Throws
   * `unsupported-operation`, `invalid-identity`, `identity-not-found`, `erased`, what `verifyNotifyOrder` and
   * `applyOrder` throw, `mail-unavailable`, and `invalid-request` for an address that could not be told.
   */
  async order({ identity: text, order: signed }: NotifyOrderOf): Promise<NotifyOutcome> {
    const notices = this.#opened();
    return this.#bounded(async () => {
      const { prover, books } = this.#parts;
      const { context } = prover;
      const identity = canonicalise(text, context.identityRules);
      const { label } = identity;
      const labelKey = await context.vrf.labelKey(label);
      const deadline = new Deadline(context.limits.requestTimeoutMs);
      const state = await readProvedState(prover, { label, labelKey }, deadline);
      if (state === undefined) throw new GlasskeyError('identity-not-found', 'the identity is not registered');
      const nowMs = context.now();
      const order = await verifyNotifyOrder(signed, state, { origin: context.origin, label, nowMs });
      const address = order.action === 'add' ? parseDeliveryAddress(addedAddress(order)) : undefined;
      const [id, code] = [formatHex(context.random(16)), newEmailCode(context.random)];
      const fresh = { id, codeHash: notifyCodeHash(id, code) };
      if (address !== undefined) this.#assertMayAsk(address);
      const name = { labelKey, identity: identity.text };
      const book = await books.update(name, (one) => applyOrder(one, order, { fresh, version: state.version, nowMs }));
      if (address === undefined) return outcomeOf(identity, book);
      return { ...outcomeOf(identity, await this.#ask(notices, name, address, { id, code })), added: id };
    });
  }

  /**
   * Takes the code that an address received. Throws `code-refused` without the reason, `unsupported-operation`,
   * `invalid-identity`.
   */
  async confirm({
    identity: text,
    id,
    code,
  }: {
    readonly identity: string;
    readonly id: string;
    readonly code: string;
  }) {
    this.#opened();
    const { context } = this.#parts.prover;
    const identity = canonicalise(text, context.identityRules);
    const labelKey = await context.vrf.labelKey(identity.label);
    return outcomeOf(identity, await this.#confirm({ labelKey, identity: identity.text }, { id, code }));
  }

  /** Notes that a name was erased, so that its addresses are deleted even if somebody gets the name at once. */
  async nameErased({
    labelKey,
    identity,
  }: {
    readonly labelKey: Uint8Array;
    readonly identity: string;
  }): Promise<void> {
    const { books } = this.#parts;
    try {
      if ((await books.read(labelKey)) !== undefined) await books.update({ labelKey, identity }, asErased);
    } catch (error) {
      if (!isGlasskeyError(error, 'storage-corrupt')) throw error;
      await books.drop(labelKey);
    }
  }

  #opened(): OpenNotices {
    const notices = this.#parts.open();
    ensure(notices !== undefined, 'unsupported-operation', 'this server does not tell owners of changes');
    return notices;
  }

  async #bounded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#atOnce >= MAX_AT_ONCE) {
      throw new GlasskeyError('overloaded', 'too many orders about addresses at once', { retryAfterSeconds: 5 });
    }
    this.#atOnce++;
    return work().finally(() => this.#atOnce--);
  }

  /** Bounds the codes that anybody can have sent to one place, under however many names. Throws `rate-limited`. */
  #assertMayAsk(address: DeliveryAddress): void {
    const place =
      address.kind === 'mail' ? mailboxOf(address.address) : address.kind === 'push' ? address.endpoint : address.url;
    const key = createHash('sha256').update(place).digest('hex');
    const isFree = address.kind === 'mail' || this.#hostBudgets[address.kind].take(new URL(place).host);
    if (!isFree || !this.#addressBudget.take(key)) throw tooMany('too many codes for this address');
  }

  async #ask(
    { deliverer, settings }: OpenNotices,
    name: { readonly labelKey: Uint8Array; readonly identity: string },
    address: DeliveryAddress,
    { id, code }: { readonly id: string; readonly code: string },
  ): Promise<NotifyBook> {
    const { context } = this.#parts.prover;
    const about = { origin: context.origin, identity: name.identity, addressId: id, link: settings.link };
    const notice = codeNotice(about, code, CODE_MS / 60_000);
    const isHook = address.kind === 'webhook';
    const result = await (isHook
      ? deliverer.challenge(address.url, notice, { echo: code })
      : deliverer.deliver(address, notice));
    context.observe({ type: 'notice', channel: address.kind, outcome: result.outcome });
    // A mailbox that does not exist looks like one that does: strangers could probe for addresses.
    const isTold = result.outcome === 'sent' || (address.kind === 'mail' && result.outcome === 'gone');
    if (!isTold) {
      await this.#forget(name, id);
      throw notTold(address, result);
    }
    if (isHook) return this.#confirm(name, { id, code });
    return (await this.#parts.books.read(name.labelKey)) ?? Promise.reject(codeRefused());
  }

  async #forget(name: { readonly labelKey: Uint8Array; readonly identity: string }, id: string): Promise<void> {
    await this.#parts.books.update(name, (book) => ({
      ...book,
      addresses: book.addresses.filter((one) => one.id !== id),
    }));
  }

  async #confirm(
    name: { readonly labelKey: Uint8Array; readonly identity: string },
    { id, code }: { readonly id: string; readonly code: string },
  ): Promise<NotifyBook> {
    const nowMs = this.#parts.prover.context.now();
    let isRight = false;
    // A wrong guess is written too, so that guesses are counted.
    const book = await this.#parts.books.update(name, (one) => {
      const tried = tryCode(one, { id, code, nowMs });
      isRight = tried?.isRight === true;
      return tried?.book;
    });
    if (!isRight) throw codeRefused();
    return book;
  }
}

/** Returns a mail address without what most hosts ignore: the case of its local part, and what follows a plus sign. */
function mailboxOf(address: string): string {
  const [local = '', domain = ''] = address.toLowerCase().split('@');
  return `${local.replace(/(?!^)\+.*$/, '')}@${domain}`;
}

function outcomeOf({ text }: Identity, { addresses }: NotifyBook): NotifyOutcome {
  return { identity: text, addresses: addresses.map((address) => listedAddress(address)) };
}

/**
 * Creates the error for an address that could not be told. It is the same for every webhook and push service that
 * fails, whatever the reason: nobody may learn from it what listens where.
 */
function notTold({ kind }: DeliveryAddress, { outcome }: DeliveryResult): GlasskeyError {
  if (kind === 'mail' && outcome === 'retry') {
    return new GlasskeyError('mail-unavailable', 'the mail server is unavailable: try again later', {
      retryAfterSeconds: 60,
    });
  }
  const message =
    kind === 'mail'
      ? 'this server cannot send mail to this address'
      : `the ${kind} address did not answer as it must. Next: check it, see docs/notifications.md, and try again`;
  return new GlasskeyError('invalid-request', message);
}
