import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { knownHead, knownHeadCodec, viewOfHead } from '../../../src/core/keytrans/known-head.ts';
import { type TreeView, treeViewCodec, viewRoot } from '../../../src/core/keytrans/tree-view.ts';
import { fakeVrf, ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';

const config = referenceConfiguration(1000, { maxAuditorLagMs: 1e6, auditorStartPosition: 0 });
const entries = Array.from({ length: 20 }, (_, i) => ({ timestampMs: 1000 + i, labels: ['alice'] }));
const log = new ReferenceLog(config, fakeVrf, entries);
const REFUSED = expect.objectContaining({ name: 'GlasskeyError', code: 'malformed-encoding' });
const stored = (view: TreeView): TreeView => decode(treeViewCodec, encode(treeViewCodec, view));

describe('a stored view', () => {
  it('is what was stored, of any size, and has the root of the log', () => {
    for (let size = 1; size <= log.size; size++) {
      for (const view of [log.view(size), log.view(size, 1)]) expect(stored(view)).toEqual(view);
      expect(viewRoot(log.view(size))).toEqual(log.logRoot(size));
    }
  });

  it('is refused where its parts are not those of its size', () => {
    const view = log.view(13);
    const { fullSubtrees, frontier, treeHead } = view;
    const damaged: Record<string, TreeView> = {
      'another head': { ...view, treeHead: { ...treeHead, treeSize: 12 } },
      'no entries': { ...view, size: 0, fullSubtrees: [], frontier: [], treeHead: { ...treeHead, treeSize: 0 } },
      'another size': { ...view, size: 12, treeHead: { ...treeHead, treeSize: 12 } },
      'a subtree too few': { ...view, fullSubtrees: fullSubtrees.slice(1) },
      'a subtree too many': { ...view, fullSubtrees: [...fullSubtrees, fullSubtrees[0]!] },
      'an entry too few': { ...view, frontier: frontier.slice(0, -1) },
      'an entry too many': { ...view, frontier: [...frontier, frontier.at(-1)!] },
      'the entries in another order': { ...view, frontier: frontier.toReversed() },
      'one wrong entry': { ...view, frontier: frontier.with(1, { ...frontier[1]!, position: 10 }) },
    };
    for (const [what, one] of Object.entries(damaged)) expect(() => stored(one), what).toThrow(REFUSED);
  });
});

it('a stored head is no view of a signed one', () => {
  const { fullSubtrees, frontier, treeHead, auditorTreeHead } = log.view(13, 12);
  const head = knownHead(12, fullSubtrees, frontier);
  expect(head.logRoot).toEqual(log.logRoot(13));
  expect(decode(knownHeadCodec, encode(knownHeadCodec, head))).toEqual(head);
  for (const but of [{ treeHead }, { auditorTreeHead }, { treeHead, auditorTreeHead }]) {
    const bytes = encode(treeViewCodec, { ...viewOfHead(head), ...but });
    expect(() => decode(knownHeadCodec, bytes)).toThrow(REFUSED);
  }
});
