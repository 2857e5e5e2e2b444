import type { KeyObject } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { ensure, isGlasskeyError } from '../core/errors.ts';
import type { DeliveryAddress, Lane } from './address.ts';
import { BUSY, type DeliveryResult } from './delivery-result.ts';
import { httpOutcome } from './http-outcome.ts';
import { type Mailer, type MailSettings, smtpMailer } from './mailer.ts';
import { assertNotice, MAX_SUBJECT_CHARACTERS, type Notice, visibleText } from './notice.ts';
import { pushRequest, type VapidSettings } from './push-message.ts';
import type { ResolveHost } from './resolve-host.ts';
import { type EgressAnswer, type EgressPost, type EgressSettings, SafeEgress } from './safe-egress.ts';
import { webhookHeaders } from './webhook-signature.ts';

/** The channels of an operator. A kind of address whose part is missing is refused. */
export interface DelivererSettings {
  readonly mail?: MailSettings | undefined;
  /** The Ed25519 private key that signs what webhooks get. */
  readonly webhookKey?: KeyObject | undefined;
  readonly vapid?: VapidSettings | undefined;
  readonly egress: EgressSettings;
}

/** Seams for tests. */
export interface DelivererPorts {
  /** Returns the time in ms. */
  readonly now?: () => number;
  readonly resolve?: ResolveHost;
}

/** A webhook that is challenged has to answer with exactly this text, within 4 KiB. */
export interface WebhookChallenge {
  readonly echo: string;
}

/** Most deliveries under way in each lane. A flood of slow receivers holds up no mail. */
const MAX_UNDER_WAY = { mail: 32, web: 32 } satisfies Record<Lane, number>;

/** Takes notices to people, one attempt each. It keeps nothing: the caller says what is due, and when. */
export class Deliverer {
  readonly #settings: DelivererSettings;
  readonly #egress: SafeEgress;
  readonly #mailer: Mailer | undefined;
  readonly #now: () => number;
  readonly #closing = new AbortController();
  readonly #underWay: Readonly<Record<Lane, Set<Promise<DeliveryResult>>>> = { mail: new Set(), web: new Set() };

  /** Throws `usage` for settings that cannot be read. */
  constructor(settings: DelivererSettings, { now = Date.now, resolve }: DelivererPorts = {}) {
    this.#settings = settings;
    this.#egress = new SafeEgress(settings.egress, resolve);
    this.#mailer = mailerOf(settings.mail);
    this.#now = now;
    setMaxListeners(MAX_UNDER_WAY.web, this.#closing.signal);
    if (settings.webhookKey !== undefined) webhookHeaders(settings.webhookKey, { id: '', timestamp: 0, body: '' });
  }

  /**
   * Makes one attempt. Failures of the other side are results, never errors. Throws `value-out-of-range` for a notice
   * that no channel could carry.
   */
  async deliver(address: DeliveryAddress, notice: Notice): Promise<DeliveryResult> {
    return this.#bounded(address.kind === 'mail' ? 'mail' : 'web', notice, () => this.#deliver(address, notice));
  }

  /** Returns true if the operator has set up what this kind of address needs. */
  has(kind: DeliveryAddress['kind']): boolean {
    const { webhookKey, vapid } = this.#settings;
    return (kind === 'mail' ? this.#mailer : kind === 'webhook' ? webhookKey : vapid) !== undefined;
  }

  /**
   * Delivers to a webhook whose answer must be the echo: then whoever gave the address also runs what is there. An
   * answer without it is `refused`.
   */
  async challenge(url: string, notice: Notice, { echo }: WebhookChallenge): Promise<DeliveryResult> {
    ensure(echo.length > 0, 'value-out-of-range', 'the echo is empty');
    return this.#bounded('web', notice, () =>
      this.#post(
        [410],
        () => this.#webhookPost(url, notice),
        ({ body }) => Buffer.from(body).toString().trim() === echo,
      ),
    );
  }

  /** Ends what is under way, and waits for it. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('closing'));
    await Promise.allSettled([...this.#underWay.mail, ...this.#underWay.web]);
    this.#mailer?.close();
  }

  async #bounded(lane: Lane, notice: Notice, attempt: () => Promise<DeliveryResult>): Promise<DeliveryResult> {
    assertNotice(notice);
    if (this.#closing.signal.aborted) return { outcome: 'retry', reason: 'closing' };
    const underWay = this.#underWay[lane];
    if (underWay.size >= MAX_UNDER_WAY[lane]) return BUSY;
    const running = attempt();
    underWay.add(running);
    return running.finally(() => underWay.delete(running));
  }

  async #deliver(address: DeliveryAddress, notice: Notice): Promise<DeliveryResult> {
    if (address.kind === 'mail') return this.#mail(address.address, notice);
    if (address.kind === 'webhook') return this.#post([410], () => this.#webhookPost(address.url, notice));
    const { vapid } = this.#settings;
    if (vapid === undefined) return NO_CHANNEL;
    return this.#post([404, 410], () => pushRequest(address, notice, vapid));
  }

  async #mail(to: string, { subject, text }: Notice): Promise<DeliveryResult> {
    if (this.#mailer === undefined) return NO_CHANNEL;
    try {
      const sent = await this.#mailer.send({ to, subject: visibleText(subject, MAX_SUBJECT_CHARACTERS), text });
      return sent === 'taken' ? { outcome: 'sent' } : { outcome: 'gone', reason: 'unknown recipient' };
    } catch (error) {
      const isFinal = isGlasskeyError(error, 'unsupported-operation');
      return isFinal ? { outcome: 'refused', reason: 'no SMTPUTF8' } : { outcome: 'retry', reason: 'mail server' };
    }
  }

  async #post(
    goneStatuses: readonly number[],
    request: () => Promise<EgressPost | undefined>,
    isRight: (answer: EgressAnswer) => boolean = () => true,
  ): Promise<DeliveryResult> {
    try {
      const post = await request();
      if (post === undefined) return NO_CHANNEL;
      const answer = await this.#egress.post(post, this.#closing.signal);
      const result = httpOutcome(answer, goneStatuses);
      return result.outcome === 'sent' && !isRight(answer) ? { outcome: 'refused', reason: 'no echo' } : result;
    } catch (error) {
      if (this.#closing.signal.aborted) return { outcome: 'retry', reason: 'closing' };
      const reason = isGlasskeyError(error) ? error.message : 'the request could not be made';
      // Where a name leads today is the word of DNS, which anybody on the way can forge: it ends no notice.
      return { outcome: isGlasskeyError(error) ? 'retry' : 'refused', reason };
    }
  }

  async #webhookPost(url: string, { id, subject, text, event }: Notice): Promise<EgressPost | undefined> {
    const { webhookKey } = this.#settings;
    if (webhookKey === undefined) return undefined;
    // `to` is signed too: a receiver cannot pass the message on to another one as if it were meant for that.
    const body = JSON.stringify({ id, to: url, subject: visibleText(subject, MAX_SUBJECT_CHARACTERS), text, event });
    const timestamp = Math.floor(this.#now() / 1000);
    const headers = { 'content-type': 'application/json', ...webhookHeaders(webhookKey, { id, timestamp, body }) };
    return { url, headers, body: Buffer.from(body) };
  }
}

const NO_CHANNEL: DeliveryResult = { outcome: 'refused', reason: 'the operator has not set up this kind of address' };

function mailerOf(settings: MailSettings | undefined): Mailer | undefined {
  return settings && smtpMailer(settings, () => undefined);
}
