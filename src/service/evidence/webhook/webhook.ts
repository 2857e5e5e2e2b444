import { createHmac } from 'node:crypto';
import { formatHex } from '../../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../../core/errors.ts';
import type { Evidence } from '../../../identity/evidence.ts';
import type { Identity } from '../../../identity/identity.ts';
import { boundedFetch, type Fetch, type WholeAnswer } from '../../../core/net/bounded-fetch.ts';
import type { Observer } from '../../service-event.ts';
import type { IssuanceOperation, WebhookSettings } from './webhook-settings.ts';

const MAX_ANSWER_BYTES = 16 * 1024;
const RETRY_AFTER_SECONDS = 5;
const MEMBERS: readonly string[] = ['decision', 'reason', 'validitySeconds'];
/** The shortest validity that a webhook may set, s. */
const MIN_VALIDITY_SECONDS = 60;

/** A question to the webhook: may this certificate be issued? */
export interface WebhookQuestion {
  readonly operation: IssuanceOperation;
  readonly identity: Identity;
  /** The evidence for a first registration; undefined if a key of the record vouches. */
  readonly evidence: Evidence | undefined;
  /** SHA-256 of the SPKI in the CSR. */
  readonly spkiSha256: Uint8Array;
  /** The version that approval would create. */
  readonly version: number;
}

/** The terms that a webhook may attach to its approval. */
export interface WebhookApproval {
  /** The longest validity of the certificate, ms; undefined: the profile decides. */
  readonly validityMs: number | undefined;
}

/** The notice to the webhook that a recovery is pending. */
export interface RecoveryNotice {
  readonly identity: Identity;
  readonly evidence: Evidence;
  /** SHA-256 of the new key. */
  readonly spkiSha256: Uint8Array;
  /** The pending version. */
  readonly version: number;
  /** The earliest time at which it takes effect, ms. */
  readonly effectiveMs: number;
}

/** The part of an open log that a {@link Webhook} needs. */
interface WebhookContext {
  /** Returns the time in ms. */
  readonly now: () => number;
  readonly random: (length: number) => Uint8Array;
  /** Default: events are dropped. */
  readonly observe?: Observer;
}

/** Asks the operator's own program whether a certificate may be issued. An unclear answer is a refusal. */
export class Webhook {
  readonly #settings: WebhookSettings;
  readonly #fetch: Fetch;
  readonly #now: () => number;
  readonly #random: (length: number) => Uint8Array;
  readonly #observe: Observer;

  constructor(settings: WebhookSettings, fetch: Fetch, { now, random, observe = () => undefined }: WebhookContext) {
    this.#settings = settings;
    this.#fetch = fetch;
    this.#now = now;
    this.#random = random;
    this.#observe = observe;
  }

  /** Throws `denied` if the webhook refuses, `webhook-unavailable` if its answer is missing or malformed. */
  async ask(question: WebhookQuestion): Promise<WebhookApproval> {
    if (!this.#settings.operations.includes(question.operation)) return { validityMs: undefined };
    const timestamp = String(Math.floor(this.#now() / 1000));
    const body = JSON.stringify({ id: formatHex(this.#random(16)), timestamp: Number(timestamp), ...toJson(question) });
    return judge(await this.#observed(() => this.#post(body, timestamp)));
  }

  /**
   * Announces a pending recovery, signed like a question. The webhook acknowledges it with any 2xx status, and may see
   * the same notice again. Throws `webhook-unavailable`.
   */
  async tellRecovery({ identity, evidence, spkiSha256, version, effectiveMs }: RecoveryNotice): Promise<void> {
    if (!this.#settings.operations.includes('recover')) return;
    const timestamp = String(Math.floor(this.#now() / 1000));
    const facts = { event: 'recovery-pending', identity: identity.text, evidence, spkiSha256: formatHex(spkiSha256) };
    const effectiveAt = new Date(effectiveMs).toISOString();
    const id = formatHex(this.#random(16));
    const body = JSON.stringify({ id, timestamp: Number(timestamp), ...facts, version, effectiveAt });
    await this.#observed(async () => {
      const { status } = await this.#send(body, timestamp);
      ensure(status >= 200 && status <= 299, 'bad-response', `the webhook answered ${status}`);
    });
  }

  /** Reports whether the webhook gave an answer. Throws `webhook-unavailable` if it did not. */
  async #observed<T>(ask: () => Promise<T>): Promise<T> {
    try {
      const answer = await ask();
      this.#observe({ type: 'asked', server: 'webhook', error: undefined });
      return answer;
    } catch (error) {
      this.#observe({ type: 'asked', server: 'webhook', error });
      throw unavailable(error);
    }
  }

  async #post(body: string, timestamp: string): Promise<Readonly<Record<string, unknown>>> {
    const { status, body: said } = await this.#send(body, timestamp);
    ensure(status === 200, 'bad-response', `the webhook answered ${status}`);
    const answer: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(said));
    const isObject = typeof answer === 'object' && answer !== null && !Array.isArray(answer);
    ensure(isObject, 'bad-response', 'the webhook did not answer with a JSON object');
    return answer as Record<string, unknown>;
  }

  #send(body: string, timestamp: string): Promise<WholeAnswer> {
    const { url, secret, timeoutMs } = this.#settings;
    const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json',
      'glasskey-timestamp': timestamp,
      'glasskey-signature': `v1=${signature}`,
    };
    const bounds = { timeoutMs, maxBytes: MAX_ANSWER_BYTES, name: 'the webhook' };
    return boundedFetch(this.#fetch, url, { method: 'POST', headers, body }, bounds);
  }
}

function toJson({ operation, identity, evidence, spkiSha256, version }: WebhookQuestion): Record<string, unknown> {
  const spki = formatHex(spkiSha256);
  return { operation, identity: identity.text, evidence: evidence ?? { type: 'key' }, spkiSha256: spki, version };
}

/** Interprets an answer. An unknown member makes it invalid, because it could change what the answer means. */
function judge(answer: Readonly<Record<string, unknown>>): WebhookApproval {
  const { decision, reason, validitySeconds } = answer;
  const isKnown = Object.keys(answer).every((name) => MEMBERS.includes(name));
  if (decision === 'deny' && isKnown) {
    const isTold = typeof reason === 'string' && /^[^\p{C}]{1,200}$/u.test(reason);
    throw new GlasskeyError('denied', isTold ? reason : 'the operator does not allow it');
  }
  const isValidity =
    validitySeconds === undefined ||
    (Number.isSafeInteger(validitySeconds) && (validitySeconds as number) >= MIN_VALIDITY_SECONDS);
  if (decision !== 'approve' || !isKnown || !isValidity) throw unavailable(undefined);
  return { validityMs: validitySeconds === undefined ? undefined : (validitySeconds as number) * 1000 };
}

function unavailable(cause: unknown): GlasskeyError {
  const options = { cause, retryAfterSeconds: RETRY_AFTER_SECONDS };
  return new GlasskeyError('webhook-unavailable', 'the webhook gave no usable answer: try again later', options);
}
