import {
  type Checkpoint,
  parseCheckpoint,
  verifyCheckpoint,
  type VerifiedCheckpoint,
} from '../../core/audit/checkpoint.ts';
import { verifyCosignatures } from '../../core/audit/cosignature.ts';
import { type Note, parseNote, verifyNote } from '../../core/audit/note.ts';
import type { PolicyWitness } from '../../core/audit/policy-parts.ts';
import { evaluateConsistency, leafHash, verifyInclusion } from '../../core/audit/rfc6962.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import type { ErrorCode } from '../../core/error-codes.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { auditorLogRoot, type AuditorState, EMPTY_AUDITOR_STATE } from '../../core/keytrans/auditor-update.ts';
import { configurationCodec } from '../../core/keytrans/configuration.ts';
import { verifyTreeHead } from '../../core/keytrans/tree-head.ts';
import type { TrustBundle } from '../../contract/trust-bundle.ts';
import { type AuditTrust, hasFixedConfiguration, readAuditTrust } from '../audit/audit-trust.ts';
import { lastingConfiguration } from '../../core/keytrans/auditor-change.ts';
import { followChain, followUpdate } from '../audit/follow-entry.ts';
import { openEntry } from '../audit/read-entries.ts';
import type { EntryProof, EvidenceProof, ForkProof, HeadProof, IncludedEntry } from '../audit/evidence-proof.ts';

/** Proven misbehaviour: only the holder of the key of each of `parties` can have made this evidence. */
export interface ProvenMisbehaviour {
  readonly origin: string;
  /** The error code of an audit. */
  readonly code: ErrorCode;
  /** In words. */
  readonly message: string;
  /** The parties that misbehaved: the log's origin, names of witnesses' keys. Never empty. */
  readonly parties: readonly string[];
}

/**
 * Verifies an untrusted proof against the trust bundle of the accused log, without a request. The verdict rests on
 * signed bytes alone. An honest log or witness signs nothing that could make such a proof, so nobody without their keys
 * can forge it. Throws `not-proven` for everything else, `bad-bundle`, `bad-policy`.
 */
export function verifyEvidence(proof: EvidenceProof, bundle: TrustBundle): ProvenMisbehaviour {
  const trust = readAuditTrust(bundle);
  try {
    switch (proof.type) {
      case 'fork':
        return verifyFork(proof, trust);
      case 'entry':
        return verifyEntry(proof, trust);
      case 'tree-head':
        return verifyHead(proof, trust);
    }
  } catch (cause) {
    if (!isGlasskeyError(cause) || cause.code === 'not-proven') throw cause;
    throw new GlasskeyError('not-proven', `the file proves nothing: ${cause.message}`, { cause });
  }
}

function verifyFork({ first, second, consistency }: ForkProof, trust: AuditTrust): ProvenMisbehaviour {
  const notes = [parseNote(first), parseNote(second)] as const;
  const [older, newer] = [parseCheckpoint(notes[0].text), parseCheckpoint(notes[1].text)];
  const areOurs = older.origin === trust.origin && newer.origin === trust.origin;
  ensure(areOurs, 'not-proven', 'the checkpoints are not of the log of the trust bundle');
  ensure(older.size > 0 && older.size <= newer.size, 'not-proven', 'the checkpoints are not in order of their sizes');
  const begun = rootAt(newer, older.size, consistency);
  ensure(!equalBytes(begun, older.rootHash), 'not-proven', 'one checkpoint continues the other');
  const log = notes.every((note) => isSigned(note, trust)) ? [trust.origin] : [];
  const witnesses = trust.policy.witnesses.filter((witness) => notes.every((note) => isCosigned(note, witness)));
  const parties = [...log, ...witnesses.map(({ vkey }) => vkey.name)];
  ensure(parties.length > 0, 'not-proven', 'no party of the trust bundle has signed both checkpoints');
  const what =
    older.size === newer.size
      ? `two roots of one size, ${older.size}`
      : `a checkpoint of ${newer.size} entries that does not continue the one of ${older.size}`;
  return { origin: trust.origin, code: 'log-forked', message: `signed ${what}`, parties };
}

/**
 * Returns the root of the first `size` entries of a checkpoint's tree. Throws `not-proven` for hashes of another tree.
 */
function rootAt(newer: Checkpoint, size: number, consistency: readonly Uint8Array[]): Uint8Array {
  if (size === newer.size) {
    ensure(consistency.length === 0, 'not-proven', 'checkpoints of one size need no hashes');
    return newer.rootHash;
  }
  const { oldRoot, newRoot } = evaluateConsistency(size, newer.size, consistency);
  ensure(equalBytes(newRoot, newer.rootHash), 'not-proven', 'the hashes are not of the tree of the second checkpoint');
  return oldRoot;
}

function isSigned(note: Note, { vkeys }: AuditTrust): boolean {
  return holds(() => verifyNote(note, vkeys).length > 0);
}

/**
 * Returns true if a witness cosigned the note with a time: that says that the tree continues all that the witness saw
 * before.
 */
function isCosigned(note: Note, { vkey }: PolicyWitness): boolean {
  return holds(() => verifyCosignatures(note, [vkey]).some(({ timestampMs }) => timestampMs > 0));
}

function holds(test: () => boolean): boolean {
  try {
    return test();
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    return false;
  }
}

function verifyEntry(proof: EntryProof, trust: AuditTrust): ProvenMisbehaviour {
  const checkpoint = verifyCheckpoint(proof.checkpoint, trust);
  assertIncluded(checkpoint, proof.index, proof.included);
  const before = stateBefore(proof, checkpoint);
  const failure = failureOf(proof, before, trust, proof.index + 1 === checkpoint.size);
  ensure(failure !== undefined, 'not-proven', 'nothing is wrong with the entry');
  const { code, message } = failure;
  return {
    origin: trust.origin,
    code,
    message: `signed log entry ${proof.index}: ${message}`,
    parties: [trust.origin],
  };
}

/** Returns the state after the previous entry, which is all that an entry continues. */
function stateBefore({ index, previous, fullSubtrees }: EntryProof, checkpoint: VerifiedCheckpoint): AuditorState {
  if (index === 0) {
    ensure(previous === undefined && fullSubtrees.length === 0, 'not-proven', 'nothing comes before entry 0');
    return EMPTY_AUDITOR_STATE;
  }
  ensure(previous !== undefined, 'not-proven', 'the entry before is missing');
  assertIncluded(checkpoint, index - 1, previous);
  const { timestampMs, prefixRoot, logRoot } = openEntry(previous.entry);
  const state = { size: index, timestampMs, prefixRoot, fullSubtrees };
  ensure(equalBytes(auditorLogRoot(state), logRoot), 'not-proven', 'the subtrees are not those of the entry before');
  return state;
}

/** Follows the entry as an audit does. Returns undefined if an audit finds no fault. */
function failureOf(
  { included, update }: EntryProof,
  before: AuditorState,
  trust: AuditTrust,
  isLast: boolean,
): GlasskeyError | undefined {
  try {
    const entry = openEntry(included.entry);
    // If bundles may replace the auditor, one bundle cannot show whether a Configuration was the log's.
    followChain(before, entry, hasFixedConfiguration(trust) ? trust.configHashes : [entry.configHash]);
    // An update that the entry does not name is not the log's misbehaviour.
    if (update !== undefined && equalBytes(sha256(update), entry.updateHash)) {
      followUpdate(before, entry, update, isLast);
    }
    return undefined;
  } catch (error) {
    if (isGlasskeyError(error) && error.fault === 'verification') return error;
    throw error;
  }
}

function verifyHead(proof: HeadProof, trust: AuditTrust): ProvenMisbehaviour {
  const checkpoint = verifyCheckpoint(proof.checkpoint, trust);
  assertIncluded(checkpoint, proof.size - 1, proof.included);
  const config = decode(configurationCodec, proof.configuration);
  const isOurs = trust.configs.every((one) => equalBytes(lastingConfiguration(one), lastingConfiguration(config)));
  ensure(isOurs, 'not-proven', 'the tree head is of another log');
  verifyTreeHead(config, { treeSize: proof.size, signature: proof.signature }, proof.logRoot);
  const { logRoot } = openEntry(proof.included.entry);
  ensure(!equalBytes(logRoot, proof.logRoot), 'not-proven', 'the tree head is that of the audit log');
  const { size } = proof;
  const message = `signed a tree head of ${size} entries with another root than entry ${size - 1} of its audit log`;
  return { origin: trust.origin, code: 'log-forked', message, parties: [trust.origin] };
}

function assertIncluded(checkpoint: VerifiedCheckpoint, index: number, { entry, inclusion }: IncludedEntry): void {
  verifyInclusion(index, checkpoint.size, leafHash(entry), inclusion, checkpoint.rootHash);
}
