import type { AuditEntry } from '../../core/audit/audit-entry.ts';
import { findLogEndLeaf } from '../../core/audit/log-end.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure } from '../../core/errors.ts';
import {
  appendAuditorEntry,
  auditorLogRoot,
  type AuditorState,
  auditorUpdateCodec,
  verifyPrefixChange,
} from '../../core/keytrans/auditor-update.ts';
import type { PrefixLeaf } from '../../core/keytrans/proofs.ts';
import { openAs } from './read-entries.ts';

/** Most decoded bytes of one AuditorUpdate: 255 leaves whose paths of 200 hashes share nothing. */
export const MAX_UPDATE_BYTES = 2 * 1024 * 1024;

/** The fields of the previous entry that an AuditorUpdate continues; see `EMPTY_AUDITOR_STATE` for entry 0. */
export type EntryBefore = Pick<AuditorState, 'timestampMs' | 'prefixRoot'>;

/** The effect of a verified AuditorUpdate. */
export interface FollowedUpdate {
  /** Label versions that it adds. */
  readonly added: number;
  /** The leaf that ends the log, if the update adds it. */
  readonly endLeaf: PrefixLeaf | undefined;
  /** Every leaf that it adds, ascending by VRF output. */
  readonly leaves: readonly PrefixLeaf[];
}

/**
 * Checks that an untrusted AuditorUpdate is the one that `entry` names, and leads from the prefix tree of the previous
 * entry to the entry's own (KT §15.2). Entries can be checked in any order: each is compared with the one before.
 * `isLast` is true for the last entry of a signed tree: only that entry may end the log. Throws `bad-auditor-update`,
 * `bad-audit-entry`, `bad-timestamp`, `bad-prefix-proof`, `continued-after-end`.
 */
export function followUpdate(
  before: EntryBefore,
  entry: AuditEntry,
  bytes: Uint8Array,
  isLast: boolean,
): FollowedUpdate {
  const isNamed = equalBytes(sha256(bytes), entry.updateHash);
  ensure(isNamed, 'bad-auditor-update', 'the AuditorUpdate is not the one that the log entry names');
  const update = openAs('bad-auditor-update', () => decode(auditorUpdateCodec, bytes));
  ensure(entry.timestampMs === update.timestampMs, 'bad-audit-entry', 'the entry and its update differ in time');
  const prefixRoot = verifyPrefixChange(before, update);
  ensure(equalBytes(entry.prefixRoot, prefixRoot), 'bad-audit-entry', 'the entry has another prefix root');
  const endLeaf = findLogEndLeaf(update.added);
  ensure(
    endLeaf === undefined || isLast,
    'continued-after-end',
    'the entry ends the log, and further entries follow it',
  );
  return { added: update.added.length - (endLeaf === undefined ? 0 : 1), endLeaf, leaves: update.added };
}

/**
 * Checks an entry without its AuditorUpdate: it names a Configuration of the log, its time is not before that of the
 * previous entry, and its log root follows (KT §11.8). Returns the state after the entry. Throws `bad-audit-entry`,
 * `bad-timestamp`.
 */
export function followChain(state: AuditorState, entry: AuditEntry, configHashes: readonly Uint8Array[]): AuditorState {
  const isOurs = configHashes.some((hash) => equalBytes(entry.configHash, hash));
  ensure(isOurs, 'bad-audit-entry', 'the entry is of another Configuration');
  ensure(entry.timestampMs >= state.timestampMs, 'bad-timestamp', 'the entry is older than the one before it');
  const next = appendAuditorEntry(state, entry.timestampMs, entry.prefixRoot);
  ensure(equalBytes(entry.logRoot, auditorLogRoot(next)), 'bad-audit-entry', 'the entry has another log root');
  return next;
}
