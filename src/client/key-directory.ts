import type { CompanionKeys } from '../ca/companion-keys.ts';
import type { EmailChallengeAnswer, EmailChallengeRequest } from '../contract/bodies.ts';
import { fingerprint } from '../contract/bundle-signature.ts';
import type { NotifyAnswer } from '../contract/notify-bodies.ts';
import { parseEmailChallengeAnswer } from '../contract/parse-answers.ts';
import { PATHS } from '../contract/paths.ts';
import type { TrustBundle } from '../contract/trust-bundle.ts';
import { isGlasskeyError } from '../core/errors.ts';
import { canonicalIdentity } from '../identity/canonical-identity.ts';
import type { Identity } from '../identity/identity.ts';
import type { AuditReport } from './audit/audit-log.ts';
import type { VerifiedBinding } from './binding/binding.ts';
import type { IssuedCertificate } from './binding/issued-certificate.ts';
import type { ClientKey } from './client-key.ts';
import { type Connection, connect } from './connect.ts';
import type { HeadsAgreement } from './heads-text.ts';
import { withJson } from './json-result.ts';
import type { KeyDirectoryOptions } from './key-directory-options.ts';
import { fetchLogEnd } from './log-end.ts';
import { acknowledge } from './operations/acknowledge.ts';
import { audit, type AuditRun } from './operations/audit.ts';
import { type CheckpointAgreement, compareCheckpoint } from './operations/compare-checkpoint.ts';
import {
  acceptCredential,
  type CredentialBinding,
  type MadeCredential,
  makeCredential,
} from './operations/credential.ts';
import { acceptDeviceNote, type AcceptedNote, makeDeviceNote, readDeviceNote } from './operations/device-note.ts';
import { compareWithOthers, showHeads, updateHeads } from './operations/heads.ts';
import { history, type History, type HistoryOptions } from './operations/history.ts';
import { type Registration, registration, type Rotation, renewal, rotation } from './operations/key-orders.ts';
import { lookUpIdentity, type LookupResult } from './operations/lookup.ts';
import { lookupMany, type LookupOutcome } from './operations/lookup-many.ts';
import { lookupVersion, type VerifiedVersion } from './operations/lookup-version.ts';
import { assertExpectedKeys, monitorOwned, type OwnerMonitored, type Owning } from './operations/monitor-owned.ts';
import { type Monitored, monitorRound, type Round, worstFailure } from './operations/monitor-round.ts';
import { type MonitoringDue, monitoringDue } from './operations/monitoring-due.ts';
import { confirmAddress, orderNotices, type NotifyOrderOptions } from './operations/notify.ts';
import type { VerifiedEnd, Work } from './operations/operation.ts';
import { recoverIdentity, type Recovery } from './operations/recover.ts';
import { revoke, type RevokeOptions } from './operations/revoke.ts';
import { type SettledCredential, settleCredentials, type Settlement } from './operations/settle-credentials.ts';
import { type ComparedKeys, markKeys, type MarkedKeys, markOf, withoutMark } from './operations/verified-mark.ts';
import { makeMandate, type WatchOrder } from './operations/watch-mandate.ts';
import { verifyCertificate } from './operations/verify-certificate.ts';
import { vetoRecovery } from './operations/veto.ts';
import { type Requested, requestOf, type Vouchers, voucherOf } from './requested.ts';
import type { Alert } from './state/client-state.ts';
import type { Trust, TrustOrigin } from './trust.ts';

export type { HeadsAgreement } from './heads-text.ts';
export type { KeyDirectoryOptions } from './key-directory-options.ts';
export type { CheckpointAgreement } from './operations/compare-checkpoint.ts';
export type { CredentialBinding, MadeCredential } from './operations/credential.ts';
export type { AcceptedNote } from './operations/device-note.ts';
export type { History, HistoryOptions, PastVersion } from './operations/history.ts';
export type { LookupResult } from './operations/lookup.ts';
export type { LookupOutcome } from './operations/lookup-many.ts';
export type { VerifiedVersion } from './operations/lookup-version.ts';
export type { OwnerMonitored, Owning } from './operations/monitor-owned.ts';
export type { Monitored } from './operations/monitor-round.ts';
export type { MonitoringDue } from './operations/monitoring-due.ts';
export type { NotifyAnswer, NotifyAddressInfo } from '../contract/notify-bodies.ts';
export type { NotifyOrderOptions } from './operations/notify.ts';
export type { VerifiedEnd } from './operations/operation.ts';
export type { Recovery } from './operations/recover.ts';
export type { SettledCredential } from './operations/settle-credentials.ts';
export type { ComparedKeys, MarkedKeys } from './operations/verified-mark.ts';
export type { WatchOrder } from './operations/watch-mandate.ts';
export type { EmailCode } from './requested.ts';

/**
 * A Glasskey server, seen by a client that trusts only its trust bundle.
 *
 * Every answer is verified in full before anything is stored or returned: KEYTRANS proof, tree head, chain of records,
 * certificates. An answer that fails leaves the state as it was. If the bundle has a witness policy, every tree head
 * needs its quorum: any operation throws `not-witnessed` for a head without it, and `log-forked` for a head that
 * contradicts the one that the witnesses saw.
 *
 * An answer may fail because the log has changed its bundle. Then the directory takes the signed successor up and asks
 * once more. It throws `release-stalled` while the newest head is still of the bundle before.
 *
 * `JSON.stringify` takes every result: byte strings become base64.
 */
export class KeyDirectory {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Connects to a server and settles which trust bundle to use. If the server cannot be reached and the state has
   * pinned a bundle, opens all the same: what needs no request works, and the first operation that needs one settles
   * the bundle first, or throws what this would have thrown. Throws `bundle-changed` if the server shows a trust
   * bundle other than the given or pinned one without a valid signature for the change; `log-replaced` if it shows
   * another log than it used to (`log-reset` for a development server), `other-log` for any other log;
   * `fingerprint-mismatch`, `bad-bundle`, `network-failed`, `state-corrupt`; `platform-unsupported` if the JavaScript
   * runtime lacks something.
   */
  static async open(options: KeyDirectoryOptions): Promise<KeyDirectory> {
    return new KeyDirectory(await connect(options));
  }

  /** The trust bundle that the server is held to, ready for use. */
  get trust(): Trust {
    return withJson(this.#connection.operation.trust);
  }

  /**
   * The way in which {@link KeyDirectory.trust} came to be trusted. On `first-use`, show the fingerprint to the user.
   */
  get trustOrigin(): TrustOrigin {
    return this.#connection.trustOrigin;
  }

  /** SHA-256 of the trust bundle, for people to compare. */
  get fingerprint(): string {
    return fingerprint(this.#bundle);
  }

  /** Returns the canonical form of an identity as typed. Throws `invalid-identity`. */
  identity(text: string): Identity {
    return withJson(canonicalIdentity(text, this.#bundle.identityRules));
  }

  get #bundle(): TrustBundle {
    return this.#connection.operation.trust.bundle;
  }

  /**
   * Looks up an identity: returns its keys, or proof that it has none. Throws `invalid-identity`, `network-failed`, the
   * server's refusal, or a verification error.
   */
  lookup(text: string): Promise<LookupResult> {
    const identity = this.identity(text);
    return this.#run((operation, state) => lookUpIdentity(operation, state, identity));
  }

  /**
   * Looks up many identities, such as an address book, in few requests. Each outcome, in the order of `texts`, is what
   * {@link lookup} returns or throws for that identity; one failure does not affect the others. Never throws.
   */
  async lookupMany(texts: readonly string[]): Promise<readonly LookupOutcome[]> {
    const outcomes = this.#connection.heldToNewest(
      () => lookupMany(this.#runOnce, (text) => this.identity(text), texts),
      (all) => all.map(({ error }) => error),
    );
    return withJson(await outcomes);
  }

  /** Looks up one version of an identity. Throws `search-not-found`, and what {@link lookup} throws. */
  lookupVersion(text: string, version: number): Promise<VerifiedVersion> {
    const identity = this.identity(text);
    return this.#run((operation, state) => lookupVersion(operation, state, identity, version));
  }

  /**
   * Returns the versions of an identity, with their certificates and who authorised them: as many as a client reads at
   * once. Show `unread`, and ask again for those `before` that. Throws `identity-not-found`.
   */
  history(text: string, options: HistoryOptions = {}): Promise<History> {
    const identity = this.identity(text);
    return this.#run((operation, state) => history(operation, state, identity, options));
  }

  /**
   * Takes an identity as the user's own: from then on {@link monitor} reports every version that this client did not
   * ask for. An identity that this client registers with a key of its own needs no such call. With `expected`, the
   * identity is taken only if its valid keys are these, and no others. Throws `unexpected-version` if not, and changes
   * nothing then.
   */
  own(text: string, { expected }: Owning = {}): Promise<OwnerMonitored> {
    const identity = this.identity(text);
    return this.#run(async (operation, state) => {
      const taken = await monitorOwned(operation, state, identity);
      if (expected !== undefined) assertExpectedKeys(taken.result.binding, expected);
      return taken;
    });
  }

  /**
   * Monitors identities: those given, or by default all that need it. These are the user's own, contacts whose lookups
   * left something to monitor, and contacts with alerts. Without arguments it also fetches new distinguished log
   * entries and settles credentials.
   *
   * Alerts, such as a version of an own identity that its owner did not make, are part of the results, now and at every
   * later call until the user {@link acknowledge}s them. Throws a verification error if the log misbehaved, after it
   * has monitored the other identities.
   */
  async monitor(texts?: readonly string[]): Promise<readonly Monitored[]> {
    const { ending } = this.#connection.operation;
    const round = await this.#monitorRound(texts);
    const wasTooOld = round.failures.some((error) => isGlasskeyError(error, 'tree-head-too-old'));
    const mayHaveEnded = wasTooOld && ending.end === undefined && (await this.logEnd()) !== undefined;
    const { results, failures } = mayHaveEnded ? await this.#monitorRound(texts) : round;
    if (failures.length > 0) throw worstFailure(failures);
    if (texts !== undefined) return results;
    const settlement = await this.#settle({ isPatient: true });
    if (settlement.failures.length > 0) throw worstFailure(settlement.failures);
    const expired = settlement.settled.filter((one) => one.expired).map(({ identity }) => identity);
    if (expired.length === 0) return results;
    return [...results.filter(({ identity }) => !expired.includes(identity)), ...(await this.monitor(expired))];
  }

  async #monitorRound(texts: readonly string[] | undefined): Promise<Round> {
    const round = this.#connection.heldToNewest(
      () => monitorRound(this.#runOnce, (text) => this.identity(text), texts),
      ({ failures }) => failures,
    );
    return withJson(await round);
  }

  /** Returns what has to be monitored and when it last was: the input of a `MonitoringSchedule`. */
  monitoringDue(): Promise<readonly MonitoringDue[]> {
    return this.#run((_, state) => Promise.resolve({ result: monitoringDue(state) }));
  }

  /** Returns true if this client owns an identity or has looked it up. */
  isKnown(text: string): Promise<boolean> {
    const identity = this.identity(text);
    return this.#run((_, { owners, contacts }) =>
      Promise.resolve({ result: owners.has(identity.text) || contacts.has(identity.text) }),
    );
  }

  /**
   * Makes a credential of an identity, most often the user's own: a text for a contact, who verifies it without a
   * request (KT §14). Throws `identity-not-found`, `usage` while the log has no distinguished entry, or what
   * {@link lookup} throws.
   */
  credential(text: string): Promise<MadeCredential> {
    const identity = this.identity(text);
    return this.#run((operation, state) => makeCredential(operation, state, identity));
  }

  /**
   * Verifies a received credential without a request, by the distinguished log entries that this client knows from
   * {@link monitor} or {@link heads}. If the result is not `final`, the next {@link monitor} settles it. Throws
   * `unknown-head`, `credential-expired`, `log-forked`, other verification errors, `malformed-encoding`, and `usage`
   * for a credential of another log.
   */
  verifyCredential(text: string): Promise<CredentialBinding> {
    return this.#run((operation, state) => acceptCredential(operation, state, text));
  }

  /**
   * Verifies provisional credentials finally, as far as the log has grown since they were accepted (KT §14.2), at once.
   * {@link monitor} does it at a random time within a monitoring window after they were accepted. Throws `log-forked`,
   * `version-rolled-back`, other verification errors, and `network-failed`, after it has settled the others.
   */
  async settleCredentials(): Promise<readonly SettledCredential[]> {
    const { settled, failures } = await this.#settle({ isPatient: false });
    if (failures.length > 0) throw worstFailure(failures);
    return settled;
  }

  #settle(how: { readonly isPatient: boolean }): Promise<Settlement> {
    return this.#run(async (operation, state) =>
      settleCredentials(operation, await updateHeads(operation, state), how),
    );
  }

  /**
   * Returns the verified end of the log and its successor, or undefined if the log has not ended. A person decides what
   * to do then: the client never follows a successor by itself. Throws `bad-log-end`, other verification errors, and
   * `network-failed`.
   */
  async logEnd(): Promise<VerifiedEnd | undefined> {
    const { operation, settled } = this.#connection;
    const { ending } = operation;
    return withJson((ending.end ??= await settled(() => fetchLogEnd(operation))));
  }

  /** Returns the log as this client saw it, as a short text that other people compare with theirs (KT §10.2). */
  heads(): Promise<string> {
    return this.#run(showHeads);
  }

  /**
   * Compares what the log showed to another person, by the text of their {@link heads}, with what it showed to this
   * client. Throws `log-forked` if the two differ, `usage` if they cannot be compared, `malformed-encoding`.
   */
  compareHeads(text: string): Promise<HeadsAgreement> {
    return this.#run((operation, state) => compareWithOthers(operation, state, text));
  }

  /**
   * Compares a checkpoint that a watcher, or anybody who audits the log, was shown with what the server shows to this
   * client. Both are signed by the log, so a false one accuses nobody. Throws `log-forked` if there are two logs,
   * `bad-checkpoint` if this log did not sign it, `too-far-behind` if the server shows a shorter log here.
   */
  compareCheckpoint(text: string): Promise<CheckpointAgreement> {
    return this.#run((operation, state) => compareCheckpoint(operation, state, text));
  }

  /** Returns every alert that the user has not {@link acknowledge}d yet. Show them to the user. */
  alerts(): Promise<readonly Alert[]> {
    return this.#run((_, { alerts }) => Promise.resolve({ result: alerts }));
  }

  /** Removes the alerts about these identities, by default all, after the user has seen them. Returns those removed. */
  acknowledge(texts: readonly string[] = []): Promise<readonly Alert[]> {
    const identities = texts.map((text) => this.identity(text).text);
    return this.#run((_, state) => Promise.resolve(acknowledge(state, identities)));
  }

  /**
   * Marks keys of a contact as compared with their owner: `markVerified` of `glasskey/e2ee` calls it with those of a
   * safety number. Throws `keys-changed` if the name has other keys by now, or an alert that is not acknowledged.
   */
  markKeys(text: string, compared: ComparedKeys): Promise<MarkedKeys> {
    const identity = this.identity(text);
    return this.#run((operation, state) => Promise.resolve(markKeys(operation, state, identity, compared)));
  }

  /** Returns the mark of a contact as this client keeps it; undefined if it was never made. Asks no server. */
  markedKeys(text: string): Promise<MarkedKeys | undefined> {
    const identity = this.identity(text);
    return this.#run((_, state) => Promise.resolve({ result: markOf(state, identity.text) }));
  }

  /** Removes the mark of a contact, such as after a mistake. */
  unmarkKeys(text: string): Promise<void> {
    const { text: name } = this.identity(text);
    return this.#run((_, state) => Promise.resolve({ next: withoutMark(state, name), result: undefined }));
  }

  /**
   * Returns a note for the user's other devices: a text that says, signed by `credentials`, that this device made the
   * newest version that it made. `credentials` is the key that signed the change. Throws `usage` if it made none.
   */
  deviceNote(text: string, credentials: ClientKey): Promise<string> {
    const identity = this.identity(text);
    return this.#run((operation, state) => makeDeviceNote(operation, state, identity, credentials));
  }

  /**
   * Accepts the {@link deviceNote} of another device of the user, and monitors the identity: the alert about the
   * version that it names is gone. Tell the user all the same, as something that was done on that device. Throws
   * `bad-signature`, `change-rejected` if that device did not make the version, `too-far-behind` if the log does not
   * show it here yet, `unexpected-version` if it shows another one, and what {@link monitor} throws.
   */
  async acceptDeviceNote(text: string, note: string): Promise<AcceptedNote> {
    const identity = this.identity(text);
    const read = await this.#run((operation, state) => readDeviceNote(operation, state, identity, note));
    // A step of its own, so that the state keeps everything that the log shows now, whatever becomes of the note.
    await this.own(text);
    return this.#run((operation, state) => acceptDeviceNote(operation, state, identity, read));
  }

  /**
   * Returns a mandate for a watcher, which then tells of every version of the identity: a text that names the versions
   * that are the user's own, signed by `credentials`, a key of the newest of them. Throws `usage` if this client knows
   * none.
   */
  watchMandate(text: string, credentials: ClientKey, order: WatchOrder): Promise<string> {
    const identity = this.identity(text);
    return this.#run((operation, state) => makeMandate(operation, state, identity, credentials, order));
  }

  /**
   * Verifies a certificate (PEM; only the first block counts): it chains to the bundle's roots, and the current record
   * of the identity that it names holds it. Throws `certificate-not-in-record`, `certificate-expired`,
   * `untrusted-issuer`, `bad-certificate`, or what {@link lookup} throws. Look at the binding's `change` as after a
   * lookup.
   */
  async verifyCertificate(pem: string): Promise<VerifiedBinding> {
    const { operation, state, heldToNewest } = this.#connection;
    return withJson(await heldToNewest(() => verifyCertificate(operation, state, pem)));
  }

  /**
   * Sends a code to an e-mail address; {@link register} takes the code as evidence for the same key. Needs `key` or
   * `csr` (PEM). Throws `rate-limited`, `mail-unavailable`, `forbidden`.
   */
  async requestEmailCode(text: string, options: Requested): Promise<EmailChallengeAnswer> {
    const identity = this.identity(text);
    const csr = await requestOf(identity, options);
    const body: EmailChallengeRequest = { identity: identity.text, csr };
    const { operation, settled } = this.#connection;
    return parseEmailChallengeAnswer(await settled(() => operation.transport.postJson(PATHS.emailChallenges, body)));
  }

  /**
   * Registers a key for an identity. The first key needs evidence: an application token, an ID token or an e-mailed
   * code. A further key needs `credentials`, a key that the record certifies. Needs `key` or `csr` (PEM), such as that
   * of another device of the user, which showed it as a QR code. The companion keys of `key`, or `companions`, are
   * certified with it.
   *
   * Store the private key safely before the call. The same CSR always gets the same answer.
   */
  async register(text: string, options: Registration): Promise<IssuedCertificate> {
    return this.#run(await registration(this.identity(text), options));
  }

  /**
   * Replaces the key `credentials` by `key` in one signed change. Store `key` safely before the call. The same call
   * again, such as after a lost answer, returns the certificate that was issued. A `key` made with `generateKey({
   * replaces: credentials })` has the companion keys of the old one; else give `companions`, or a `csr` (PEM) that asks
   * for them. Throws `usage` if the old key has companion keys of a kind that is not asked for, unless `dropCompanions`
   * is set. To replace only the companion keys, give the same key twice.
   */
  async rotate(
    text: string,
    credentials: ClientKey,
    key: ClientKey,
    options: Rotation = {},
  ): Promise<IssuedCertificate> {
    return this.#run(await rotation(this.identity(text), credentials, key, options));
  }

  /**
   * Requests a new certificate for a key that the record certifies, with the same companion keys. Throws
   * `change-required` for other companion keys: use {@link rotate}.
   */
  async renew(text: string, key: ClientKey, companions?: CompanionKeys): Promise<IssuedCertificate> {
    return this.#run(await renewal(this.identity(text), key, companions));
  }

  /**
   * Revokes certificates of an identity, signed by one of its keys: those of the given serials (lower-case hex), by
   * default every certificate of `credentials`. The same call again, such as after a lost answer, finds what was done.
   * Throws `no-such-certificate` if the record does not hold one of them.
   */
  async revoke(text: string, credentials: ClientKey, options: RevokeOptions = {}): Promise<VerifiedBinding> {
    const identity = this.identity(text);
    return this.#run((operation, state) => revoke(operation, state, identity, credentials, options));
  }

  /**
   * Recovers an identity, whose owner lost every key, for `key`, or the key of `csr` (PEM). Store that key safely
   * before the call. The first call needs evidence, as in {@link register}. Later calls need none: they report whether
   * the recovery still waits, and complete it after the delay of the trust bundle. Until then, any key of the identity
   * can {@link veto} it.
   */
  async recover(text: string, options: Vouchers & Requested): Promise<Recovery> {
    const identity = this.identity(text);
    const order = { csr: await requestOf(identity, options), voucher: voucherOf(options) };
    return this.#run((operation, state) => recoverIdentity(operation, state, identity, order));
  }

  /**
   * Vetoes a pending recovery, signed by a key of the identity. The same call again finds what was done. Throws
   * `change-rejected` if no recovery is pending.
   */
  veto(text: string, credentials: ClientKey): Promise<VerifiedBinding> {
    const identity = this.identity(text);
    return this.#run((operation, state) => vetoRecovery(operation, state, identity, credentials));
  }

  /**
   * Audits the whole log, from where the last audit of this state ended (see `auditLog`), and holds it to the tree head
   * that lookups have shown. Throws a verification error with evidence if the log misbehaved.
   */
  audit(options: AuditRun = {}): Promise<AuditReport> {
    return this.#run((operation, state) => audit(operation, state, options));
  }

  /**
   * Sets where the owner of an identity is told of its changes, or lists these addresses, signed by `credentials`, a
   * key of the newest version. A new address receives a code for {@link confirmNotices}; a webhook confirms itself by
   * its answer. Nothing of the answer is proved, and whoever controls the server can silence notices: {@link monitor}
   * is the check. Throws `change-rejected`, `bad-change-signature`, `rate-limited`, `invalid-request`,
   * `unsupported-operation`.
   */
  async notices(text: string, credentials: ClientKey, order: NotifyOrderOptions): Promise<NotifyAnswer> {
    const { operation, settled } = this.#connection;
    const identity = this.identity(text);
    return settled(() => orderNotices(operation, identity, credentials, order));
  }

  /** Confirms an address by the code that it received. `id` is `added` of {@link notices}. Throws `code-refused`. */
  async confirmNotices(text: string, id: string, code: string): Promise<NotifyAnswer> {
    const { operation, settled } = this.#connection;
    const identity = this.identity(text);
    return settled(() => confirmAddress(operation, identity, { id, code }));
  }

  /** Runs one step on the state, under the newest bundle of the log. If it throws, the state stays as it was. */
  readonly #run = async <T>(work: Work<T>): Promise<T> =>
    withJson(await this.#connection.heldToNewest(() => this.#runOnce(work)));

  /** As {@link #run}, under the bundle in use. */
  readonly #runOnce = <T>(work: Work<T>): Promise<T> => {
    const { operation, state } = this.#connection;
    return state.transact((current) => work(operation, current));
  };
}
