import { parseCertificate } from '../../ca/certificate.ts';
import { encodeCompanionKeys } from '../../ca/companion-keys.ts';
import { verifySpkiSignature } from '../../ca/verify-signature.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import type { VerifiedSearch } from '../../core/keytrans/verify-search.ts';
import { type ChainInput, checkChain, type CheckedChain } from '../../identity/chain.ts';
import type { HeldVersion } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import { decodeIdentityRecord, encodeIdentityRecord } from '../../identity/identity-record.ts';
import type { ContinuityPorts } from '../../identity/spki-set.ts';
import { changeAlerts, mergeAlerts } from './alerts.ts';
import { type BindingChange, type Provenance, type VerifiedBinding, verifyRecordCertificates } from './binding.ts';
import type { Alert, KnownContact } from '../state/client-state.ts';
import { earlierVersions, fetchChain } from './fetch-chain.ts';
import { boundedLook, FIRST_LOOK_VERSIONS, type FirstLook } from './first-look.ts';
import { monitorSearched } from './monitored-versions.ts';
import { recoveryWaitedIn } from './recovery-waited.ts';
import type { Transport } from '../transport.ts';
import type { Trust } from '../trust.ts';

/** X.509 for the continuity checks, by this library's verifier. */
export const CONTINUITY_PORTS: ContinuityPorts = {
  certificateSpki: (certificate) => parseCertificate(certificate).spki,
  certificateCompanions: (certificate) => {
    const { companions } = parseCertificate(certificate);
    return companions && encodeCompanionKeys(companions);
  },
  verifySignature: verifySpkiSignature,
};

/** A version that the log was proved to hold. */
export type FoundVersion = Pick<
  VerifiedSearch,
  'version' | 'value' | 'opening' | 'commitment' | 'view' | 'logRoot' | 'monitor' | 'ladder'
>;

/** A proved version, and the context to judge it in. */
export interface LookInput {
  readonly transport: Transport;
  readonly trust: Trust;
  readonly identity: Identity;
  readonly search: Pick<FoundVersion, 'version' | 'value' | 'opening' | 'commitment' | 'view'>;
  /** Returns ms since the epoch. */
  readonly now: () => number;
  /** The time by which a tree head must be recent, ms. Default: now. */
  readonly headTimeMs?: number | undefined;
}

/** A verified search, and the context to check its record in. */
export interface BindingInput extends LookInput {
  readonly search: FoundVersion;
  /** The versions between the known and the found one, if they came with the answer. Default: fetched. */
  readonly between?: ChainInput['between'] | undefined;
  readonly known: KnownContact | undefined;
  /** Unacknowledged alerts about the identity. */
  readonly alerts: readonly Alert[];
  /** True if the identity is the user's own: it is then judged by what its owner did. */
  readonly isOwn: boolean;
}

/** A verified binding, and the contact to remember. */
export interface CheckedBinding {
  readonly binding: VerifiedBinding;
  readonly contact: KnownContact;
  /** The latest version, for signing a change that follows it. */
  readonly latest: HeldVersion;
}

/**
 * Checks a proved version (docs/spec.md#what-a-contact-is-told): the chain of versions since the client last looked,
 * and every certificate of the record. Throws a verification error if a check fails; reports a chain that does not
 * close in `change` and `alerts` instead.
 */
export async function verifyBinding(input: BindingInput): Promise<CheckedBinding> {
  const { trust, identity, search, known, now } = input;
  const nowMs = now();
  const held: HeldVersion | undefined = known && {
    version: known.version,
    commitment: known.commitment,
    record: decodeIdentityRecord(known.value),
  };
  const chain = await judgeVersions(input, held);
  const { record } = chain.latest;
  const { current, expired } = await verifyRecordCertificates(record, identity, trust, nowMs);
  const monitoring = monitorSearched(known, search);
  const { change } = chain;
  const { version, commitment } = search;
  const value = encodeIdentityRecord(record);
  const alerts = input.isOwn ? [] : changeAlerts({ identity, change, version, value, nowMs });
  const binding: VerifiedBinding = {
    identity: identity.text,
    version,
    commitment,
    certificates: current,
    expired,
    change,
    alerts: mergeAlerts(input.alerts, alerts),
    link: chain.link,
    claimed: record.authorization,
    pending: record.pending,
    treeSize: search.view.size,
    logRoot: formatHex(search.logRoot),
    monitored: monitoring.monitored,
  };
  return {
    binding,
    latest: chain.latest,
    contact: { version, commitment, value, ...monitoring, monitoredAtMs: known?.monitoredAtMs },
  };
}

/** A judged chain of versions, as its user is told. */
interface JudgedVersions extends Pick<Provenance, 'link'> {
  readonly change: BindingChange;
  readonly latest: HeldVersion;
}

/** Judges the chain since the held version or, if there is none, as far back as a first look goes. */
async function judgeVersions(input: BindingInput, held: HeldVersion | undefined): Promise<JudgedVersions> {
  if (held === undefined) return lookFirst(input, FIRST_LOOK_VERSIONS);
  const { transport, trust, identity, search } = input;
  const range = { first: held.version + 1, end: search.version };
  const between = input.between ?? (await fetchChain(transport, trust.config, identity.label, range));
  const read = earlierVersions(transport, trust.config, identity.label);
  const chain = await checkChain({ ...chainInput(input), held, between, read });
  const judged = describeChain(chain, undefined);
  // Nothing comes before version 0, so it is judged each time.
  return search.version === 0 ? { ...judged, link: (await lookFirst(input, 0)).link } : judged;
}

/**
 * Judges a version that the log was proved to hold, and those before it: at most `maximumVersions`. Reports a chain
 * that does not close as {@link verifyBinding} does, and the unjudged versions in `change.firstLook`.
 */
export async function lookFirst(input: LookInput, maximumVersions: number): Promise<JudgedVersions> {
  const { recoveryWaited, ...rest } = chainInput(input);
  const look = boundedLook({ ...input, recoveryWaited }, maximumVersions);
  const { earlier } = look;
  const chain = await checkChain({
    ...rest,
    held: undefined,
    between: [],
    earlier,
    recoveryWaited: look.recoveryWaited,
  });
  return describeChain(chain, look.describe(chain.unjudged));
}

function chainInput({ transport, trust, identity, search, now, headTimeMs = now() }: LookInput) {
  const recoveryWaited = recoveryWaitedIn({ transport, trust, identity, view: search.view, nowMs: headTimeMs });
  const { origin } = trust.bundle;
  return { origin, label: identity.label, latest: search, ports: CONTINUITY_PORTS, recoveryWaited };
}

function describeChain(chain: CheckedChain, firstLook: FirstLook | undefined): JudgedVersions {
  const { verdict: type, links, latest, fault } = chain;
  const link = links.find(({ version }) => version === latest.version)?.type;
  return { link, latest, change: { type, links, reason: fault?.message, firstLook } };
}
