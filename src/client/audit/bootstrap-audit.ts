import { verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { formatNote, MAX_NOTE_BYTES } from '../../core/audit/note.ts';
import { rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import type { Vkey } from '../../core/audit/vkey.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { type AuditorState, EMPTY_AUDITOR_STATE } from '../../core/keytrans/auditor-update.ts';
import { appendLeaf, compactRange, rangeRoot } from '../../core/log/compact-range.ts';
import { logLeaf } from '../../core/log/log-tree.ts';
import { keytransNodeHasher } from '../../core/log/node-hasher.ts';
import { appendLeaves, EMPTY_EDGE, TILE_WIDTH } from '../../core/log/tiled-tree.ts';
import type { AuditState } from './audit-state.ts';
import { fetchBytes, type LogFiles } from './fetch-bytes.ts';
import { prefetch } from './prefetch.ts';
import { fetchEntries, type ReadEntry } from './read-entries.ts';

/** Whom to believe, and where to begin. */
export interface BootstrapOptions {
  readonly files: LogFiles;
  readonly origin: string;
  readonly vkeys: readonly Vkey[];
  /** SHA-256 of each Configuration that an entry may name. */
  readonly configHashes: readonly Uint8Array[];
  /** The first entry that is to be audited, greater than 0. */
  readonly position: number;
}

/** Entry bundles under way at a time. */
const BUNDLES_AHEAD = 8;

/**
 * The state of an auditor that starts in the middle of a log, at `auditor_start_pos` (KT §11.2): both trees of the entries
 * before, without their AuditorUpdates. So of these entries it is verified that they are those of the log, that time does
 * not run backwards and that every log root appends to the one before; not what they changed. That the log continues them
 * shows in the audit that goes on from there. The answers are untrusted.
 *
 * Throws `bad-checkpoint`, `bad-audit-entry`, `bad-timestamp`, `too-far-behind` for a log that is not so large yet,
 * `network-failed`, `bad-response`.
 */
export async function bootstrapAudit(options: BootstrapOptions): Promise<AuditState> {
  const { files, position, configHashes } = options;
  const checkpoint = verifyCheckpoint(await fetchBytes(files, 'checkpoint', MAX_NOTE_BYTES), options);
  const { size } = checkpoint;
  ensure(size > position, 'too-far-behind', `the log has ${size} entries: the audit starts with number ${position}`);
  let auditor = EMPTY_AUDITOR_STATE;
  let edge = EMPTY_EDGE;
  const load = (index: number): Promise<readonly ReadEntry[]> => fetchEntries(files, index, size);
  for await (const bundle of prefetch(0, Math.ceil(position / TILE_WIDTH), BUNDLES_AHEAD, load)) {
    const read = bundle.slice(0, position - auditor.size);
    for (const one of read) auditor = takeEntry(auditor, one, configHashes);
    const leaves = read.map(({ leaf }) => leaf);
    edge = appendLeaves(edge, leaves, rfc6962NodeHasher).edge;
  }
  return { auditor, edge, checkpoint: formatNote(checkpoint.note) };
}

/** One entry, taken for what it says. */
function takeEntry(state: AuditorState, { entry }: ReadEntry, configHashes: readonly Uint8Array[]): AuditorState {
  const { timestampMs, prefixRoot, logRoot, configHash } = entry;
  const isKnown = configHashes.some((hash) => equalBytes(hash, configHash));
  ensure(isKnown, 'bad-audit-entry', 'the entry is of another Configuration');
  ensure(timestampMs >= state.timestampMs, 'bad-timestamp', 'the entry is older than the one before it');
  const range = appendLeaf(
    compactRange(state.size, state.fullSubtrees),
    logLeaf(timestampMs, prefixRoot),
    keytransNodeHasher,
  );
  const root = rangeRoot(range, keytransNodeHasher);
  ensure(root !== undefined && equalBytes(root, logRoot), 'bad-audit-entry', 'the entry has another log root');
  return { size: range.size, timestampMs, prefixRoot, fullSubtrees: range.heads };
}
