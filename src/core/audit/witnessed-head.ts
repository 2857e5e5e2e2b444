import { sha256 } from '../crypto/sha256.ts';
import { equalBytes } from '../encoding/bytes.ts';
import { decode } from '../encoding/codec.ts';
import { ensure, GlasskeyError } from '../errors.ts';
import { type AuditEntry, auditEntryCodec } from './audit-entry.ts';
import type { Cosignature } from './cosignature.ts';
import { assertWitnessed, type WitnessedOptions } from './policy.ts';
import type { Policy } from './policy-parts.ts';
import { leafHash } from './rfc6962.ts';
import { parseTlogProof, verifyTlogProof } from './tlog-proof.ts';
import type { Vkey } from './vkey.ts';

/** Whom and what a client holds a log to. */
export interface WitnessedTrust {
  readonly origin: string;
  /** Keys of the audit log's checkpoints. */
  readonly vkeys: readonly Vkey[];
  readonly policy: Policy;
  /** The encoded KEYTRANS Configuration. */
  readonly configuration: Uint8Array;
}

/** The KEYTRANS tree head that a client was shown, as it computed it from a proof. */
export interface ShownHead {
  readonly size: number;
  /** Timestamp of the rightmost entry, ms. */
  readonly timestampMs: number;
  /** Root of the prefix tree of the rightmost entry. */
  readonly prefixRoot: Uint8Array;
  readonly logRoot: Uint8Array;
}

/**
 * Verifies an untrusted `c2sp.org/tlog-proof@v1` that makes a shown head a witnessed one (DESIGN §5): the head's last entry,
 * in the checkpoint of its size, which witnesses who make the quorum have cosigned lately. Returns their cosignatures.
 * Throws `log-forked` where what they have seen is not what was shown, `bad-audit-entry` for an entry of another
 * Configuration, `not-witnessed`, `bad-tlog-proof`, `bad-checkpoint`.
 */
export function verifyWitnessedHead(
  text: string,
  shown: ShownHead,
  trust: WitnessedTrust,
  options: WitnessedOptions,
): readonly Cosignature[] {
  const proof = parseTlogProof(text);
  ensure(proof.index === shown.size - 1, 'bad-tlog-proof', 'the proof is of another entry');
  const encoded = proof.extra;
  ensure(encoded !== undefined, 'bad-tlog-proof', 'the proof does not come with its entry');
  const checkpoint = verifyTlogProof(proof, leafHash(encoded), trust);
  ensure(checkpoint.size === shown.size, 'bad-tlog-proof', 'the proof is in a checkpoint of another size');
  const cosignatures = assertWitnessed(trust.policy, checkpoint.note, options);
  const entry = readEntry(encoded);
  const isOfLog = equalBytes(entry.configHash, sha256(trust.configuration));
  ensure(isOfLog, 'bad-audit-entry', 'the entry names another configuration');
  const isShown =
    entry.timestampMs === shown.timestampMs &&
    equalBytes(entry.prefixRoot, shown.prefixRoot) &&
    equalBytes(entry.logRoot, shown.logRoot);
  ensure(isShown, 'log-forked', `witnesses have seen another log of size ${shown.size} than was shown here`);
  return cosignatures;
}

function readEntry(encoded: Uint8Array): AuditEntry {
  try {
    return decode(auditEntryCodec, encoded);
  } catch (cause) {
    throw new GlasskeyError('bad-audit-entry', 'the proof comes with something that is no entry', { cause });
  }
}
