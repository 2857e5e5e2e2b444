import { assertWitnessed } from '../core/audit/policy.ts';
import { type AuditEntry, auditEntryCodec } from '../core/audit/audit-entry.ts';
import { findLogEndLeaf, signedLogEndCodec, verifyLogEnd } from '../core/audit/log-end.ts';
import { leafHash } from '../core/audit/rfc6962.ts';
import { formatUpdatePath } from '../core/audit/tile-path.ts';
import { parseTlogProof, verifyTlogProof } from '../core/audit/tlog-proof.ts';
import { parseVkey } from '../core/audit/vkey.ts';
import { sha256 } from '../core/crypto/sha256.ts';
import { equalBytes, parseBase64 } from '../core/encoding/bytes.ts';
import { decode } from '../core/encoding/codec.ts';
import { ensure, isGlasskeyError } from '../core/errors.ts';
import { auditorUpdateCodec } from '../core/keytrans/auditor-update.ts';
import { type TreeView, viewRoot } from '../core/keytrans/tree-view.ts';
import { LOG_PREFIX, PATHS, PROOF_PREFIX } from '../contract/paths.ts';
import { openAs } from './audit/read-entries.ts';
import type { Operation, VerifiedEnd } from './operations/operation.ts';
import { ServerRefusal } from './transport.ts';

type Asking = Pick<Operation, 'transport' | 'trust' | 'now'>;

/**
 * Asks whether the log has ended, and verifies the answer. The end is signed by the bundle key and bound to a log
 * entry, which is the last of a checkpoint of this log that the bundle's witnesses cosigned at any time. Returns
 * undefined if the server reports no end. Throws `bad-log-end`, `bad-tlog-proof`, `bad-checkpoint`, `bad-audit-entry`,
 * `not-witnessed`, `network-failed`.
 */
export async function fetchLogEnd({ transport, trust, now }: Asking): Promise<VerifiedEnd | undefined> {
  const encoded = await readIfThere(transport);
  if (encoded === undefined) return undefined;
  const { position } = openAs('bad-log-end', () => decode(signedLogEndCodec, encoded)).end;
  const [proof, update] = await Promise.all([
    transport.getText(`${PROOF_PREFIX}${position + 1}`),
    transport.getBytes(LOG_PREFIX + formatUpdatePath(position)),
  ]);
  const entry = lastEntry(proof, position, trust, now());
  const isNamed = equalBytes(sha256(update), entry.updateHash);
  ensure(isNamed, 'bad-auditor-update', 'the AuditorUpdate is not the one that the last entry names');
  const { added } = openAs('bad-auditor-update', () => decode(auditorUpdateCodec, update));
  const { origin, bundleKey } = trust.bundle;
  const trusted = { origin, bundleKey: parseBase64(bundleKey) };
  const end = verifyLogEnd(encoded, trusted, { position, leaf: findLogEndLeaf(added) });
  return { ...end, timestampMs: entry.timestampMs, logRoot: entry.logRoot };
}

/** Throws unless a tree head is the one with which the log ended: no earlier head is the newest any more. */
export function assertLastHead(end: VerifiedEnd, view: TreeView): void {
  const size = end.position + 1;
  ensure(view.size >= size, 'tree-head-too-old', `the log ended at size ${size}, and size ${view.size} is shown`);
  ensure(view.size === size, 'continued-after-end', `the log ended at size ${size}, and size ${view.size} is shown`);
  ensure(equalBytes(viewRoot(view), end.logRoot), 'log-forked', 'the log ended with another tree than was shown');
}

async function readIfThere(transport: Operation['transport']): Promise<Uint8Array | undefined> {
  try {
    return await transport.getBytes(PATHS.logEnd);
  } catch (error) {
    if (error instanceof ServerRefusal && isGlasskeyError(error, 'not-found')) return undefined;
    throw error;
  }
}

/** Returns the entry at `position`, after the untrusted proof shows it to be the last one of a witnessed checkpoint. */
function lastEntry(text: string, position: number, { bundle, policy }: Operation['trust'], nowMs: number): AuditEntry {
  const proof = parseTlogProof(text);
  const { extra, index } = proof;
  ensure(index === position && extra !== undefined, 'bad-tlog-proof', 'the proof is not of the last entry');
  const vkeys = bundle.auditLogVkeys.map(parseVkey);
  const checkpoint = verifyTlogProof(proof, leafHash(extra), { origin: bundle.origin, vkeys });
  ensure(checkpoint.size === position + 1, 'bad-tlog-proof', 'the proof is in a checkpoint of another size');
  assertWitnessed(policy, checkpoint.note, { nowMs, maxAgeMs: Infinity });
  const entry = openAs('bad-audit-entry', () => decode(auditEntryCodec, extra));
  const isOfLog = equalBytes(entry.configHash, sha256(parseBase64(bundle.keytransConfiguration)));
  ensure(isOfLog, 'bad-audit-entry', 'the last entry names another Configuration');
  return entry;
}
