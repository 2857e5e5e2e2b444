import type { CompanionKeys } from '../ca/companion-keys.ts';
import { csrKeys } from '../ca/csr/csr-keys.ts';
import { equalBytes } from '../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../core/errors.ts';
import { fingerprint } from '../contract/bundle-signature.ts';
import type { EmailChallengeAnswer, EmailChallengeRequest } from '../contract/bodies.ts';
import { parseEmailChallengeAnswer } from '../contract/email-challenge.ts';
import { PATHS } from '../contract/paths.ts';
import { canonicalIdentity } from '../identity/canonical-identity.ts';
import type { Identity } from '../identity/identity.ts';
import type { AuditReport } from './audit/audit-log.ts';
import type { VerifiedBinding } from './binding/binding.ts';
import type { ClientKey } from './client-key.ts';
import type { Alert, ClientState, StateChange, StateStore } from './state/client-state.ts';
import { createCsr } from './csr.ts';
import { endedState } from './ended-state.ts';
import type { HeadsAgreement } from './heads-text.ts';
import type { IssuedCertificate } from './binding/issued-certificate.ts';
import type { KeyDirectoryOptions } from './key-directory-options.ts';
import { fetchLogEnd } from './log-end.ts';
import { audit, type AuditRun } from './operations/audit.ts';
import { changeKeys, requestCertificate } from './operations/issue.ts';
import { acknowledge } from './operations/acknowledge.ts';
import {
  acceptCredential,
  type CredentialBinding,
  type MadeCredential,
  makeCredential,
  type SettledCredential,
  settleCredentials,
} from './operations/credential.ts';
import { compareWithOthers, showHeads, updateHeads } from './operations/heads.ts';
import { history, type History } from './operations/history.ts';
import { lookUpIdentity, type LookupResult } from './operations/lookup.ts';
import { lookupMany, type LookupOutcome } from './operations/lookup-many.ts';
import { lookupVersion, type VerifiedVersion } from './operations/lookup-version.ts';
import { monitorOwned, type OwnerMonitored } from './operations/monitor-owned.ts';
import { type Monitored, monitorTurn, type RoundTurn, worstFailure } from './operations/monitor-round.ts';
import { identitiesToMonitor, type MonitoringDue, monitoringDue } from './operations/monitoring-due.ts';
import type { Ending, Operation, VerifiedEnd } from './operations/operation.ts';
import type { RecordKey } from './operations/own-record.ts';
import { recoverIdentity, type Recovery } from './operations/recover.ts';
import { revoke, type RevokeOptions } from './operations/revoke.ts';
import { vetoRecovery } from './operations/veto.ts';
import { verifyCertificate } from './operations/verify-certificate.ts';
import { type Requested, requestOf, type Vouchers, voucherOf } from './requested.ts';
import { Transport } from './transport.ts';
import { witnessedState } from './witnessed-state.ts';
import { knownTrust, settleTrust, type Trust, type TrustOrigin } from './trust.ts';

export type { HeadsAgreement } from './heads-text.ts';
export type { CredentialBinding, MadeCredential, SettledCredential } from './operations/credential.ts';
export type { History, PastVersion } from './operations/history.ts';
export type { VerifiedEnd } from './operations/operation.ts';
export type { KeyDirectoryOptions } from './key-directory-options.ts';
export type { LookupResult } from './operations/lookup.ts';
export type { LookupOutcome } from './operations/lookup-many.ts';
export type { VerifiedVersion } from './operations/lookup-version.ts';
export type { OwnerMonitored } from './operations/monitor-owned.ts';
export type { Monitored } from './operations/monitor-round.ts';
export type { Recovery } from './operations/recover.ts';
export type { EmailCode } from './requested.ts';
export type { MonitoringDue } from './operations/monitoring-due.ts';

/**
 * A Glasskey server as a client sees it. Every answer is verified in full (KEYTRANS proof, tree head, chain of records,
 * certificates) before anything is stored or returned; an answer that fails leaves the state as it was. Where the bundle
 * has a witness policy, every tree head needs its quorum: any operation then throws `not-witnessed` for a head without it, and
 * `log-forked` for one that the witnesses have not seen so.
 */
export class KeyDirectory {
  readonly #operation: Operation;
  readonly #state: StateStore;
  /** How {@link trust} came to be trusted: show the fingerprint to the user on `first-use`. */
  readonly trustOrigin: TrustOrigin;

  private constructor(operation: Operation, state: StateStore, trustOrigin: TrustOrigin) {
    this.#operation = operation;
    this.#state = state;
    this.trustOrigin = trustOrigin;
  }

  /**
   * Connects to a server and settles whom to trust. Throws `bundle-changed` where the server shows another trust bundle
   * than the given or pinned one and no valid signature for the change, `bad-bundle`, `network-failed`, `state-corrupt`.
   */
  static async open(options: KeyDirectoryOptions): Promise<KeyDirectory> {
    const transport = new Transport({
      server: options.server,
      fetch: options.fetch ?? ((url, init) => fetch(url, init)),
      timeoutMs: options.timeoutMs ?? 30_000,
      lookupToken: options.lookupToken,
    });
    const { trust, origin } = await options.state.transact(async (state) => {
      if (options.offline === true) return { result: knownTrust(state, options.bundle) };
      const settled = await settleTrust(transport, state, options.bundle);
      return { next: settled.next, result: settled };
    });
    const ending: Ending = { end: undefined };
    const operation: Operation = { transport, trust, now: options.now ?? Date.now, ending };
    const { witnessMaxAgeMs: maxAgeMs, offline } = options;
    if (offline === true) return new KeyDirectory(operation, options.state, origin);
    const state = endedState(witnessedState(options.state, operation, { maxAgeMs }), operation);
    return new KeyDirectory(operation, state, origin);
  }

  /** Whom the server is held to. */
  get trust(): Trust {
    return this.#operation.trust;
  }

  /** SHA-256 of the trust bundle, for people to compare. */
  get fingerprint(): string {
    return fingerprint(this.trust.bundle);
  }

  /** The canonical form of an identity as typed. Throws `invalid-identity`. */
  identity(text: string): Identity {
    return canonicalIdentity(text, this.trust.bundle.identityRules);
  }

  /**
   * Looks an identity up: its keys, or a proof that it has none. Throws `invalid-identity`, `network-failed`, the server's
   * refusal, or a verification error.
   */
  lookup(text: string): Promise<LookupResult> {
    const identity = this.identity(text);
    return this.#run((operation, state) => lookUpIdentity(operation, state, identity));
  }

  /**
   * Looks many identities up, an address book for instance: what {@link lookup} gives or throws, for each, in their order and in few
   * requests. Every answer is verified in full, and one that fails keeps no other. Never throws.
   */
  lookupMany(texts: readonly string[]): Promise<readonly LookupOutcome[]> {
    return lookupMany(
      (work) => this.#run(work),
      (text) => this.identity(text),
      texts,
    );
  }

  /** Looks one version of an identity up. Throws `search-not-found`, and what {@link lookup} throws. */
  lookupVersion(text: string, version: number): Promise<VerifiedVersion> {
    const identity = this.identity(text);
    return this.#run((operation, state) => lookupVersion(operation, state, identity, version));
  }

  /** Every version of an identity, with its certificates and who authorised it. Throws `identity-not-found`. */
  history(text: string): Promise<History> {
    const identity = this.identity(text);
    return this.#run((operation, state) => history(operation, state, identity));
  }

  /**
   * Takes an identity as the user's own: from then on {@link monitor} reports every version that this client did not ask
   * for. What a client registers with a key of its own is its own already.
   */
  own(text: string): Promise<OwnerMonitored> {
    const identity = this.identity(text);
    return this.#run((operation, state) => monitorOwned(operation, state, identity));
  }

  /**
   * Monitors identities, by default all that need it: the user's own ones, and those whose lookups left something to be
   * monitored. Throws a verification error where the log misbehaved, once the others are monitored; versions of an own identity that its owner did not make
   * are `alerts` of its result, now and at every later call, until they are {@link acknowledge}d; so are what lookups noticed
   * about contacts, who are then among the results also where nothing is to be monitored. Without arguments it also learns of new distinguished log entries, and settles credentials.
   */
  async monitor(texts?: readonly string[]): Promise<readonly Monitored[]> {
    const round = await this.#monitorRound(texts);
    const wasTooOld = round.failures.some((error) => isGlasskeyError(error, 'tree-head-too-old'));
    const mayHaveEnded = wasTooOld && this.#operation.ending.end === undefined && (await this.logEnd()) !== undefined;
    const { results, failures } = mayHaveEnded ? await this.#monitorRound(texts) : round;
    if (failures.length > 0) throw worstFailure(failures);
    if (texts === undefined) await this.settleCredentials();
    return results;
  }

  async #monitorRound(texts: readonly string[] | undefined): Promise<Pick<RoundTurn, 'results' | 'failures'>> {
    let rest: readonly Identity[] | undefined = texts?.map((text) => this.identity(text));
    const results: Monitored[] = [];
    const failures: unknown[] = [];
    do {
      const turn: RoundTurn = await this.#run((operation, state) => {
        const toDo = rest ?? identitiesToMonitor(state).map((text) => this.identity(text));
        return monitorTurn(operation, state, toDo);
      });
      results.push(...turn.results);
      failures.push(...turn.failures);
      ({ rest } = turn);
    } while (rest.length > 0);
    return { results, failures };
  }

  /** What has to be monitored, and when it was last: for a `MonitoringSchedule`, which tells when the next round is due. */
  monitoringDue(): Promise<readonly MonitoringDue[]> {
    return this.#run((_, state) => Promise.resolve({ result: monitoringDue(state) }));
  }

  /** Whether this client owns an identity or has looked it up. */
  isKnown(text: string): Promise<boolean> {
    const identity = this.identity(text);
    return this.#run((_, { owners, contacts }) =>
      Promise.resolve({ result: owners.has(identity.text) || contacts.has(identity.text) }),
    );
  }

  /**
   * Makes a credential of an identity, most often the user's own: a text to send to a contact, who can verify it without asking
   * anybody (KT §14). Throws `identity-not-found`, `usage` while the log has no distinguished entry yet, or what
   * {@link lookup} throws.
   */
  credential(text: string): Promise<MadeCredential> {
    const identity = this.identity(text);
    return this.#run((operation, state) => makeCredential(operation, state, identity));
  }

  /**
   * Verifies a credential that somebody sent, without any request: by the distinguished log entries that this client knows
   * from {@link monitor} or {@link heads}. Where the result is not `final`, the next {@link monitor} settles it. Throws
   * `unknown-head`, `credential-expired`, `log-forked`, other verification errors, `malformed-encoding`, and `usage` for one of
   * another log.
   */
  verifyCredential(text: string): Promise<CredentialBinding> {
    return this.#run((operation, state) => acceptCredential(operation, state, text));
  }

  /** Verifies provisional credentials finally, as far as the log has come since they were accepted (KT §14.2). */
  settleCredentials(): Promise<readonly SettledCredential[]> {
    return this.#run(async (operation, state) => settleCredentials(operation, await updateHeads(operation, state)));
  }

  /**
   * Whether the log has ended, and where it is continued, found in the log and verified. That is for a person to act on: nothing
   * here follows a successor by itself. Throws `bad-log-end` and other verification errors, `network-failed`.
   */
  async logEnd(): Promise<VerifiedEnd | undefined> {
    const { ending } = this.#operation;
    return (ending.end ??= await fetchLogEnd(this.#operation));
  }

  /** The log as this client was shown it, as a short text for other people to compare with theirs (KT §10.2). */
  heads(): Promise<string> {
    return this.#run(showHeads);
  }

  /**
   * Compares what the log showed to somebody else, by the text of their {@link heads}, with what it showed here. Throws
   * `log-forked` where the two differ, `usage` where they cannot be compared, `malformed-encoding`.
   */
  compareHeads(text: string): Promise<HeadsAgreement> {
    return this.#run((operation, state) => compareWithOthers(operation, state, text));
  }

  /** Everything that was noticed and was not {@link acknowledge}d yet: to be shown to the user. */
  alerts(): Promise<readonly Alert[]> {
    return this.#run((_, { alerts }) => Promise.resolve({ result: alerts }));
  }

  /** Lets alerts pass, by default all: their user has seen them. Gives those that there were. */
  acknowledge(texts: readonly string[] = []): Promise<readonly Alert[]> {
    const identities = texts.map((text) => this.identity(text).text);
    return this.#run((_, state) => Promise.resolve(acknowledge(state, identities)));
  }

  /**
   * Verifies a certificate (PEM, the first block counts): it chains to the bundle's roots, and the current record of the
   * identity that it names holds it. Throws `certificate-not-in-record`, `certificate-expired`, `untrusted-issuer`,
   * `bad-certificate`, or what {@link lookup} throws. The binding's `change` still has to be looked at.
   */
  verifyCertificate(pem: string): Promise<VerifiedBinding> {
    return verifyCertificate(this.#operation, this.#state, pem);
  }

  /**
   * Has a code sent to an e-mail address, with which {@link register} then registers the same key. Either `key` or `csr` (PEM) is
   * needed. Throws `rate-limited`, `mail-unavailable`, `forbidden`.
   */
  async requestEmailCode(text: string, options: Requested): Promise<EmailChallengeAnswer> {
    const identity = this.identity(text);
    const csr = await requestOf(identity, options);
    const body: EmailChallengeRequest = { identity: identity.text, csr };
    return parseEmailChallengeAnswer(await this.#operation.transport.postJson(PATHS.emailChallenges, body));
  }

  /**
   * Registers a key for an identity: with an application token, an ID token or an e-mailed code as evidence for the first one; with `credentials`,
   * a key that the record certifies, to add a further one. The private key must be stored safely before this is called; asking
   * again with the same CSR gives the same answer. Either `key` or `csr` (PEM) is needed; to add a key, `key`. `companions` are
   * certified with the key.
   */
  async register(
    text: string,
    options: Requested & Vouchers & { readonly credentials?: ClientKey | undefined },
  ): Promise<IssuedCertificate> {
    const identity = this.identity(text);
    const { credentials, key } = options;
    const csr = await requestOf(identity, options);
    const { spki } = csrKeys(csr);
    ensure(key === undefined || equalBytes(key.spki, spki), 'usage', 'the CSR is not for the key');
    if (credentials === undefined) {
      const order = { csr, voucher: voucherOf(options), owns: key !== undefined };
      return this.#run((operation, state) => requestCertificate(operation, state, identity, order));
    }
    ensure(key !== undefined, 'usage', 'to add a key, the key itself is needed');
    const change = { csr, credentials, remaining: (keys: readonly RecordKey[]) => keys };
    return this.#run((operation, state) => changeKeys(operation, state, identity, change));
  }

  /**
   * Replaces the key `credentials` by `key`: one signed change. `key` must be stored safely before; asking again, also
   * after a lost answer, gives the certificate that was issued. Where `key` is `credentials` again, `csr` brings other companion
   * keys for it.
   */
  async rotate(text: string, credentials: ClientKey, key: ClientKey, csr?: string): Promise<IssuedCertificate> {
    const identity = this.identity(text);
    const request = csr ?? (await createCsr(identity, key));
    const { keysSha256: arriving } = csrKeys(request);
    const remaining = (keys: readonly RecordKey[]) =>
      keys.filter((one) => !equalBytes(one.spki, credentials.spki) || equalBytes(one.keysSha256, arriving));
    const change = { csr: request, credentials, remaining };
    return this.#run((operation, state) => changeKeys(operation, state, identity, change));
  }

  /**
   * Asks for a new certificate of a key that the record certifies already, with the very same companion keys: others are a change,
   * see {@link rotate}, and refused with `change-required`.
   */
  async renew(text: string, key: ClientKey, companions?: CompanionKeys): Promise<IssuedCertificate> {
    const identity = this.identity(text);
    const csr = await createCsr(identity, key, companions);
    return this.#run((operation, state) => requestCertificate(operation, state, identity, { csr, owns: true }));
  }

  /**
   * Revokes certificates of an identity, signed by one of its keys: those of the given serials (lower-case hex), by default
   * every certificate of `credentials`. Throws `no-such-certificate` where the record does not hold one.
   */
  async revoke(text: string, credentials: ClientKey, options: RevokeOptions = {}): Promise<VerifiedBinding> {
    const identity = this.identity(text);
    return this.#run((operation, state) => revoke(operation, state, identity, credentials, options));
  }

  /**
   * Recovers an identity whose owner lost every key, for the key of `csr` (PEM), which must be stored safely before. The first
   * time with evidence, as in {@link register}; from then on without: the same again tells whether it still waits, and
   * completes it once the delay of the trust bundle has passed. Any key that the identity has can {@link veto} it until then.
   */
  recover(text: string, options: Vouchers & { readonly csr: string }): Promise<Recovery> {
    const identity = this.identity(text);
    const order = { csr: options.csr, voucher: voucherOf(options) };
    return this.#run((operation, state) => recoverIdentity(operation, state, identity, order));
  }

  /** Vetoes a pending recovery of an identity, signed by one of its keys. Throws `change-rejected` where none is pending. */
  veto(text: string, credentials: ClientKey): Promise<VerifiedBinding> {
    const identity = this.identity(text);
    return this.#run((operation, state) => vetoRecovery(operation, state, identity, credentials));
  }

  /**
   * Audits the whole log, from where the last audit of this state ended (see `auditLog`), and holds it to the tree head
   * that lookups have shown. Throws a verification error with evidence where the log misbehaved.
   */
  audit(options: AuditRun = {}): Promise<AuditReport> {
    return this.#run((operation, state) => audit(operation, state, options));
  }

  /** Runs an operation on the state; where it throws, the state stays as it was. */
  #run<T>(work: (operation: Operation, state: ClientState) => Promise<StateChange<T>>): Promise<T> {
    return this.#state.transact((state) => work(this.#operation, state));
  }
}
