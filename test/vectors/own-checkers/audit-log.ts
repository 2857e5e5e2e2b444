import { auditEntryCodec } from '../../../src/core/audit/audit-entry.ts';
import { verifyCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import { decodeEntryBundle } from '../../../src/core/audit/entry-bundle.ts';
import { findLogEndLeaf, verifyLogEnd } from '../../../src/core/audit/log-end.ts';
import { MAX_WITNESS_AHEAD_MS, parsePolicy } from '../../../src/core/audit/policy.ts';
import { leafHash } from '../../../src/core/audit/rfc6962.ts';
import { parseTlogProof, verifyTlogProof } from '../../../src/core/audit/tlog-proof.ts';
import { parseVkey } from '../../../src/core/audit/vkey.ts';
import { verifyWitnessedHead } from '../../../src/core/audit/witnessed-head.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import { auditorLogRoot, auditorUpdateCodec, verifyAuditorUpdate } from '../../../src/core/keytrans/auditor-update.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import type { OwnChecker } from './checker.ts';

export const checkAuditEntry: OwnChecker = ({ entry, configuration, update }) => {
  const bytes = parseHex(entry);
  const { timestampMs, ...fields } = decode(auditEntryCodec, bytes);
  const { prefixRoot, logRoot, configHash, updateHash } = fields;
  const hashes = Object.entries({ prefixRoot, logRoot, configHash, updateHash });
  const matches =
    formatHex(configHash) === formatHex(sha256(parseHex(configuration))) &&
    formatHex(updateHash) === formatHex(sha256(parseHex(update)));
  const shown = Object.fromEntries(hashes.map(([name, hash]) => [name, formatHex(hash)]));
  return { timestampMs, ...shown, leafHash: formatHex(leafHash(bytes)), matches };
};

export const checkAuditorUpdate: OwnChecker = ({ state, update }) => {
  const bytes = parseHex(update);
  const before = {
    size: state.size,
    timestampMs: state.timestampMs,
    prefixRoot: parseHex(state.prefixRoot),
    fullSubtrees: (state.fullSubtrees as string[]).map(parseHex),
  };
  const next = verifyAuditorUpdate(before, decode(auditorUpdateCodec, bytes));
  const { size, timestampMs, prefixRoot } = next;
  const [logRoot, updateHash] = [formatHex(auditorLogRoot(next)), formatHex(sha256(bytes))];
  return { size, timestampMs, prefixRoot: formatHex(prefixRoot), logRoot, updateHash };
};

export const checkEntryBundle: OwnChecker = ({ bundle, count }) => {
  return { entries: decodeEntryBundle(parseHex(bundle), count).map(formatHex) };
};

export const checkCheckpoint: OwnChecker = ({ checkpoint, origin, vkeys }) => {
  const { size, rootHash } = verifyCheckpoint(checkpoint, { origin, vkeys: (vkeys as string[]).map(parseVkey) });
  return { size, rootHash: formatHex(rootHash) };
};

export const checkTlogProof: OwnChecker = ({ proof, origin, vkeys }) => {
  const parsed = parseTlogProof(proof);
  const entry = parsed.extra ?? new Uint8Array();
  const trusted = { origin, vkeys: (vkeys as string[]).map(parseVkey) };
  const { size } = verifyTlogProof(parsed, leafHash(entry), trusted);
  return { index: parsed.index, size, logRoot: formatHex(decode(auditEntryCodec, entry).logRoot) };
};

export const checkLogEnd: OwnChecker = ({ logEnd, origin, bundleKey, position, vrfOutput, commitment }) => {
  const leaf = findLogEndLeaf([{ vrfOutput: parseHex(vrfOutput), commitment: parseHex(commitment) }]);
  const trusted = { origin, bundleKey: parseHex(bundleKey) };
  const { reason, successor } = verifyLogEnd(parseHex(logEnd), trusted, { position, leaf });
  if (successor === undefined) return { reason, successor: null };
  const { fingerprint, bundleKey: next, ...named } = successor;
  return { reason, successor: { ...named, fingerprint: formatHex(fingerprint), bundleKey: formatHex(next) } };
};

/** Cases of `witnessed-head.json`. */
export const checkWitnessedHead: OwnChecker = ({ proof, origin, vkeys, policy, configuration, head, nowMs }) => {
  const encoded = parseHex(configuration);
  const trust = { origin, vkeys: vkeys.map(parseVkey), policy: parsePolicy(policy), configuration: encoded };
  const shown = { ...head, prefixRoot: parseHex(head.prefixRoot), logRoot: parseHex(head.logRoot) };
  const maxAgeMs = decode(configurationCodec, encoded).maxBehindMs + MAX_WITNESS_AHEAD_MS;
  const cosignatures = verifyWitnessedHead(proof, shown, trust, { nowMs, maxAgeMs });
  return { cosigned: cosignatures.map(({ vkey, timestampMs }) => ({ witness: vkey.name, timestampMs })) };
};
