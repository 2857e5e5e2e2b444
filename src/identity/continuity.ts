import { equalBytes } from '../core/encoding/bytes.ts';
import { encode } from '../core/encoding/codec.ts';
import { ensure } from '../core/errors.ts';
import type { KeyAuthorization, MaintenanceAuthorization, RecoveryAuthorization } from './authorization.ts';
import { type IdentityRecord, NO_COMMITMENT, type Pending, pendingCodec } from './identity-record.ts';
import { sortedHashSet } from './change-request.ts';
import { assertFormat } from './record-format.ts';
import { verifyChangeSignature } from './signed-change.ts';
import { addedTo, certifiedKeys, type ContinuityPorts, includesBytes, spkiSet } from './spki-set.ts';

/** The proven author of a version. */
export type LinkType = 'initial' | 'key' | 'maintenance' | 'recovery' | 'operator';

/** A version with its proven author. */
export interface JudgedLink {
  readonly version: number;
  readonly type: LinkType;
  /** True for a `recovery` that took effect. Absent for one that was only requested. */
  readonly tookEffect?: true;
}

/** Names the proven author of a version. */
export function judgedLink({ version, record }: HeldVersion, type: LinkType): JudgedLink {
  const { authorization } = record;
  const tookEffect = type === 'recovery' && authorization.type === 'recovery' && authorization.phase === 'effective';
  return { version, type, ...(tookEffect ? { tookEffect } : {}) };
}

/** A version that is known to be in the log. */
export interface HeldVersion {
  readonly version: number;
  /** Its KEYTRANS commitment: 32 bytes. */
  readonly commitment: Uint8Array;
  readonly record: IdentityRecord;
}

/** An effective recovery's claim about its wait, to be checked in the log. */
export interface RecoveryClaim {
  /** The version that carried the pending recovery. */
  readonly version: number;
  /** Its commitment. */
  readonly commitment: Uint8Array;
  /** Two log entries, first < last, at which that version is claimed to have been the greatest. */
  readonly firstPosition: number;
  readonly lastPosition: number;
}

/** Resolves to true if the log confirms a claim, and the two entries are at least the recovery delay apart. */
export type RecoveryWaited = (claim: RecoveryClaim) => Promise<boolean>;

/**
 * Finds the owner's record as of a version: the newest one up to it that the owner made (`owners-record.ts`); undefined
 * if there is none.
 */
export type OwnersRecord = (from: HeldVersion) => Promise<IdentityRecord | undefined>;

/** One step from a version to its successor. */
export interface Transition {
  readonly origin: string;
  readonly label: Uint8Array;
  /** The version that `next` is. */
  readonly version: number;
  /** The version before; undefined only for version 0. */
  readonly previous: HeldVersion | undefined;
  readonly next: IdentityRecord;
  readonly ports: ContinuityPorts;
  /** Looks up a recovery's wait in the log. Default: no recovery has waited. */
  readonly recoveryWaited?: RecoveryWaited | undefined;
  /** Finds the owner's record as of `previous`. Default: there is none. */
  readonly ownersRecord?: OwnersRecord | undefined;
}

interface Step extends Transition {
  readonly previous: HeldVersion;
  /** SPKI hashes after the step, and the new ones among them. */
  readonly after: readonly Uint8Array[];
  readonly added: readonly Uint8Array[];
}

/**
 * Judges one version of a record against the one before (`docs/spec.md#identity-record`), and returns its author.
 *
 * The caller must have checked that the record is the value of that version (by its commitment); everything else about
 * it is untrusted. Reports an effective `recovery` as `operator` unless `recoveryWaited` confirms the wait in the log.
 * Throws `bad-record` (it cannot be a record of that version), `bad-chain` (it does not follow its predecessor) and
 * `bad-change-signature`.
 */
export async function checkTransition(transition: Transition): Promise<LinkType> {
  const { previous, next, version, ports } = transition;
  assertDistinct(next.certificates);
  const keys = await certifiedKeys(next, ports);
  assertFormat(next, keys);
  const after = sortedHashSet(keys.map(({ hash }) => hash));
  if (previous === undefined) return checkFirst(transition);
  ensure(previous.version + 1 === version, 'bad-chain', 'the version does not follow the one before');
  ensure(
    equalBytes(next.previousCommitment, previous.commitment),
    'bad-chain',
    'the record does not name the version before it as its predecessor',
  );
  const added = addedTo(await spkiSet(previous.record, ports), after);
  if (previous.record.certificates.length === 0) {
    const { type } = next.authorization;
    ensure(
      type === 'recovery' || type === 'operator' || (type === 'key' && onlyVetoes(previous.record, next)),
      'bad-chain',
      'only a recovery, its veto or an operator may follow an empty record',
    );
  }
  return checkAuthorization({ ...transition, previous, after, added });
}

function checkFirst({ version, next }: Transition): LinkType {
  ensure(version === 0, 'bad-chain', 'only version 0 has no version before it');
  ensure(equalBytes(next.previousCommitment, NO_COMMITMENT), 'bad-chain', 'version 0 names a predecessor');
  ensure(next.pending === undefined, 'bad-record', 'version 0 has a pending recovery');
  const { type } = next.authorization;
  ensure(type === 'initial' || type === 'operator', 'bad-record', `version 0 cannot be authorised by ${type}`);
  ensure(type === 'operator' || next.certificates.length > 0, 'bad-record', 'version 0 has no certificate');
  return type;
}

async function checkAuthorization(step: Step): Promise<LinkType> {
  const { authorization } = step.next;
  if (authorization.type === 'key') await checkKey(step, authorization);
  if (authorization.type === 'maintenance') checkMaintenance(step, authorization);
  if (authorization.type === 'recovery') return checkRecovery(step, authorization);
  if (authorization.type === 'operator') {
    ensure(step.next.pending === undefined, 'bad-record', 'an operator cannot make a recovery pending');
  }
  ensure(authorization.type !== 'initial', 'bad-record', 'only version 0 is initial');
  return authorization.type;
}

/**
 * The owner's act, signed by a key of the previous record. It cancels a pending recovery. If it does nothing else, a
 * key of the owner's record may sign it too: removal by others does not end the right to veto.
 */
async function checkKey(step: Step, authorization: KeyAuthorization): Promise<void> {
  const { origin, label, version, previous, next, after, ports } = step;
  ensure(next.pending === undefined, 'bad-record', 'a change by a key must cancel the pending recovery');
  assertOrder(previous.record, next);
  const request = { origin, label, version, previousCommitment: previous.commitment, spkisAfter: after };
  await verifyChangeSignature(request, authorization, await signersOf(step, authorization), ports);
}

/** Returns the record whose keys may sign a change. */
async function signersOf(step: Step, { signer }: KeyAuthorization): Promise<IdentityRecord> {
  const { previous, next, ports } = step;
  const keys = await certifiedKeys(previous.record, ports);
  const isPresent = keys.some(({ spkiSha256 }) => equalBytes(spkiSha256, signer));
  if (isPresent || !onlyVetoes(previous.record, next)) return previous.record;
  return (await step.ownersRecord?.(previous)) ?? previous.record;
}

/** Returns true if all that a version changes is that no recovery is pending any more. */
function onlyVetoes(previous: IdentityRecord, next: IdentityRecord): boolean {
  const isSame =
    previous.certificates.length === next.certificates.length &&
    previous.certificates.every((certificate, i) => equalBytes(certificate, next.certificates[i] ?? new Uint8Array()));
  return isSame && previous.pending !== undefined && next.pending === undefined;
}

/**
 * The CA's own act: no new key, and only the change that its kind permits. It may drop a pending recovery but never add
 * one.
 */
function checkMaintenance(step: Step, authorization: MaintenanceAuthorization): void {
  const { previous, next, added } = step;
  ensure(added.length === 0, 'bad-chain', 'maintenance adds a key');
  ensure(
    next.pending === undefined || samePending(previous.record.pending, next.pending),
    'bad-record',
    'maintenance makes a recovery pending',
  );
  assertOrder(previous.record, next);
  const kept = next.certificates.filter((certificate) => includesBytes(previous.record.certificates, certificate));
  const onlyRemoves = kept.length === next.certificates.length && kept.length < previous.record.certificates.length;
  switch (authorization.kind) {
    case 'renewal':
      return ensure(kept.length < next.certificates.length, 'bad-record', 'a renewal without a new certificate');
    case 'expiry':
    case 'revocation':
      return ensure(onlyRemoves, 'bad-record', `${authorization.kind} does not only remove certificates`);
    case 'erasure':
      return ensure(
        next.certificates.length === 0 && next.pending === undefined,
        'bad-record',
        'erasure leaves something behind',
      );
  }
}

async function checkRecovery(step: Step, authorization: RecoveryAuthorization): Promise<LinkType> {
  const { previous, next, added, after } = step;
  assertOrder(previous.record, next);
  if (authorization.phase === 'requested') {
    ensure(next.pending !== undefined, 'bad-record', 'a recovery was requested but nothing is pending');
    const unchanged = next.certificates.length === previous.record.certificates.length && added.length === 0;
    ensure(unchanged && isPrefixOf(previous.record, next), 'bad-chain', 'a requested recovery changes certificates');
    return 'recovery';
  }
  const pending = previous.record.pending;
  ensure(next.pending === undefined, 'bad-record', 'a recovery in effect is still pending');
  ensure(pending !== undefined, 'bad-chain', 'a recovery takes effect that was not pending');
  ensure(authorization.pendingVersion === previous.version, 'bad-chain', 'a recovery of another version takes effect');
  ensure(authorization.firstPosition < authorization.lastPosition, 'bad-record', 'recovery positions are not in order');
  ensure(
    added.every((hash) => equalBytes(hash, pending.spkiSha256)),
    'bad-chain',
    'a recovery adds another key',
  );
  ensure(includesBytes(after, pending.spkiSha256), 'bad-chain', 'a recovery takes effect without its key');
  const { firstPosition, lastPosition } = authorization;
  const claim = { version: previous.version, commitment: previous.commitment, firstPosition, lastPosition };
  return (await step.recoveryWaited?.(claim)) === true ? 'recovery' : 'operator';
}

/** Kept certificates come first, in their order, and new ones follow. So each change has exactly one record. */
function assertOrder(previous: IdentityRecord, next: IdentityRecord): void {
  const kept = previous.certificates.filter((certificate) => includesBytes(next.certificates, certificate));
  const inOrder = kept.every((certificate, i) => {
    const same = next.certificates[i];
    return same !== undefined && equalBytes(certificate, same);
  });
  ensure(inOrder, 'bad-record', 'kept certificates do not come first and in order');
}

function isPrefixOf(previous: IdentityRecord, next: IdentityRecord): boolean {
  return previous.certificates.every((certificate) => includesBytes(next.certificates, certificate));
}

function samePending(a: Pending | undefined, b: Pending): boolean {
  return a !== undefined && equalBytes(encode(pendingCodec, a), encode(pendingCodec, b));
}

function assertDistinct(certificates: readonly Uint8Array[]): void {
  certificates.forEach((certificate, i) => {
    ensure(!includesBytes(certificates.slice(0, i), certificate), 'bad-record', 'a certificate is in the record twice');
  });
}
