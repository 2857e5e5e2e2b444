import { parseCertificate } from '../../ca/certificate.ts';
import { encodeCompanionKeys } from '../../ca/companion-keys.ts';
import { verifySpkiSignature } from '../../ca/verify-signature.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import type { VerifiedSearch } from '../../core/keytrans/verify-search.ts';
import { type ChainInput, checkChain } from '../../identity/chain.ts';
import type { HeldVersion } from '../../identity/continuity.ts';
import type { Identity } from '../../identity/identity.ts';
import { decodeIdentityRecord, encodeIdentityRecord } from '../../identity/identity-record.ts';
import type { ContinuityPorts } from '../../identity/spki-set.ts';
import { changeAlerts, mergeAlerts } from './alerts.ts';
import { type VerifiedBinding, verifyRecordCertificates } from './binding.ts';
import type { Alert, KnownContact } from '../state/client-state.ts';
import { fetchChain } from './fetch-chain.ts';
import { monitorSearched } from './monitored-versions.ts';
import { recoveryWaitedIn } from './recovery-waited.ts';
import type { Transport } from '../transport.ts';
import type { Trust } from '../trust.ts';

/** What continuity needs of X.509, by the verifier of this library. */
export const CONTINUITY_PORTS: ContinuityPorts = {
  certificateSpki: (certificate) => parseCertificate(certificate).spki,
  certificateCompanions: (certificate) => {
    const { companions } = parseCertificate(certificate);
    return companions && encodeCompanionKeys(companions);
  },
  verifySignature: verifySpkiSignature,
};

/** A version that was proved to be in the log. */
export type FoundVersion = Pick<
  VerifiedSearch,
  'version' | 'value' | 'opening' | 'commitment' | 'view' | 'logRoot' | 'monitor' | 'ladder'
>;

/** What a verified search leaves to be checked. */
export interface BindingInput {
  readonly transport: Transport;
  readonly trust: Trust;
  readonly identity: Identity;
  readonly search: FoundVersion;
  /** The versions between the one that is known and the one that was found, where they came with it. Else they are asked for. */
  readonly between?: ChainInput['between'] | undefined;
  readonly known: KnownContact | undefined;
  /** What the user has not acknowledged yet about the identity. */
  readonly alerts: readonly Alert[];
  /** Whether the identity is the user's own: what happens to it is then judged by what its owner did. */
  readonly isOwn: boolean;
  readonly nowMs: number;
  /** The time by which a tree head must be recent, ms. Default: {@link nowMs}. */
  readonly headTimeMs?: number | undefined;
}

/** A verified binding, and what to remember of it. */
export interface CheckedBinding {
  readonly binding: VerifiedBinding;
  readonly contact: KnownContact;
  /** The latest version, for signing a change that follows it. */
  readonly latest: HeldVersion;
}

/**
 * Checks what a proved version says (DESIGN §7): the chain of versions since the client last looked, and every certificate
 * of the record. Throws a verification error where anything does not hold; a chain that does not close is reported in
 * `change` and `alerts` instead.
 */
export async function verifyBinding(input: BindingInput): Promise<CheckedBinding> {
  const { transport, trust, identity, search, known, nowMs, headTimeMs = nowMs } = input;
  const held: HeldVersion | undefined = known && {
    version: known.version,
    commitment: known.commitment,
    record: decodeIdentityRecord(known.value),
  };
  const { origin } = trust.bundle;
  const range = { first: known === undefined ? search.version : known.version + 1, end: search.version };
  const between = input.between ?? (await fetchChain(transport, trust.config, identity.label, range));
  const chain = await checkChain({
    origin,
    label: identity.label,
    held,
    between,
    latest: search,
    ports: CONTINUITY_PORTS,
    recoveryWaited: recoveryWaitedIn({ transport, trust, identity, view: search.view, nowMs: headTimeMs }),
  });
  const { record } = chain.latest;
  const { current, expired } = await verifyRecordCertificates(record, identity, trust, nowMs);
  const monitoring = monitorSearched(known, search);
  const change = { type: chain.verdict, links: chain.links, reason: chain.fault?.message };
  const { version, commitment } = search;
  const value = encodeIdentityRecord(record);
  const alerts = input.isOwn ? [] : changeAlerts({ identity, change, version, value, nowMs });
  const binding: VerifiedBinding = {
    identity: identity.text,
    version,
    certificates: current,
    expired,
    change,
    alerts: mergeAlerts(input.alerts, alerts),
    authorization: record.authorization,
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
