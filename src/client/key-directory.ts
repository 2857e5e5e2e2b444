import { parseCertificate, type ParsedCertificate } from '../ca/certificate.ts';
import { csrSpki } from '../ca/csr-spki.ts';
import { parsePem, parsePemBlocks } from '../ca/pem.ts';
import { verifyChain } from '../ca/verify-chain.ts';
import { sha256 } from '../core/crypto/sha256.ts';
import { equalBytes, formatBase64, parseBase64 } from '../core/encoding/bytes.ts';
import { decode } from '../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { lookupRequestCodec, lookupResponseCodec, searchResponseCodec } from '../core/keytrans/messages.ts';
import { viewRoot } from '../core/keytrans/tree-view.ts';
import { verifyLookup } from '../core/keytrans/verify-lookup.ts';
import { type VerifiedSearch, verifySearch } from '../core/keytrans/verify-search.ts';
import type { RevocationReason } from '../contract/bodies.ts';
import { fingerprint } from '../contract/bundle-signature.ts';
import { parseCertificateAnswer, parseRevocationAnswer } from '../contract/parse-answers.ts';
import { formatCertificateRequest, formatRevocationRequest } from '../contract/parse-requests.ts';
import { PATHS } from '../contract/paths.ts';
import type { SignedTrustBundle } from '../contract/trust-bundle.ts';
import { canonicalIdentity } from '../identity/canonical-identity.ts';
import type { SignedChange } from '../identity/change-request.ts';
import type { Identity } from '../identity/identity.ts';
import { auditLog, type AuditReport } from './audit/audit-log.ts';
import { decodeAuditState, encodeAuditState } from './audit/audit-state.ts';
import { joinChanges, judgeCertificate, type VerifiedBinding } from './binding.ts';
import type { ClientKey } from './client-key.ts';
import type { ClientState, StateStore } from './client-state.ts';
import { createCsr } from './csr.ts';
import { assertIssued, describeIssued, type IssuedCertificate } from './issued-certificate.ts';
import { signChange } from './signed-change.ts';
import { type Fetch, Transport } from './transport.ts';
import { settleTrust, type Trust, type TrustOrigin } from './trust.ts';
import { type CheckedBinding, verifyBinding } from './verify-binding.ts';

/** How to open a directory. */
export interface KeyDirectoryOptions {
  /** http or https URL of the server. */
  readonly server: string;
  /** Where what the client knows is kept. Losing it loses what it could notice. */
  readonly state: StateStore;
  /** The trust bundle to hold the server to. Default: the one in the state; else the server's, pinned on first use. */
  readonly bundle?: SignedTrustBundle | undefined;
  /** Default: the platform's. */
  readonly fetch?: Fetch | undefined;
  /** ms since the epoch; default: the platform's clock. */
  readonly now?: (() => number) | undefined;
  /** Longest wait for an answer, ms. Default: 30,000. */
  readonly timeoutMs?: number | undefined;
}

/** What {@link KeyDirectory.lookup} gives. */
export type LookupResult =
  | { readonly found: true; readonly binding: VerifiedBinding }
  /** Proved by the log not to exist at this tree size. */
  | { readonly found: false; readonly identity: string; readonly treeSize: number };

/**
 * A Glasskey server as a client sees it. Every answer is verified in full (KEYTRANS proof, tree head, chain of records,
 * certificates) before anything is stored or returned; an answer that fails leaves the state as it was.
 */
export class KeyDirectory {
  readonly #transport: Transport;
  readonly #state: StateStore;
  readonly #now: () => number;
  readonly trust: Trust;
  /** How {@link trust} came to be trusted: show the fingerprint to the user on `first-use`. */
  readonly trustOrigin: TrustOrigin;

  private constructor(options: KeyDirectoryOptions, transport: Transport, trust: Trust, trustOrigin: TrustOrigin) {
    this.#transport = transport;
    this.#state = options.state;
    this.#now = options.now ?? Date.now;
    this.trust = trust;
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
    });
    const { trust, origin } = await options.state.transact(async (state) => {
      const settled = await settleTrust(transport, state, options.bundle);
      return { next: settled.next, result: settled };
    });
    return new KeyDirectory(options, transport, trust, origin);
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
    return this.#state.transact(async (state) => {
      const { next, found } = await this.#lookup(state, identity);
      const treeSize = next.view?.size ?? 0;
      const result: LookupResult =
        found === undefined
          ? { found: false, identity: identity.text, treeSize }
          : { found: true, binding: found.binding };
      return { next, result };
    });
  }

  /**
   * Verifies a certificate (PEM, the first block counts): it chains to the bundle's roots, and the current record of the
   * identity that it names holds it. Throws `certificate-not-in-record`, `certificate-expired`, `untrusted-issuer`,
   * `bad-certificate`, or what {@link lookup} throws. The binding's `change` still has to be looked at.
   */
  async verifyCertificate(pem: string): Promise<VerifiedBinding> {
    const der = firstCertificate(pem);
    const { issuers, roots } = this.trust;
    const identity = await judgeCertificate(async () => {
      const { leaf } = await verifyChain({ certificate: der, intermediates: issuers, roots, atMs: this.#now() });
      return this.identity(identityOf(leaf));
    });
    const { binding, held } = await this.#state.transact(async (state) => {
      const { next, found } = await this.#lookup(state, identity);
      const held = found?.binding.certificates.some((candidate) => equalBytes(candidate.der, der)) ?? false;
      // Where this throws, nobody is shown what changed: then it must be told by the next lookup.
      const isTold = held || !state.contacts.has(identity.text);
      return { next: isTold ? next : { ...next, contacts: state.contacts }, result: { binding: found?.binding, held } };
    });
    if (binding === undefined) {
      throw new GlasskeyError('certificate-not-in-record', `${identity.text} is proved not to exist in the log`);
    }
    ensure(held, 'certificate-not-in-record', `the certificate is not in version ${binding.version} of the record`);
    return binding;
  }

  /**
   * Registers a key for an identity: with an application token as evidence for the first one; with `credentials`, a key
   * that the record certifies, to add a further one. The private key must be stored safely before this is called; asking
   * again with the same CSR gives the same answer. Either `key` or `csr` (PEM) is needed; to add a key, `key`.
   */
  async register(
    text: string,
    options: {
      readonly token?: string | undefined;
      readonly credentials?: ClientKey | undefined;
      readonly key?: ClientKey | undefined;
      readonly csr?: string | undefined;
    },
  ): Promise<IssuedCertificate> {
    const identity = this.identity(text);
    const { credentials, key } = options;
    const csr = options.csr ?? (key && (await createCsr(identity, key)));
    ensure(csr !== undefined, 'usage', 'neither a key nor a CSR');
    const spki = csrSpki(csr);
    ensure(key === undefined || equalBytes(key.spki, spki), 'usage', 'the CSR is not for the key');
    if (credentials === undefined) return this.#request(identity, csr, options.token);
    ensure(key !== undefined, 'usage', 'to add a key, the key itself is needed');
    return this.#change(identity, csr, credentials, key, (spkis) => spkis);
  }

  /**
   * Replaces the key `credentials` by `key`: one signed change. `key` must be stored safely before; asking again, also
   * after a lost answer, gives the certificate that was issued.
   */
  async rotate(text: string, credentials: ClientKey, key: ClientKey, csr?: string): Promise<IssuedCertificate> {
    const identity = this.identity(text);
    const request = csr ?? (await createCsr(identity, key));
    return this.#change(identity, request, credentials, key, (spkis) =>
      spkis.filter((spki) => !equalBytes(spki, credentials.spki)),
    );
  }

  /** Asks for a new certificate of a key that the record certifies already. */
  async renew(text: string, key: ClientKey): Promise<IssuedCertificate> {
    const identity = this.identity(text);
    return this.#request(identity, await createCsr(identity, key), undefined);
  }

  /**
   * Revokes certificates of an identity, signed by one of its keys: those of the given serials (lower-case hex), by default
   * every certificate of `credentials`. Throws `no-such-certificate` where the record does not hold one.
   */
  async revoke(
    text: string,
    credentials: ClientKey,
    options: { readonly serials?: readonly string[] | undefined; readonly reason?: RevocationReason | undefined } = {},
  ): Promise<VerifiedBinding> {
    const identity = this.identity(text);
    return this.#state.transact(async (state) => {
      const { next: before, found } = await this.#lookup(state, identity);
      const current = this.#ownRecord(found, identity, credentials);
      const all = [...current.binding.certificates, ...current.binding.expired];
      const serials =
        options.serials ?? all.filter((one) => equalBytes(one.spki, credentials.spki)).map((one) => one.serial);
      const isThere = serials.every((serial) => all.some((one) => one.serial === serial));
      ensure(isThere && serials.length > 0, 'no-such-certificate', 'the record holds no certificate of that serial');
      const remaining = all.filter((one) => !serials.includes(one.serial)).map((one) => one.spki);
      const change = await this.#sign(identity, current, remaining, credentials);
      const last = before.view?.size;
      const reason = options.reason ?? 'unspecified';
      const body = formatRevocationRequest({ identity: identity.text, serials, reason, change, last });
      const answer = parseRevocationAnswer(await this.#transport.postJson(PATHS.revocations, body));
      const { checked, next } = await this.#verifyAnswer(before, identity, answer.proof, current);
      const gone = checked.latest.record.certificates.map((der) => parseCertificate(der).serial);
      ensure(!serials.some((serial) => gone.includes(serial)), 'bad-response', 'a revoked certificate is still there');
      return { next, result: checked.binding };
    });
  }

  /**
   * Audits the whole log, from where the last audit of this state ended (see `auditLog`), and holds it to the tree head
   * that lookups have shown. Throws a verification error with evidence where the log misbehaved.
   */
  audit(options: { readonly onProgress?: (done: number, total: number) => void } = {}): Promise<AuditReport> {
    return this.#state.transact(async (state) => {
      const report = await auditLog({
        baseUrl: this.#transport.server,
        bundle: this.trust.bundle,
        state: state.audit === undefined ? undefined : decodeAuditState(parseBase64(state.audit)),
        seen: state.view && { size: state.view.size, logRoot: viewRoot(state.view) },
        fetch: this.#transport.fetch,
        now: this.#now,
        ...options,
      });
      return { next: { ...state, audit: formatBase64(encodeAuditState(report.state)) }, result: report };
    });
  }

  /** Requests a certificate without a change: first registration, or renewal of the same key. */
  #request(identity: Identity, csr: string, token: string | undefined): Promise<IssuedCertificate> {
    return this.#state.transact((state) => this.#issue(state, identity, { csr, token }, undefined));
  }

  /**
   * Requests a certificate for `key` with a change of the set of keys, signed by `credentials`; `remaining` tells which of
   * the keys stay. Where the record certifies these keys already, the change was made before: its certificate is given.
   */
  #change(
    identity: Identity,
    csr: string,
    credentials: ClientKey,
    key: ClientKey,
    remaining: (spkis: readonly Uint8Array[]) => readonly Uint8Array[],
  ): Promise<IssuedCertificate> {
    return this.#state.transact(async (state) => {
      const { next, found } = await this.#lookup(state, identity);
      const made = found && (await this.#alreadyMade(found, key, remaining));
      if (made !== undefined) return { next, result: made };
      const current = this.#ownRecord(found, identity, credentials);
      const after = [...remaining(recordKeys(current)), key.spki];
      const change = await this.#sign(identity, current, after, credentials);
      return this.#issue(next, identity, { csr, change }, current);
    });
  }

  /** The outcome of a change that leaves the record with the keys that it has. */
  async #alreadyMade(
    found: CheckedBinding,
    key: ClientKey,
    remaining: (spkis: readonly Uint8Array[]) => readonly Uint8Array[],
  ): Promise<IssuedCertificate | undefined> {
    const spkis = recordKeys(found);
    const made = found.binding.certificates.findLast((one) => equalBytes(one.spki, key.spki));
    if (made === undefined || remaining(spkis).length !== spkis.length) return undefined;
    return describeIssued(this.trust, made, found.binding);
  }

  /** Requests a certificate for the key of `csr`; `before` is what a change was signed for. */
  async #issue(
    state: ClientState,
    identity: Identity,
    order: { readonly csr: string; readonly token?: string | undefined; readonly change?: SignedChange },
    before: CheckedBinding | undefined,
  ): Promise<{ next: ClientState; result: IssuedCertificate }> {
    const { csr, token, change } = order;
    const evidence = { type: token === undefined ? ('key' as const) : ('application-token' as const) };
    const last = state.view?.size;
    const body = formatCertificateRequest({ identity: identity.text, csr, evidence, change, last });
    const answer = parseCertificateAnswer(await this.#transport.postJson(PATHS.certificates, body, token));
    const { checked, next } = await this.#verifyAnswer(state, identity, answer.proof, before);
    const issued = parsePem('CERTIFICATE', answer.certificate);
    const certificate = assertIssued(checked.binding, csrSpki(csr), issued);
    return { next, result: await describeIssued(this.trust, certificate, checked.binding) };
  }

  #sign(identity: Identity, current: CheckedBinding, spkis: readonly Uint8Array[], key: ClientKey) {
    const context = { origin: this.trust.bundle.origin, label: identity.label, previous: current.latest };
    return signChange(
      context,
      spkis.map((spki) => sha256(spki)),
      key,
    );
  }

  /** The record that `credentials` may change. */
  #ownRecord(found: CheckedBinding | undefined, identity: Identity, credentials: ClientKey): CheckedBinding {
    if (found === undefined) throw new GlasskeyError('identity-not-found', `${identity.text} is not registered`);
    const all = [...found.binding.certificates, ...found.binding.expired];
    const own = all.some((certificate) => equalBytes(certificate.spki, credentials.spki));
    ensure(own, 'change-rejected', 'the record does not certify the key that would sign the change');
    return found;
  }

  async #lookup(state: ClientState, identity: Identity) {
    const { config } = this.trust;
    const request = { last: state.view?.size, label: identity.label };
    const codec = lookupResponseCodec(config);
    const answer = await this.#transport.postKeytrans(PATHS.lookup, [lookupRequestCodec, request], codec);
    const verified = verifyLookup({ config, view: state.view, nowMs: this.#now() }, request, answer);
    const known = state.contacts.get(identity.text);
    if (verified.type === 'absent') {
      ensure(known === undefined, 'bad-chain', `${identity.text} is shown as absent, but was seen before`);
      return { next: { ...state, view: verified.view }, found: undefined };
    }
    const { checked, next } = await this.#check(state, identity, verified);
    return { next, found: checked };
  }

  /** Verifies the proof in the answer to a request that changed the record, which the client knew as `before`. */
  async #verifyAnswer(
    state: ClientState,
    identity: Identity,
    proof: Uint8Array,
    before: CheckedBinding | undefined,
  ): Promise<{ checked: CheckedBinding; next: ClientState }> {
    const { config } = this.trust;
    const request = { last: state.view?.size, label: identity.label, version: undefined };
    const response = decode(searchResponseCodec(config, request), proof);
    const search = verifySearch({ config, view: state.view, nowMs: this.#now() }, request, response);
    const { checked, next } = await this.#check(state, identity, search);
    if (before === undefined) return { checked, next };
    const change = joinChanges(before.binding.change, checked.binding.change);
    return { checked: { ...checked, binding: { ...checked.binding, change } }, next };
  }

  async #check(state: ClientState, identity: Identity, search: VerifiedSearch) {
    const checked = await verifyBinding({
      transport: this.#transport,
      trust: this.trust,
      identity,
      search,
      known: state.contacts.get(identity.text),
      nowMs: this.#now(),
    });
    const contacts = new Map(state.contacts).set(identity.text, checked.contact);
    return { checked, next: { ...state, view: search.view, contacts } };
  }
}

/** The key of each certificate of a record. */
function recordKeys({ latest }: CheckedBinding): readonly Uint8Array[] {
  return latest.record.certificates.map((der) => parseCertificate(der).spki);
}

/** The first certificate of a PEM text. */
function firstCertificate(pem: string): Uint8Array {
  const [first] = parsePemBlocks('CERTIFICATE', pem);
  ensure(first !== undefined, 'usage', 'no CERTIFICATE in the PEM text');
  return first;
}

/** The one identity that a certificate names, as text. */
function identityOf({ sans }: ParsedCertificate): string {
  const names = [...sans.email, ...sans.smtpUtf8, ...sans.uri];
  const [name] = names;
  ensure(name !== undefined && names.length === 1, 'bad-certificate', 'the certificate does not name one identity');
  return name;
}
