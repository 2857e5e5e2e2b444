import { expect } from 'vitest';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import {
  auditorLogRoot,
  type AuditorState,
  auditorUpdateCodec,
  verifyAuditorUpdate,
} from '../../../src/core/keytrans/auditor-update.ts';
import { TileStore } from '../../core/prefix/tile-store.ts';
import type { Checker } from '../vector-file.ts';
import { readLeaves } from './prefix-tree.ts';

const checkAuditorUpdate: Checker = ({ input, expect: expected }) => {
  const store = new TileStore();
  const old = store.build(readLeaves(input.entries));
  expect(formatHex(old.hash)).toBe(input.prefix_root);
  const bytes = parseHex(expected.encoding);
  const update = decode(auditorUpdateCodec, bytes);
  expect(encode(auditorUpdateCodec, update)).toEqual(bytes);
  const { timestampMs, added, removed } = update;
  expect({ timestampMs, added, removed }).toEqual({
    timestampMs: input.timestamp,
    added: readLeaves(input.added),
    removed: readLeaves(input.removed),
  });
  const state: AuditorState = {
    size: input.log_size,
    timestampMs: input.previous_timestamp,
    prefixRoot: parseHex(input.prefix_root),
    fullSubtrees: (input.log_full_subtrees as string[]).map(parseHex),
  };
  if (expected.verdict === 'rejected' || removed.length > 0) {
    // An accepted removal is refused by our auditor all the same: our prefix trees only grow.
    expect(() => verifyAuditorUpdate(state, update)).toThrow(expect.objectContaining({ name: 'GlasskeyError' }));
    return;
  }
  const next = verifyAuditorUpdate(state, update);
  expect(next.size).toBe(expected.tree_size);
  expect(formatHex(auditorLogRoot(next))).toBe(expected.log_root);
  expect(store.insert(old, added, 1000).proof).toEqual(update.proof);
};

export default checkAuditorUpdate;
