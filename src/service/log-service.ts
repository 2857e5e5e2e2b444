import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { AuditorHeads } from './prover/auditor-heads.ts';
import { canonicalIdentity } from '../identity/canonical-identity.ts';
import { Crls } from './revocation/crls.ts';
import type { Fetch } from './evidence/bounded-fetch.ts';
import { DEFAULT_EVIDENCE, type EvidenceSettings } from './evidence/evidence-settings.ts';
import { type EmailChallenge, type EmailChallengeOrder, EmailChallenges } from './evidence/email/email-challenges.ts';
import type { EmailSettings } from './evidence/email/email-settings.ts';
import { type Mailer, smtpMailer } from './evidence/email/mailer.ts';
import { OidcTokens } from './evidence/oidc/oidc-tokens.ts';
import { Webhook } from './evidence/webhook/webhook.ts';
import { Admission } from './issuance/admission.ts';
import { Flights } from './issuance/flights.ts';
import { eraseIdentity, type Erasure, type ErasureOrder } from './issuance/erase-identity.ts';
import { type Imported, importIdentity, type ImportOrder } from './issuance/import-identity.ts';
import type { Issuance } from './issuance/issuance.ts';
import type { Made, SettledRecovery } from './issuance/made.ts';
import { issueCertificate } from './issuance/issue-certificate.ts';
import type {
  Answer,
  CertificateOrder,
  IssuedCertificate,
  RevocationOrder,
  RevokedCertificates,
} from './issuance/requests.ts';
import { revokeCertificates } from './issuance/revoke-certificates.ts';
import type { IssuingCa } from './log/issuing-cas.ts';
import { keytransOperations, type KeytransOperations } from './keytrans-operations.ts';
import type { LogContext } from './log/log-context.ts';
import { LogEnding } from './log/log-ending.ts';
import { LogFiles } from './log/log-files.ts';
import { LogProgress } from './log/log-progress.ts';
import { OcspService } from './revocation/ocsp-service.ts';
import { Prover } from './prover/prover.ts';
import { Pruner } from './sequencing/pruner.ts';
import { type ReleaseLag, Sequencer, type SequencerOptions } from './sequencing/sequencer.ts';
import { recover } from './recovery/recover.ts';
import { RecoveryKeeper } from './recovery/recovery-keeper.ts';
import type { RecoveryOrder, RecoveryOutcome, VetoOrder } from './recovery/recovery-orders.ts';
import { DEFAULT_RECOVERY } from './evidence/recovery-settings.ts';
import { veto } from './recovery/veto.ts';
import { RequestBudget } from './request-budget.ts';
import { SignerHealth } from './signer-health.ts';
import { type TokenInfo, verifyToken } from './log/tokens.ts';
import type { ProfileTable } from './log/profile-table.ts';

/** How well a log is served, for `/readyz` and metrics. */
export interface LogHealth {
  /** The greatest released size. */
  readonly size: number;
  /** Nothing is appended any more: the last entry says so. */
  readonly hasEnded: boolean;
  /** Why nothing is signed any more; undefined while all is well. */
  readonly failure: GlasskeyError | undefined;
  /** Why the sequencer's last turn failed, such as a clock out of bounds; it tries again. */
  readonly trouble: unknown;
  readonly isWriter: boolean;
  /** As far as this process knows: nothing where it is not the writer. */
  readonly lag: ReleaseLag;
  readonly queueDepth: number;
  readonly inFlight: number;
}

/** Options of a {@link LogService}. */
export interface LogServiceOptions extends Pick<SequencerOptions, 'acceptClockGap'> {
  /** Whether this process also tries to be the writer. Default true. */
  readonly sequence?: boolean;
  /** Who may have a name. Default: applications vouch for everybody, without limits. */
  readonly evidence?: EvidenceSettings;
  /** Whether this process also looks after recoveries: tells owners, and completes them. Default true. */
  readonly keepRecoveries?: boolean;
  /** How other servers are asked. Default: the platform's. */
  readonly fetch?: Fetch;
}

/** One open log with everything that serves it: what the HTTP layer and the server-side commands call. */
export class LogService {
  readonly context: LogContext;
  readonly progress: LogProgress;
  readonly auditor: AuditorHeads;
  readonly prover: Prover;
  /** `POST /keytrans/v1/…`. */
  readonly keytrans: KeytransOperations;
  readonly files: LogFiles;
  readonly crls: Crls;
  readonly ocsp: OcspService;
  readonly sequencer: Sequencer;
  readonly pruner: Pruner;
  /** Whether the log's keys sign. */
  readonly signers: SignerHealth;
  readonly recoveries: RecoveryKeeper;
  #issuance: Issuance;
  readonly #mailers: Mailer[] = [];
  readonly #fetch: Fetch;
  readonly #ending: LogEnding;
  readonly #sequence: boolean;

  constructor(context: LogContext, options: LogServiceOptions = {}) {
    this.context = context;
    this.progress = new LogProgress(context.store, context.limits);
    this.auditor = new AuditorHeads(context, this.progress);
    this.prover = new Prover(context, this.progress, this.auditor);
    this.keytrans = keytransOperations(this.prover, context.configuration);
    this.files = new LogFiles(context, this.progress);
    this.crls = new Crls(context);
    this.ocsp = new OcspService(context);
    this.signers = new SignerHealth(context);
    const admission = new Admission(context);
    const expectsMore = (): boolean => admission.preparing > 0;
    this.sequencer = new Sequencer(context, this.progress, { ...options, expectsMore });
    this.#ending = new LogEnding(context);
    this.pruner = new Pruner(context, () => this.sequencer.isWriter);
    const { progress, prover } = this;
    const flights = new Flights<Made>();
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
    this.recoveries = new RecoveryKeeper(
      () => this.#work(),
      () => this.sequencer.isWriter && options.keepRecoveries !== false,
      () => this.#ending.hasEnded(),
    );
    this.#issuance = {
      context,
      progress,
      prover,
      admission,
      flights,
      tokens: new Flights<TokenInfo>(),
      recoveries: new Flights<SettledRecovery>(),
      recoveryAsked: () => this.recoveries.poke(),
      ...this.#evidence(options.evidence ?? DEFAULT_EVIDENCE),
    };
    this.#sequence = options.sequence ?? true;
  }

  /** Starts to listen and, unless told otherwise, to sequence. */
  async start(): Promise<void> {
    await this.progress.start();
    if (!this.#sequence) return;
    this.sequencer.start();
    this.pruner.start();
    this.recoveries.start();
  }

  /** Stops. Requests that wait get `shutting-down`; what is queued stays queued. */
  async stop(): Promise<void> {
    await this.recoveries.stop();
    await this.pruner.stop();
    await this.sequencer.stop();
    await this.progress.stop();
    for (const mailer of this.#mailers) mailer.close();
  }

  #openMailer(settings: EmailSettings): Mailer {
    const { observe } = this.context;
    const mailer = smtpMailer(settings, (reason) => observe({ type: 'mail-failed', reason }));
    this.#mailers.push(mailer);
    return mailer;
  }

  /** What judges evidence by these settings. */
  #evidence(settings: EvidenceSettings) {
    const { context } = this;
    const { policy, identityLimit, oidc, email, webhook, recovery } = settings;
    const mailer = email && this.#openMailer(email);
    return {
      policyTable: policy,
      emailChallenges: email && mailer && new EmailChallenges(context, policy, email, mailer),
      mailer,
      recoverySettings: recovery ?? DEFAULT_RECOVERY,
      oidc: new OidcTokens(oidc, context.identityRules, this.#fetch, context.now),
      webhook: webhook && new Webhook(webhook, this.#fetch, context),
      identityBudget: identityLimit && new RequestBudget(identityLimit, context.now),
    };
  }

  /**
   * From now on serves by other settings and issuing CAs. Orders that are under way end by those with which they began. Counts of requests and
   * keys of providers begin anew.
   */
  reconfigure(settings: {
    readonly evidence: EvidenceSettings;
    readonly profiles: ProfileTable;
    readonly issuingCas: readonly IssuingCa[];
  }): void {
    const { evidence, profiles, issuingCas } = settings;
    this.context.issuingCas.replace(issuingCas);
    const context = { ...this.#issuance.context, profiles };
    this.#issuance = { ...this.#issuance, ...this.#evidence(evidence), context };
  }

  /** What an order is worked on with: one issuing CA from its beginning to its end. */
  #work(): Issuance {
    const { context } = this.#issuance;
    const current = context.issuingCas.current(context.now());
    if (current !== undefined && current.issuer !== context.keys.issuer) {
      const { issuer, urls } = current;
      const keys = { ...context.keys, issuer };
      this.#issuance = { ...this.#issuance, context: { ...context, keys, urls } };
    }
    return this.#issuance;
  }

  /** Whose application token this is. Throws `unauthenticated`. */
  async identifyToken(token: string): Promise<TokenInfo> {
    return this.#issuance.tokens.share(token, () => verifyToken(this.context, token));
  }

  /** The label of an identity as typed (untrusted). Throws `invalid-identity`. */
  labelOf(identity: string): Uint8Array {
    return canonicalIdentity(identity, this.context.identityRules).label;
  }

  /** `POST /v1/certificates`: see {@link issueCertificate}. */
  async issue(order: CertificateOrder): Promise<IssuedCertificate> {
    await this.#assertSigning();
    return issueCertificate(this.#work(), order);
  }

  /** `POST /v1/email-challenges`: see {@link EmailChallenges.create}. */
  async challengeEmail(order: EmailChallengeOrder): Promise<EmailChallenge> {
    const { emailChallenges, admission } = this.#issuance;
    ensure(emailChallenges !== undefined, 'unsupported-operation', 'nothing is proved by mail here');
    await this.#ending.assertGoesOn();
    return admission.run('challenge', (ticket) => {
      ticket.submitted();
      return emailChallenges.create(order);
    });
  }

  /** `POST /v1/revocations`: see {@link revokeCertificates}. */
  async revoke(order: RevocationOrder): Promise<RevokedCertificates> {
    await this.#assertSigning();
    return revokeCertificates(this.#issuance, order);
  }

  /** `POST /v1/recoveries`: see {@link recover}. */
  async recover(order: RecoveryOrder): Promise<RecoveryOutcome> {
    await this.#assertSigning();
    return recover(this.#work(), order);
  }

  /** `POST /v1/vetoes`: see {@link veto}. */
  async veto(order: VetoOrder): Promise<Answer> {
    await this.#assertSigning();
    return veto(this.#work(), order);
  }

  /** `glasskey admin erase`: see {@link eraseIdentity}. */
  async erase(order: ErasureOrder): Promise<Erasure> {
    await this.#assertSigning();
    return eraseIdentity(this.#issuance, order);
  }

  /** `glasskey admin import`: see {@link importIdentity}. */
  async import(order: ImportOrder): Promise<Imported> {
    await this.#assertSigning();
    return importIdentity(this.#work(), order);
  }

  /** How the log does. Throws `storage-failed` where the released head cannot be read. */
  async health(): Promise<LogHealth> {
    const { released } = await this.progress.released();
    const { failure, trouble, isWriter, lag, queueDepth } = this.sequencer;
    const { inFlight } = this.#issuance.admission;
    const hasEnded = await this.#ending.hasEnded();
    return { hasEnded, size: released.size, failure, trouble, isWriter, lag, queueDepth, inFlight };
  }

  /** A log that has ended, contradicts itself, is not cosigned, whose keys are out of reach, or whose clock is out of bounds serves reads only. */
  async #assertSigning(): Promise<void> {
    await this.#ending.assertGoesOn();
    const { failure, trouble } = this.sequencer;
    for (const code of ['clock-skew', 'release-stalled', 'log-rolled-back', 'hsm-unavailable'] as const) {
      if (isGlasskeyError(trouble, code)) throw new GlasskeyError(code, trouble.message, { cause: trouble });
    }
    if (failure === undefined) return;
    if (failure.code === 'log-rolled-back') throw new GlasskeyError(failure.code, failure.message, { cause: failure });
    throw new GlasskeyError('storage-corrupt', 'the stored log contradicts itself; nothing is signed', {
      cause: failure,
    });
  }
}
