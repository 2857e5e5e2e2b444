import { cipherSuite } from '../crypto/cipher-suite.ts';
import { ensure } from '../errors.ts';
import type { PrefixSearch } from '../prefix/prefix-proof.ts';
import { baseBinaryLadder } from './binary-ladder.ts';
import type { Configuration } from './configuration.ts';
import type { Algorithm } from './evidence.ts';
import { pathTo } from './implicit-search-tree.ts';
import type { BinaryLadderStep } from './messages.ts';
import type { OwnerInitRequest, OwnerInitResponse } from './owner-init-messages.ts';
import { ownerInitialization, type OwnerInitOptions } from './owner-init.ts';
import { type OwnerState, withoutUnneeded } from './owner-state.ts';
import type { TreeView } from './tree-view.ts';
import { updateView } from './update-view.ts';
import { verifyCombined } from './verify-combined.ts';
import { claimedSizes, verifyFullTreeHead } from './verify-full-tree-head.ts';
import type { VerifyContext } from './verify-search.ts';
import { encodeVrfInput } from './vrf-input.ts';

/** The verified beginning of an ownership. */
export interface VerifiedOwnerInit {
  /** The view to retain instead of the advertised one. */
  readonly view: TreeView;
  /** The root of the log tree at `view.size`. */
  readonly logRoot: Uint8Array;
  /** The state to retain. Versions created after its `start` have still to be processed (KT §9). */
  readonly owner: OwnerState;
}

/** Updates the view, then begins the ownership (KT §12.3: always in this order). */
export function* updateAndInit(
  config: Configuration,
  last: number | undefined,
  options: OwnerInitOptions,
): Algorithm<readonly (number | undefined)[]> {
  yield* updateView(options.size, last);
  return yield* ownerInitialization(config, options);
}

/** Returns the versions of an answer's `binary_ladder`, ascending (KT §8.3 step 3). */
export function ownerInitLadder(greatestVersions: readonly number[]): readonly number[] {
  const versions = new Set([0, ...greatestVersions.flatMap((version) => baseBinaryLadder(version))]);
  return [...versions].sort((a, b) => a - b);
}

/**
 * Verifies an untrusted `OwnerInitResponse` (KT §13.3). `request.last` must be the size of `context.view`. The client
 * stores nothing unless this returns. Throws `view-mismatch` if `start` is not distinguished, though the client was
 * shown that it is. Throws `version-expired` if it has expired, `bad-ladder`, and other verification errors.
 */
export function verifyOwnerInit(
  context: VerifyContext,
  request: OwnerInitRequest,
  response: OwnerInitResponse,
): VerifiedOwnerInit {
  const { config, view, nowMs } = context;
  const { label, start } = request;
  const { greatestVersions } = response;
  ensure(request.last === view?.size, 'usage', 'the request advertised another size than the view has');
  const { size, auditedSize } = claimedSizes(config, response.fullTreeHead, view);
  ensure(start < size, 'view-mismatch', `the log has no entry ${start}, which the client was shown`);
  // Before their VRF proofs cost any time.
  const isPossible = greatestVersions.length <= pathTo(start, size).length;
  ensure(isPossible, 'bad-ladder', 'more greatest versions than inspected log entries');
  const keys = verifySteps(config, label, response);
  const proof = verifyCombined({
    proof: response.init,
    size,
    view,
    auditedSize,
    keys,
    algorithm: updateAndInit(config, view?.size, {
      size,
      start,
      claimed: (index) => greatestVersions[index],
      notDistinguished: 'view-mismatch',
    }),
  });
  const isUsed = greatestVersions.length <= proof.result.length;
  ensure(isUsed, 'bad-ladder', 'more greatest versions than inspected log entries');
  const { frontier } = proof;
  const newView = verifyFullTreeHead({ config, head: response.fullTreeHead, view, size, proof, frontier, nowMs });
  const ladder = Array.from(keys, ([version, { vrfOutput, commitment }]) => ({ version, vrfOutput, commitment }));
  const owner = { label, start, versionAtStart: greatestVersions[0], upcoming: [], entries: [], ladder };
  // This drops the versions that only ladders further left look up; no proof has shown their commitments.
  return { view: newView, logRoot: proof.root, owner: withoutUnneeded(owner) };
}

/**
 * Returns the search keys of the untrusted ladder, which must have a commitment for exactly the versions that exist at
 * `start`.
 */
function verifySteps(
  config: Configuration,
  label: Uint8Array,
  { greatestVersions, binaryLadder }: OwnerInitResponse,
): ReadonlyMap<number, PrefixSearch> {
  const suite = cipherSuite(config.cipherSuite);
  const versions = ownerInitLadder(greatestVersions);
  ensure(binaryLadder.length === versions.length, 'bad-ladder', 'the binary ladder has the wrong number of steps');
  const greatest = greatestVersions[0] ?? -1;
  const keys = new Map<number, PrefixSearch>();
  for (const [i, version] of versions.entries()) {
    const { proof, commitment } = binaryLadder[i] as BinaryLadderStep;
    ensure((commitment !== undefined) === version <= greatest, 'bad-ladder', `commitment of version ${version}`);
    const vrfOutput = suite.verifyVrf(config.vrfPublicKey, encodeVrfInput(label, version), proof);
    keys.set(version, { vrfOutput, commitment });
  }
  return keys;
}
