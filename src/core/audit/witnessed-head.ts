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

/** The log, keys, witnesses and configuration that a client requires of a witnessed head. */
export interface WitnessedTrust {
  readonly origin: string;
  /** The keys of the audit log's checkpoints. */
  readonly vkeys: readonly Vkey[];
  readonly policy: Policy;
  /** The encoded KEYTRANS Configuration. */
  readonly configuration: Uint8Array;
}

/** The KEYTRANS tree head that a client was shown, as it computed it from a proof. */
export interface ShownHead {
  readonly size: number;
  /** The timestamp of the rightmost entry, ms. */
  readonly timestampMs: number;
  /** The root of the prefix tree of the rightmost entry. */
  readonly prefixRoot: Uint8Array;
  readonly logRoot: Uint8Array;
}

/**
 * Verifies an untrusted `c2sp.org/tlog-proof@v1` that makes a shown head a witnessed one
 * (docs/spec.md#witnessed-tree-heads). It proves that the head's last entry is in the checkpoint of its size, recently
 * cosigned by a quorum of witnesses. Returns their cosignatures. Throws `log-forked` if the witnesses saw another log
 * than the client, and `bad-audit-entry` for an entry of another Configuration. Throws `not-witnessed`,
 * `bad-tlog-proof` and `bad-checkpoint`.
 */
export function verifyWitnessedHead(
  text: string,
  shown: ShownHead,
  trust: WitnessedTrust,
  options: WitnessedOptions,
): readonly Cosignature[] {
  const proof = parseTlogProof(text);
  ensure(proof.index === shown.size - 1, 'bad-tlog-proof', 'the proof is for another entry');
  const encoded = proof.extra;
  ensure(encoded !== undefined, 'bad-tlog-proof', 'the proof lacks its entry');
  const checkpoint = verifyTlogProof(proof, leafHash(encoded), trust);
  ensure(checkpoint.size === shown.size, 'bad-tlog-proof', 'the proof carries a checkpoint of another size');
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
    throw new GlasskeyError('bad-audit-entry', 'the data in the proof is not an audit entry', { cause });
  }
}
