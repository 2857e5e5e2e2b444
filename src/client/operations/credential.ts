import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { type Credential, credentialCodec, credentialRequestCodec } from '../../core/keytrans/credential.ts';
import { verifyCredential, type VerifiedCredential } from '../../core/keytrans/verify-credential.ts';
import { PATHS } from '../../contract/paths.ts';
import { identityOfLabel } from '../../identity/canonical-identity.ts';
import { checkChain } from '../../identity/chain.ts';
import type { Identity } from '../../identity/identity.ts';
import { decodeIdentityRecord, type IdentityRecord } from '../../identity/identity-record.ts';
import { alertsAbout } from '../binding/alerts.ts';
import {
  type BindingChange,
  type BoundCertificate,
  joinChanges,
  type Provenance,
  verifyRecordCertificates,
} from '../binding/binding.ts';
import type { Alert, ClientState, KnownContact, PendingCredential, StateChange } from '../state/client-state.ts';
import { formatCredential, parseCredential } from '../credential-text.ts';
import { CONTINUITY_PORTS } from '../binding/verify-binding.ts';
import { updateHeads } from './heads.ts';
import { findIdentity } from './lookup.ts';
import { platformRandom } from '../platform.ts';
import type { Operation } from './operation.ts';

/** A new credential. */
export interface MadeCredential {
  /** Canonical. */
  readonly identity: string;
  readonly version: number;
  /** `provisional`: the recipient has to verify it once more, later (KT §14.2). */
  readonly type: Credential['type'];
  /** The text to send to a contact. */
  readonly text: string;
  /** The change of the identity's keys since this client last looked, by the lookup that belongs to it. */
  readonly change: BindingChange;
  /** Unacknowledged alerts about the identity. Show them to the user. */
  readonly alerts: readonly Alert[];
}

/** The verified content of a credential. */
export interface CredentialBinding extends Provenance {
  /** Canonical. */
  readonly identity: string;
  readonly version: number;
  /** Certificates that are valid now. */
  readonly certificates: readonly BoundCertificate[];
  /** Certificates that the record still holds and that have expired. */
  readonly expired: readonly BoundCertificate[];
  /**
   * The change of the keys since this client last looked. Undefined if a credential does not show all versions since
   * then: only a lookup does.
   */
  readonly change: BindingChange | undefined;
  /** Alerts about the identity that the user has not acknowledged yet. */
  readonly alerts: readonly Alert[];
  /** The version was the greatest at this time, ms. */
  readonly asOfMs: number;
  /** False while the log could still take the version back unnoticed: until the credential is settled. */
  readonly final: boolean;
  /** The checks that passed, in words. */
  readonly checked: readonly string[];
  /** The steps that remain, in words; empty if there are none. */
  readonly remaining: readonly string[];
}

/** Requests for a credential if a new version comes in between. */
const MAX_ATTEMPTS = 3;
/** Most provisional credentials that a client keeps until they are settled. */
const MAX_PENDING = 1_000;

/**
 * Fetches a credential of an identity from the log (KT §14) and verifies it as its recipient will. It must show what a
 * lookup shows. Throws `identity-not-found`, `usage` while the log has no distinguished entry, `version-rolled-back`,
 * `log-forked`, other verification errors, and `network-failed`.
 */
export async function makeCredential(
  operation: Operation,
  state: ClientState,
  identity: Identity,
): Promise<StateChange<MadeCredential>> {
  const { config, bundle } = operation.trust;
  let next = state;
  let change: BindingChange | undefined;
  for (let attempt = 1; ; attempt++) {
    next = await updateHeads(operation, next);
    const { credential, verified } = await askCredential(operation, next, identity);
    const looked = await findIdentity(operation, next, identity);
    ensure(looked.found !== undefined, 'identity-not-found', `${identity.text} is not registered`);
    ({ next } = looked);
    const { binding } = looked.found;
    // Each lookup is judged against what the one before it left in the state.
    change = change === undefined ? binding.change : joinChanges(change, binding.change);
    const { version, commitment } = looked.found.latest;
    ensure(version >= verified.version, 'version-rolled-back', 'a credential shows a later version than a lookup');
    if (version > verified.version && attempt < MAX_ATTEMPTS) continue;
    ensure(version === verified.version, 'version-mismatch', 'a lookup shows a later version than the credential');
    ensure(equalBytes(commitment, verified.commitment), 'log-forked', 'one version has two values');
    const text = formatCredential(bundle.origin, config, credential);
    const made = { identity: identity.text, version, type: credential.type, text };
    return { next, result: { ...made, change, alerts: binding.alerts } };
  }
}

async function askCredential(
  operation: Operation,
  state: ClientState,
  { label }: Identity,
): Promise<{ readonly credential: Credential; readonly verified: VerifiedCredential }> {
  const { config } = operation.trust;
  const { distinguished: heads } = state;
  const head = heads.at(-1);
  ensure(head !== undefined, 'usage', 'the log has no distinguished entry yet: try again after its next one');
  const request = { label, position: head.position };
  const credential = await operation.transport.postKeytrans(
    PATHS.credential,
    [credentialRequestCodec, request],
    credentialCodec(config),
  );
  ensure(equalBytes(credential.label, label), 'bad-ladder', 'the credential is of another identity');
  return { credential, verified: verifyCredential({ config, heads, nowMs: operation.now() }, credential) };
}

/**
 * Verifies a received credential without a request (KT §14), by the distinguished log entries that this client knows.
 * Keeps a provisional one until `settleCredentials`. Throws `malformed-encoding`, `usage` for another log,
 * `unknown-head`, `credential-expired` (also if this client knows a later version), `log-forked` if it knows another
 * value of the version, and other verification errors.
 */
export async function acceptCredential(
  operation: Operation,
  state: ClientState,
  text: string,
): Promise<StateChange<CredentialBinding>> {
  const { trust } = operation;
  const { config, bundle } = trust;
  const nowMs = operation.now();
  const credential = parseCredential(text, bundle.origin, config);
  const { distinguished: heads, view } = state;
  const verified = verifyCredential({ config, heads, known: view?.frontier, nowMs }, credential);
  const identity = identityOfLabel(verified.label, bundle.identityRules);
  const record = decodeIdentityRecord(verified.value);
  const known = state.contacts.get(identity.text);
  const change = await judgeChange(operation, identity, verified, record, known);
  const { current, expired } = await verifyRecordCertificates(record, identity, trust, nowMs);
  const pending = verified.unsettled && {
    identity: identity.text,
    unsettled: verified.unsettled,
    receivedAtMs: nowMs,
    askAtMs: nowMs + Math.floor(randomShare() * config.reasonableMonitoringWindowMs),
  };
  return {
    ...(pending === undefined ? {} : { next: { ...state, credentials: addPending(state.credentials, pending) } }),
    result: {
      identity: identity.text,
      version: verified.version,
      certificates: current,
      expired,
      change,
      alerts: alertsAbout(state, identity.text),
      link: change?.links.find((one) => one.version === verified.version)?.type,
      claimed: record.authorization,
      asOfMs: verified.asOfMs,
      final: pending === undefined,
      checked: wordsOfChecked(verified, change),
      remaining: wordsOfRemaining(pending !== undefined, change),
    },
  };
}

/** Returns a random number in [0, 1). */
function randomShare(): number {
  return new DataView(platformRandom(4).buffer).getUint32(0) / 2 ** 32;
}

async function judgeChange(
  operation: Operation,
  { label }: Identity,
  { version, value, opening, commitment }: VerifiedCredential,
  record: IdentityRecord,
  known: KnownContact | undefined,
): Promise<BindingChange | undefined> {
  const held = known && {
    version: known.version,
    commitment: known.commitment,
    record: decodeIdentityRecord(known.value),
  };
  const last = held?.version ?? version;
  ensure(
    last <= version,
    'credential-expired',
    `the credential is of version ${version}, and this client knows version ${last}`,
  );
  if (held !== undefined && last === version) {
    ensure(equalBytes(held.commitment, commitment), 'log-forked', `version ${version} has two values`);
  }
  if (held !== undefined && last < version - 1) return undefined;
  const { origin } = operation.trust.bundle;
  const latest = { version, value, opening, commitment, record };
  const chain = await checkChain({ origin, label, held, between: [], latest, ports: CONTINUITY_PORTS });
  return { type: chain.verdict, links: chain.links, reason: chain.fault?.message, firstLook: undefined };
}

function addPending(all: readonly PendingCredential[], added: PendingCredential): readonly PendingCredential[] {
  const isSame = ({ identity, unsettled }: PendingCredential): boolean =>
    identity === added.identity &&
    unsettled.version === added.unsettled.version &&
    unsettled.view.size === added.unsettled.view.size;
  const others = all.filter((one) => !isSame(one));
  ensure(others.length < MAX_PENDING, 'usage', 'too many credentials wait to be settled: settle them first');
  return [...others, added];
}

function wordsOfChecked({ head, asOfMs }: VerifiedCredential, change: BindingChange | undefined): readonly string[] {
  return [
    `the log held this version as the newest at ${new Date(asOfMs).toISOString()} ` +
      `(distinguished entry ${head.position})`,
    'every certificate is of the authority and names this identity alone',
    ...(isJudged(change) ? ['the change since you last looked'] : []),
  ];
}

function wordsOfRemaining(isProvisional: boolean, change: BindingChange | undefined): readonly string[] {
  return [
    ...(isProvisional
      ? ['monitor until the log has shown its next distinguished entries: until then this version could vanish']
      : []),
    ...(isJudged(change) ? [] : ['look the identity up, to see who made its versions since you last looked, if ever']),
  ];
}

/** Returns true if a credential shows everything that its verdict needs; of a first one, only version 0 does. */
function isJudged(change: BindingChange | undefined): boolean {
  return change !== undefined && (change.type !== 'first-seen' || change.links.length > 0);
}
