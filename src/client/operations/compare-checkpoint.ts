import { verifyCheckpoint, type VerifiedCheckpoint } from '../../core/audit/checkpoint.ts';
import { MAX_NOTE_BYTES } from '../../core/audit/note.ts';
import { encodeUtf8, formatHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { viewRoot } from '../../core/keytrans/tree-view.ts';
import { LOG_PREFIX } from '../../contract/paths.ts';
import { assertContinues } from '../audit/assert-continues.ts';
import { assertSeen } from '../audit/assert-seen.ts';
import { httpAuditFiles } from '../audit/audit-files.ts';
import { readAuditTrust } from '../audit/audit-trust.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import type { Operation } from './operation.ts';

/** Agreement with somebody who audits the log: both were shown one log. */
export interface CheckpointAgreement {
  /** Entries of the checkpoint that was compared. */
  readonly size: number;
  /** Root of the audit log at that size, lower-case hex. */
  readonly rootHash: string;
  /** Entries that the server shows to this client now. */
  readonly shown: number;
}

const FILE_TIMEOUT_MS = 60_000;

/**
 * Compares a checkpoint that a watcher or an auditor was shown (untrusted) with what the server shows to this client.
 * The log must have signed both, so whoever gave the checkpoint cannot accuse the log falsely. Throws `bad-checkpoint`
 * if the log did not sign it, `too-far-behind` if the server shows this client a shorter log, `log-forked` if the one
 * does not continue the other or lookups have shown a third, other verification errors, and `network-failed`.
 */
export async function compareCheckpoint(
  operation: Operation,
  { view }: ClientState,
  text: string,
): Promise<StateChange<CheckpointAgreement>> {
  const { transport, trust } = operation;
  const { origin, vkeys } = readAuditTrust(trust.bundle);
  ensure(text.length <= MAX_NOTE_BYTES, 'bad-checkpoint', 'the text is too long to be a checkpoint');
  const theirs = verifyCheckpoint(encodeUtf8(text), { origin, vkeys });
  const prefix = transport.server + LOG_PREFIX;
  const { fetch, signal } = transport;
  const files = httpAuditFiles({ prefix, fetch, signal, timeoutMs: FILE_TIMEOUT_MS });
  try {
    const shown = verifyCheckpoint(await files.read('checkpoint', MAX_NOTE_BYTES), { origin, vkeys });
    assertNotBehind(shown, theirs);
    await assertContinues(files, shown, text);
    if (view !== undefined && view.size <= shown.size) {
      await assertSeen(files, shown, { size: view.size, logRoot: viewRoot(view) });
    }
    const { size, rootHash } = theirs;
    return { result: { size, rootHash: formatHex(rootHash), shown: shown.size } };
  } finally {
    files.close();
  }
}

/** A server may be behind another one for a moment, so a shorter log alone accuses nobody. */
function assertNotBehind(shown: VerifiedCheckpoint, theirs: VerifiedCheckpoint): void {
  const message =
    `the server shows ${shown.size} entries here, and the checkpoint has ${theirs.size}. Next: compare again soon. A ` +
    'server that stays behind hides a part of its log from this client';
  ensure(shown.size >= theirs.size, 'too-far-behind', message);
}
