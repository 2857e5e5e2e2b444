import { expect } from 'vitest';
import type { CombinedResult } from '../../src/core/keytrans/verify-combined.ts';
import type { PrefixSearch } from '../../src/core/prefix/prefix-proof.ts';
import type { ReferenceLog } from './reference-log.ts';

/** What a verifier knows of versions of a label. */
export function keysOf(log: ReferenceLog, label: string, versions: readonly number[]): Map<number, PrefixSearch> {
  return new Map(
    versions.map((version) => [
      version,
      { vrfOutput: log.vrf(label, version).output, commitment: log.versions.get(label)?.[version]?.commitment },
    ]),
  );
}

/** Checks that a proof led to what the log truly is. */
export function expectTrue(log: ReferenceLog, result: CombinedResult<unknown>): void {
  const view = log.view(log.size);
  expect(result.root).toEqual(log.logRoot());
  expect(result.fullSubtrees).toEqual(view.fullSubtrees);
  expect(result.frontier).toEqual(view.frontier);
}
