import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { type Codec, decode, encode } from '../../../src/core/encoding/codec.ts';
import { type Configuration, configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import {
  auditorTreeHeadCodec,
  encodeAuditorTreeHeadTbs,
  encodeTreeHeadTbs,
  fullTreeHeadCodec,
  treeHeadCodec,
  verifyTreeHead,
} from '../../../src/core/keytrans/tree-head.ts';
import { type Checker, suiteOf, type VectorCase, type VectorFile } from '../vector-file.ts';

/** The Configuration that a case of a file describes. */
export function readConfiguration(input: VectorCase['input'], file: VectorFile): Configuration {
  const common = {
    cipherSuite: suiteOf(file).id,
    signaturePublicKey: parseHex(input.signature_public_key),
    vrfPublicKey: parseHex(input.vrf_public_key),
    maxAheadMs: input.max_ahead,
    maxBehindMs: input.max_behind,
    reasonableMonitoringWindowMs: input.reasonable_monitoring_window ?? input.monitoring_window,
    maximumLifetimeMs: input.maximum_lifetime || undefined,
  };
  if (input.mode === 1) return { ...common, mode: 'contactMonitoring' };
  if (input.mode === 2) {
    return { ...common, mode: 'thirdPartyManagement', leafPublicKey: parseHex(input.leaf_public_key) };
  }
  return {
    ...common,
    mode: 'thirdPartyAuditing',
    maxAuditorLagMs: input.max_auditor_lag,
    auditorStartPosition: input.auditor_start_pos,
    auditorPublicKey: parseHex(input.auditor_public_key),
  };
}

/** Checks both directions of a codec on one value. */
function both<T>(codec: Codec<T>, value: T, hex: string): void {
  expect(formatHex(encode(codec, value))).toBe(hex);
  expect(decode(codec, parseHex(hex))).toEqual(value);
}

const checkTreeHead: Checker = ({ input, expect: expected }, file) => {
  const config = readConfiguration(input, file);
  const root = parseHex(input.root);
  const treeHead = { treeSize: input.tree_size, signature: parseHex(expected.signature) };
  both(configurationCodec, config, expected.configuration);
  both(treeHeadCodec, treeHead, expected.tree_head);
  expect(formatHex(encodeTreeHeadTbs(config, treeHead.treeSize, root))).toBe(expected.tree_head_tbs);
  verifyTreeHead(config, treeHead, root);
  let auditorTreeHead;
  if (expected.auditor_tree_head !== undefined) {
    auditorTreeHead = decode(auditorTreeHeadCodec, parseHex(expected.auditor_tree_head));
    both(auditorTreeHeadCodec, auditorTreeHead, expected.auditor_tree_head);
    expect(formatHex(encodeAuditorTreeHeadTbs(config, auditorTreeHead, root))).toBe(expected.auditor_tree_head_tbs);
  }
  both(fullTreeHeadCodec(config), { type: 'same' }, expected.full_tree_head_same);
  both(fullTreeHeadCodec(config), { type: 'updated', treeHead, auditorTreeHead }, expected.full_tree_head_updated);
};

export default checkTreeHead;
