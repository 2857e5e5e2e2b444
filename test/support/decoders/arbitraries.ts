import fc from 'fast-check';
import { frontier } from '../../../src/core/keytrans/implicit-search-tree.ts';
import type { KnownHead } from '../../../src/core/keytrans/known-head.ts';
import { knownHead } from '../../../src/core/keytrans/known-head.ts';
import type { KnownVersion } from '../../../src/core/keytrans/known-version.ts';
import type { OwnerState } from '../../../src/core/keytrans/owner-state.ts';
import type { UnsettledCredential } from '../../../src/core/keytrans/settle-credential.ts';
import type { TreeView } from '../../../src/core/keytrans/tree-view.ts';
import { fullSubtrees } from '../../../src/core/log/log-tree.ts';
import { auditorTreeHeads, labels, positions, versions } from '../../core/keytrans/message-arbitraries.ts';

/** Bytes of one length. */
export const fixed = (length: number): fc.Arbitrary<Uint8Array> => {
  return fc.uint8Array({ minLength: length, maxLength: length });
};

/** A value or undefined. */
export const maybe = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined });

export const hashes: fc.Arbitrary<Uint8Array> = fixed(32);

/** Sizes of logs, small and large; never 0. */
export const sizes: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  positions.filter((n) => n > 0),
);

function exactly<T>(values: fc.Arbitrary<T>, length: number): fc.Arbitrary<T[]> {
  return fc.array(values, { minLength: length, maxLength: length });
}

/** Views whose parts fit their size. */
export const treeViews: fc.Arbitrary<TreeView> = sizes.chain((size) => {
  const places = frontier(size);
  return fc.record({
    size: fc.constant(size),
    fullSubtrees: exactly(hashes, fullSubtrees(size).length),
    frontier: exactly(fc.record({ timestampMs: positions, prefixRoot: hashes }), places.length).map((entries) =>
      entries.map((entry, i) => ({ position: places[i]!, ...entry })),
    ),
    treeHead: fc.record({ treeSize: fc.constant(size), signature: fc.uint8Array({ maxLength: 70 }) }),
    auditorTreeHead: maybe(auditorTreeHeads),
  });
});

export const knownHeads: fc.Arbitrary<KnownHead> = treeViews.map((view) => {
  return knownHead(view.size - 1, view.fullSubtrees, view.frontier);
});

export const knownVersions: fc.Arbitrary<KnownVersion> = fc.record({
  version: versions,
  vrfOutput: hashes,
  commitment: maybe(hashes),
});

/** What owners and contacts still monitor; in no order. */
export const monitorMaps = fc.array(fc.record({ position: positions, version: versions }), { maxLength: 5 });

export const ownerStates: fc.Arbitrary<OwnerState> = fc.record({
  label: labels,
  start: positions,
  versionAtStart: maybe(versions),
  upcoming: monitorMaps,
  entries: monitorMaps,
  ladder: fc.array(knownVersions, { maxLength: 5 }),
});

export const unsettledCredentials: fc.Arbitrary<UnsettledCredential> = fc.record({
  label: labels,
  version: versions,
  terminalPosition: positions,
  prefixRoot: hashes,
  ladder: fc.array(knownVersions, { minLength: 1, maxLength: 5 }),
  view: treeViews,
});
