import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { AuditorHeads } from './prover/auditor-heads.ts';
import { canonicalIdentity } from '../identity/canonical-identity.ts';
import { Crls } from './revocation/crls.ts';
import { openEvidence } from './evidence/evidence-services.ts';
import type { EvidenceSettings } from './evidence/evidence-settings.ts';
import type { EmailChallenge, EmailChallengeOrder } from './evidence/email/email-challenges.ts';
import type { Mailer } from '../delivery/mailer.ts';
import { Admission } from './issuance/admission.ts';
import { SeenReleases } from './log/seen-releases.ts';
import { SignedTree } from './log/signed-tree.ts';
import { Singleflight } from './issuance/singleflight.ts';
import { eraseIdentity, type Erasure, type ErasureOrder } from './issuance/erase-identity.ts';
import { type Imported, importIdentity, type ImportOrder } from './issuance/import-identity.ts';
import type { Issuance, Made, Pipeline, SettledRecovery } from './issuance/issuance.ts';
import { type GrantOrder, grantRegistration } from './issuance/grant-registration.ts';
import { issueCertificate } from './issuance/issue-certificate.ts';
import type {
  Answer,
  CertificateOrder,
  LoggedCertificate,
  RevocationOrder,
  RevokedCertificates,
} from './issuance/requests.ts';
import { type OperatorRevocation, type OperatorRevoked, revokeAsOperator } from './issuance/revoke-as-operator.ts';
import { revokeCertificates, revokeForRequester } from './issuance/revoke-certificates.ts';
import { type IssuingCa, IssuingCas } from './log/issuing-cas.ts';
import type { LogContext } from './log/log-context.ts';
import { LogEnding } from './log/log-ending.ts';
import { LogFiles } from './log/log-files.ts';
import { LogProgress } from './log/log-progress.ts';
import { type Standstill, StandstillWatch } from './log/standstill-watch.ts';
import { OcspService } from './revocation/ocsp-service.ts';
import {
  createEncodedProver,
  createProver,
  createProverParts,
  type EncodedProver,
  type Prover,
} from './prover/prover.ts';
import type { Semaphore } from './semaphore.ts';
import { createReading, type Reading } from './reading.ts';
import { Pruner } from './sequencing/pruner.ts';
import { Sequencer, type SequencerOptions } from './sequencing/sequencer.ts';
import type { ReleaseLag } from './sequencing/sequencing-step.ts';
import { recover } from './recovery/recover.ts';
import { RecoveryKeeper } from './recovery/recovery-keeper.ts';
import type { RecoveryOrder, RecoveryOutcome, VetoOrder } from './recovery/recovery-orders.ts';
import { veto } from './recovery/veto.ts';
import { Notifications, type NotificationsOptions } from './notify/notifications.ts';
import type { NotifySettings } from './notify/notify-settings.ts';
import { SignerHealth } from './signer-health.ts';
import { type TokenInfo, verifyToken } from './log/tokens.ts';
import type { ProfileTable } from './log/profile-table.ts';
import type { RegistrationGrant } from './log/registration-grants.ts';

/** The health of a log's service, for `/readyz` and metrics. */
export interface LogHealth {
  /** The greatest released size. */
  readonly size: number;
  /** Timestamp of the newest committed entry, ms. */
  readonly timestampMs: number;
  /** The log has its last entry; nothing is appended after it. */
  readonly hasEnded: boolean;
  /** Why signing has stopped for good; undefined while all is well. */
  readonly failure: GlasskeyError | undefined;
  /** Why the sequencer's last attempt failed, such as a clock out of bounds; it retries. */
  readonly trouble: unknown;
  readonly isWriter: boolean;
  /** The lag as this process sees it: zero unless it is the writer. */
  readonly lag: ReleaseLag;
  readonly queueDepth: number;
  readonly standstill: Standstill;
  readonly inFlight: number;
  /** See {@link LogService.answering}. */
  readonly answering: { readonly underWay: number; readonly waiting: number };
}

/** Options of a {@link LogService}. */
export interface LogServiceOptions extends Pick<SequencerOptions, 'acceptClockGap'> {
  /** If true, this process tries to be the writer. Default: true. */
  readonly sequence?: boolean;
  /** If true, this process looks after recoveries, and tells owners of changes. Default: true. */
  readonly keepRecoveries?: boolean;
  /** Notices to owners, which this process sends while it is the writer. Default: none. */
  readonly notify?: NotificationsOptions;
}

/** One open log with everything that serves it. The HTTP layer and the server-side commands call it. */
export class LogService {
  readonly context: LogContext;
  readonly progress: LogProgress;
  readonly auditor: AuditorHeads;
  readonly prover: Prover;
  /** The same for the server's own questions, on connections that requests cannot take. */
  readonly ownProver: Prover;
  /** `POST /keytrans/v1/…`. */
  readonly keytrans: EncodedProver;
  /** Answers to KEYTRANS requests that are being made, and those that wait for room. */
  readonly answering: Pick<Semaphore, 'underWay' | 'waiting'>;
  readonly reading: Reading;
  readonly files: LogFiles;
  readonly crls: Crls;
  readonly ocsp: OcspService;
  readonly sequencer: Sequencer;
  readonly pruner: Pruner;
  /** Checks that the log's keys sign. */
  readonly signers: SignerHealth;
  readonly recoveries: RecoveryKeeper;
  /** Notices to owners of changes. */
  readonly notifications: Notifications;
  readonly #pipeline: Pipeline;
  /** Mailers of settings that a reload has replaced: a request may still use them. */
  readonly #mailers: (Mailer | undefined)[] = [];
  readonly #ending: LogEnding;
  readonly #sequence: boolean;
  readonly #watch: StandstillWatch;
  readonly #seen: SeenReleases;

  constructor(context: LogContext, options: LogServiceOptions = {}) {
    this.context = context;
    const reserved = { ...context, ...context.reserved };
    this.progress = new LogProgress(reserved.store, context.limits);
    this.#seen = new SeenReleases(reserved, this.progress);
    this.auditor = new AuditorHeads(context, this.progress);
    const parts = createProverParts(context, this.progress, this.auditor);
    this.prover = createProver(parts);
    const ownHeads = new AuditorHeads(reserved, this.progress);
    this.ownProver = createProver(createProverParts(reserved, this.progress, ownHeads));
    this.keytrans = createEncodedProver(parts);
    this.answering = parts.answering;
    this.reading = createReading(context.limits);
    this.files = new LogFiles(context, this.progress);
    this.crls = new Crls(context);
    this.ocsp = new OcspService(context);
    this.progress.onLoss(() => {
      this.crls.forget();
      this.ocsp.forget();
    });
    this.signers = new SignerHealth(context);
    const admission = new Admission(context);
    const expectsMore = (): boolean => admission.preparing > 0;
    this.sequencer = new Sequencer(reserved, this.progress, { ...options, expectsMore });
    this.#ending = new LogEnding(reserved);
    this.pruner = new Pruner(context, () => this.sequencer.isWriter);
    const { progress, prover } = this;
    this.#watch = new StandstillWatch(reserved.store, progress, context.limits, () => this.sequencer.trouble);
    this.recoveries = new RecoveryKeeper(
      () => this.#issuance(),
      () => this.sequencer.isWriter && options.keepRecoveries !== false,
      () => this.#ending.hasEnded(),
    );
    this.#pipeline = {
      context,
      progress,
      prover,
      signedTree: new SignedTree(context, progress),
      admission,
      requests: new Singleflight<Made>(),
      tokens: new Singleflight<TokenInfo>(),
      recoveries: new Singleflight<SettledRecovery>(),
      recoveryAsked: () => this.recoveries.poke(),
    };
    this.#sequence = options.sequence ?? true;
    // A command that appends knows no channels: a server tells owners, of erasures too.
    const isKeeper = (): boolean => this.sequencer.isWriter && options.keepRecoveries !== false;
    this.notifications = new Notifications(this.#pipeline, isKeeper, options.notify);
  }

  /** Starts to listen to the store and, unless the options forbid it, to sequence. */
  async start(): Promise<void> {
    await this.progress.start();
    this.#watch.start();
    if (!this.#sequence) return;
    this.sequencer.start();
    this.pruner.start();
    this.recoveries.start();
    this.notifications.start();
  }

  /** Stops. Waiting requests get `shutting-down`; submissions stay in the queue. */
  async stop(): Promise<void> {
    this.#watch.stop();
    await this.recoveries.stop();
    await this.notifications.stop();
    await this.pruner.stop();
    await this.sequencer.stop();
    await this.progress.stop();
    await this.#seen.stop();
    for (const mailer of [...this.#mailers, this.context.reloadable.evidence.mailer]) mailer?.close();
  }

  /**
   * Replaces the settings and issuing CAs. Requests under way keep those that they began with. Token buckets start
   * full, and the keys of OpenID providers are fetched again.
   */
  reconfigure(settings: {
    readonly evidence: EvidenceSettings;
    readonly profiles: ProfileTable;
    readonly issuingCas: readonly IssuingCa[];
    readonly notify?: NotifySettings | undefined;
    readonly allowsMlDsa: boolean;
  }): void {
    const { context } = this;
    this.notifications.reconfigure(settings.notify);
    const { evidence, profiles, issuingCas, allowsMlDsa } = settings;
    this.#mailers.push(context.reloadable.evidence.mailer);
    context.reloadable.replace({
      profiles,
      issuingCas: new IssuingCas(issuingCas),
      evidence: openEvidence(context, evidence),
      allowsMlDsa,
    });
  }

  #issuance(): Issuance {
    const { context } = this;
    return { ...this.#pipeline, settings: context.reloadable.at(context.now()) };
  }

  /** Verifies an untrusted application token. Throws `unauthenticated`. */
  async identifyToken(token: string): Promise<TokenInfo> {
    return this.#pipeline.tokens.share(token, () => verifyToken(this.context, token));
  }

  /** Returns the label of an identity as typed (untrusted). Throws `invalid-identity`. */
  labelOf(identity: string): Uint8Array {
    return canonicalIdentity(identity, this.context.identityRules).label;
  }

  /** `POST /v1/certificates`: see {@link issueCertificate}. */
  async issue(order: CertificateOrder): Promise<LoggedCertificate> {
    await this.#assertSigning();
    return issueCertificate(this.#issuance(), order);
  }

  /** `POST /v1/email-challenges`: see {@link EmailChallenges.create}. */
  async challengeEmail(order: EmailChallengeOrder): Promise<EmailChallenge> {
    const { admission } = this.#pipeline;
    const { emailChallenges } = this.context.reloadable.evidence;
    ensure(emailChallenges !== undefined, 'unsupported-operation', 'this server does not verify identities by e-mail');
    await this.#ending.assertGoesOn();
    return admission.run('challenge', (ticket) => {
      ticket.submitted();
      return emailChallenges.create(order);
    });
  }

  /** `POST /v1/registration-grants`: see {@link grantRegistration}. */
  async grantRegistration(order: GrantOrder): Promise<RegistrationGrant> {
    await this.#ending.assertGoesOn();
    return grantRegistration(this.#issuance(), order);
  }

  /** `POST /v1/revocations`: see {@link revokeCertificates}. */
  async revoke(order: RevocationOrder): Promise<RevokedCertificates> {
    await this.#assertSigning();
    return revokeCertificates(this.#issuance(), order);
  }

  /** See {@link revokeForRequester}: the caller has authenticated `who`. */
  async revokeFor(who: string, order: Parameters<typeof revokeForRequester>[1]): Promise<RevokedCertificates> {
    await this.#assertSigning();
    return revokeForRequester(this.#issuance(), order, who);
  }

  /** `POST /v1/recoveries`: see {@link recover}. */
  async recover(order: RecoveryOrder): Promise<RecoveryOutcome> {
    await this.#assertSigning();
    return recover(this.#issuance(), order);
  }

  /** `POST /v1/vetoes`: see {@link veto}. */
  async veto(order: VetoOrder): Promise<Answer> {
    await this.#assertSigning();
    return veto(this.#issuance(), order);
  }

  /** `glasskey admin revoke`: see {@link revokeAsOperator}. */
  async revokeAsOperator(order: OperatorRevocation): Promise<OperatorRevoked> {
    await this.#assertSigning();
    return revokeAsOperator(this.#issuance(), order);
  }

  /** `glasskey admin erase`: see {@link eraseIdentity}. */
  async erase(order: ErasureOrder): Promise<Erasure> {
    await this.#assertSigning();
    const erasure = await eraseIdentity(this.#issuance(), order);
    await this.notifications.owners.nameErased(erasure);
    return erasure;
  }

  /** `glasskey admin import`: see {@link importIdentity}. */
  async import(order: ImportOrder): Promise<Imported> {
    await this.#assertSigning();
    return importIdentity(this.#issuance(), order);
  }

  /** Returns the health of the log. Throws `storage-failed` if the released head cannot be read. */
  async health(): Promise<LogHealth> {
    const { released } = await this.progress.released();
    const { failure, trouble, isWriter, lag, queueDepth } = this.sequencer;
    const { inFlight } = this.#pipeline.admission;
    const hasEnded = await this.#ending.hasEnded();
    const head = await this.context.reserved.store.readHead();
    const { timestampMs } = head;
    const standstill = await this.#watch.look(head);
    const sequencing = { failure, trouble, isWriter, lag, queueDepth };
    return {
      hasEnded,
      size: released.size,
      timestampMs,
      ...sequencing,
      standstill,
      inFlight,
      answering: this.answering,
    };
  }

  /**
   * Throws unless the log can be written. It is read-only after it has ended or contradicted itself. It is also
   * read-only while cosignatures are missing, its keys are out of reach or its clock is out of bounds.
   */
  async #assertSigning(): Promise<void> {
    await this.#ending.assertGoesOn();
    this.sequencer.assertSteadyClock();
    const { failure, trouble } = this.sequencer;
    for (const code of ['clock-skew', 'release-stalled', 'log-rolled-back', 'hsm-unavailable'] as const) {
      if (isGlasskeyError(trouble, code)) throw new GlasskeyError(code, trouble.message, { cause: trouble });
    }
    const loss = this.progress.findLoss((await this.progress.released()).released.size);
    if (loss !== undefined) throw loss;
    if (failure === undefined) return;
    if (failure.code === 'log-rolled-back') throw new GlasskeyError(failure.code, failure.message, { cause: failure });
    throw new GlasskeyError('storage-corrupt', 'the stored log contradicts itself, so the server signs nothing', {
      cause: failure,
    });
  }
}
