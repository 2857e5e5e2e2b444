import { expect } from 'vitest';
import { parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import { ownerUpdate } from '../../../src/core/keytrans/owner-update.ts';
import { updateView } from '../../../src/core/keytrans/update-view.ts';
import { combinedTreeProofCodec } from '../../../src/core/keytrans/proofs.ts';
import { verifyCombined } from '../../../src/core/keytrans/verify-combined.ts';
import type { Checker } from '../vector-file.ts';

/** The recordings are the proofs of KT §9.1 alone, without responses around them and without roots. */
const checkUpdate: Checker = ({ input, expect: expected }) => {
  const { tree_size: size, monitoring_window: windowMs, position, versions: count } = input;
  const { starting: start, upcoming: later, version_at_starting: versionAtStart } = input.owner;
  const upcoming = (later as number[]).map((entry, i) => ({
    position: entry,
    version: (versionAtStart ?? -1) + 1 + i,
  }));
  const previous: number | undefined = upcoming.at(-1)?.version ?? versionAtStart;
  const first = (previous ?? -1) + 1;
  const created = Array.from({ length: count }, (_, i) => first + i);
  const ladder = input.ladder as { version: number; vrf_output: string; commitment?: string }[];
  const keys = new Map(
    ladder.map(({ version, vrf_output: vrfOutput, commitment }) => [
      version,
      { vrfOutput: parseHex(vrfOutput), commitment: commitment === undefined ? undefined : parseHex(commitment) },
    ]),
  );
  const options = {
    size,
    windowMs,
    position,
    previous,
    knownTo: upcoming.at(-1)?.position ?? start,
    expectedAt: (entry: number) => upcoming.findLast((one) => one.position <= entry)?.version ?? versionAtStart,
    created,
  };
  const { result } = verifyCombined({
    proof: decode(combinedTreeProofCodec, parseHex(expected.proof)),
    size,
    view: undefined,
    auditedSize: undefined,
    keys,
    algorithm: (function* () {
      yield* updateView(size, undefined);
      return yield* ownerUpdate(options);
    })(),
  });
  expect(result.distinguished).toBe(expected.distinguished);
  const monitored = result.distinguished ? undefined : { position, version: created.at(-1) };
  expect(monitored).toEqual(expected.contact);
};

export default checkUpdate;
