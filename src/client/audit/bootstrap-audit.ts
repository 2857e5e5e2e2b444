import { verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { formatNote, MAX_NOTE_BYTES } from '../../core/audit/note.ts';
import { rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import { decodeLossyUtf8 } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { EMPTY_AUDITOR_STATE } from '../../core/keytrans/auditor-update.ts';
import { appendLeaves, EMPTY_EDGE, TILE_WIDTH } from '../../core/log/tiled-tree.ts';
import { withEvidence } from './audit-evidence.ts';
import type { AuditState } from './audit-state.ts';
import type { AuditTrust } from './audit-trust.ts';
import { followChain } from './follow-entry.ts';
import type { AuditFiles } from './audit-files.ts';
import { prefetch } from './prefetch.ts';
import { openEntry, readEntries } from './read-entries.ts';

/** Entry bundles that are loaded ahead. */
const BUNDLES_AHEAD = 8;

/**
 * Returns the state of an auditor that starts in the middle of a log, at `auditor_start_pos` (KT §11.2), greater than
 * 0: both trees of the entries before `position`, without their AuditorUpdates. For these entries it verifies that time
 * does not run backwards and that every log root appends to the one before, but not what they changed. The audit that
 * continues from there shows that they are the log's, and what witnesses say. The files are untrusted.
 *
 * Throws, with evidence (see `auditEvidenceOf`), `bad-checkpoint`, `bad-audit-entry`, `bad-timestamp`; `too-far-behind`
 * for a log that is still too small, `network-failed`, `bad-response`.
 */
export async function bootstrapAudit(files: AuditFiles, trust: AuditTrust, position: number): Promise<AuditState> {
  const served = await files.read('checkpoint', MAX_NOTE_BYTES);
  let auditor = EMPTY_AUDITOR_STATE;
  try {
    const { size, note } = verifyCheckpoint(served, trust);
    ensure(size > position, 'too-far-behind', `the log has ${size} entries: the audit starts with number ${position}`);
    let edge = EMPTY_EDGE;
    const bundles = prefetch(0, Math.ceil(position / TILE_WIDTH), BUNDLES_AHEAD, (i) => readEntries(files, i, size));
    for await (const bundle of bundles) {
      const before = bundle.slice(0, position - auditor.size);
      for (const { bytes } of before) auditor = followChain(auditor, openEntry(bytes), trust.configHashes);
      const leaves = before.map(({ leaf }) => leaf);
      edge = appendLeaves(edge, leaves, rfc6962NodeHasher).edge;
    }
    return {
      auditor,
      edge,
      checkpoint: formatNote(note),
      logEnd: undefined,
      recorded: undefined,
      configurations: trust.encodedConfigs,
    };
  } catch (error) {
    const checkpoint = decodeLossyUtf8(served);
    throw withEvidence(error, {
      origin: trust.origin,
      checkpoint,
      previousCheckpoint: undefined,
      position: auditor.size,
      proof: undefined,
    });
  }
}
