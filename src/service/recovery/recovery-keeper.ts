import { parseCsr } from '../../ca/csr/csr.ts';
import { equalBytes, formatHex } from '../../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import type { ListedRecoveryRow, RecoveryRow } from '../../store/ports.ts';
import { Deadline } from '../issuance/await-log.ts';
import type { Issuance } from '../issuance/issuance.ts';
import type { LabelState } from '../log/label-state.ts';
import { readProvedState } from '../log/proved-state.ts';
import { mailOwner, tellWebhook } from './tell-owner.ts';
import { takeEffect } from './take-effect.ts';
import { grantedAuthorization } from '../log/recovery-grant.ts';
import { waitedAuthorization } from '../log/recovery-wait.ts';

/** Claims per read. */
const PAGE = 100;

/**
 * Looks after claims: notifies owners of those that became pending, completes those that have waited or that the
 * operator granted, and forgets those that the log has settled. The next round retries what fails; every part is
 * idempotent. One round at a time.
 */
export class RecoveryKeeper {
  readonly #issuance: () => Issuance;
  readonly #isActive: () => boolean;
  readonly #hasEnded: () => Promise<boolean>;
  /** Claims whose owner got the mail while the webhook failed: the retry does not send the mail twice. */
  readonly #mailed = new Set<string>();
  #running: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  /** While `isActive` is false, other processes run the rounds. A log that `hasEnded` gets none. */
  constructor(issuance: () => Issuance, isActive: () => boolean, hasEnded: () => Promise<boolean>) {
    this.#issuance = issuance;
    this.#isActive = isActive;
    this.#hasEnded = hasEnded;
  }

  /** Starts the rounds. */
  start(): void {
    const { recoveryIntervalMs } = this.#issuance().context.limits;
    this.#timer = setInterval(() => this.poke(), recoveryIntervalMs);
    this.#timer.unref();
    this.poke();
  }

  /** Starts a round now. */
  poke(): void {
    if (this.#isActive()) void this.tend();
  }

  /** Stops after the claim that is under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Runs one round over all claims, after the one that is under way. Never rejects: failures go to the observer. */
  tend(): Promise<void> {
    this.#running = this.#running.then(() => this.#round()).catch((error: unknown) => this.#failed(error));
    return this.#running;
  }

  async #round(): Promise<void> {
    if (await this.#hasEnded()) return;
    const { store, observe } = this.#issuance().context;
    let after: Uint8Array | undefined;
    let failures = 0;
    for (;;) {
      const claims = await store.listRecoveries(after, PAGE);
      for (const claim of claims) {
        if (this.#stopping) return;
        await this.#look(claim).catch((error: unknown) => {
          failures++;
          this.#failed(error);
        });
      }
      after = claims.at(-1)?.labelKey;
      if (claims.length < PAGE) break;
    }
    if (failures === 0) observe({ type: 'recoveries-tended' });
  }

  #failed(error: unknown): void {
    this.#issuance().context.observe({ type: 'recovery-failed', error });
  }

  async #look(claim: ListedRecoveryRow): Promise<void> {
    const { context } = this.#issuance();
    ensure(claim.isUnsealed !== true, 'unsealed-row', 'a recovery has no valid seal: see glasskey admin seal-rows');
    const { label } = canonicalIdentity(claim.identity, context.identityRules);
    const { labelKey } = claim;
    const deadline = new Deadline(context.limits.requestTimeoutMs);
    const state = await readProvedState(this.#issuance(), { label, labelKey }, deadline).catch((error: unknown) => {
      if (isGlasskeyError(error, 'erased')) return undefined;
      throw error;
    });
    const isCertified = state?.certificates.some((one) => equalBytes(one.keysSha256, claim.spkiSha256));
    if (state === undefined || isCertified === true) return this.#forget(claim);
    if (claim.state === 'granted')
      return this.#complete(claim, state, await grantedAuthorization(context, claim, state));
    if (claim.state === 'undecided') return undefined;
    const { pending } = state.record;
    if (pending === undefined || !equalBytes(pending.spkiSha256, claim.spkiSha256)) return this.#forgetStale(claim);
    if (claim.notifiedMs === undefined) await this.#notify(claim, state);
    const authorization = await waitedAuthorization(this.#issuance(), { label, labelKey }, state);
    return authorization && this.#complete(claim, state, authorization);
  }

  async #complete(
    claim: RecoveryRow,
    state: LabelState,
    authorization: Parameters<typeof takeEffect>[3],
  ): Promise<void> {
    const issuance = this.#issuance();
    const { context } = issuance;
    const identity = canonicalIdentity(claim.identity, context.identityRules);
    const csr = await parseCsr(claim.csr);
    const deadline = new Deadline(context.limits.requestTimeoutMs);
    const { labelKey } = claim;
    const claimant = { identity, labelKey, csr, who: 'service', requestId: undefined, deadline };
    const made = await takeEffect(issuance, claimant, state, authorization);
    if (made !== undefined) await this.#forget(claim);
  }

  async #notify(claim: RecoveryRow, state: LabelState): Promise<void> {
    const issuance = this.#issuance();
    const { context } = issuance;
    const notice = { identity: canonicalIdentity(claim.identity, context.identityRules), claim, state };
    const key = `${formatHex(claim.labelKey)} ${state.version}`;
    const failures: unknown[] = [];
    const hopeless: unknown[] = [];
    if (!this.#mailed.has(key)) {
      await mailOwner(issuance, notice).then(
        () => this.#mailed.add(key),
        (error: unknown) => {
          // No later round can reach such an address.
          const isFinal = isGlasskeyError(error, 'unsupported-operation');
          if (isFinal) this.#mailed.add(key);
          (isFinal ? hopeless : failures).push(error);
        },
      );
    }
    await tellWebhook(issuance, notice).catch((error: unknown) => failures.push(error));
    for (const error of [...hopeless, ...failures]) this.#failed(error);
    if (failures.length > 0) return;
    await context.store.noteRecoveryNotified(claim, context.now());
    this.#mailed.delete(key);
  }

  /** Deletes a claim that is not pending in the log, once it is too old to be on its way there. */
  async #forgetStale(claim: RecoveryRow): Promise<void> {
    const { context } = this.#issuance();
    const { intentTimeoutMs } = context.limits;
    if (context.now() - claim.requestedMs > 2 * intentTimeoutMs) await this.#forget(claim);
  }

  async #forget(claim: RecoveryRow): Promise<void> {
    await this.#issuance().context.store.dropRecovery(claim);
  }
}
