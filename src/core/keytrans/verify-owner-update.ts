import { commit } from '../crypto/commitment.ts';
import { cipherSuite } from '../crypto/cipher-suite.ts';
import { HASH_LENGTH } from '../crypto/sha256.ts';
import { ensure } from '../errors.ts';
import { baseBinaryLadder, GREATEST_VERSION } from './binary-ladder.ts';
import type { Configuration } from './configuration.ts';
import type { Algorithm } from './evidence.ts';
import { type KnownVersion, ladderKeys, mergeKnownVersions } from './known-version.ts';
import type { BinaryLadderStep } from './messages.ts';
import { addToMonitorMap } from './monitor-map.ts';
import { expectedAt, greatestKnown, lastKnownEntry, type OwnerState, withoutUnneeded } from './owner-state.ts';
import { ownerUpdate, type OwnerUpdateOptions } from './owner-update.ts';
import type { TreeView } from './tree-view.ts';
import type { UpdateRequest, UpdateResponse } from './update-messages.ts';
import { verifyUpdateValue } from './update-signature.ts';
import { updateView } from './update-view.ts';
import { verifyCombined } from './verify-combined.ts';
import { claimedSizes, verifyFullTreeHead } from './verify-full-tree-head.ts';
import type { VerifyContext } from './verify-search.ts';
import { encodeVrfInput } from './vrf-input.ts';

/** A new version in the log. */
export interface CreatedVersion {
  readonly version: number;
  readonly value: Uint8Array;
  readonly opening: Uint8Array;
  readonly commitment: Uint8Array;
}

/**
 * New versions that were inserted correctly; only the owner knows if it made them. If the log entry that created them
 * is distinguished, their values are not proved to be in the log until `verifyOwnerMonitor` has completed. The draft
 * leaves that entry to it (KT §9.1 step 3), so such an answer alone is no proof of inclusion.
 */
export interface VerifiedUpdate {
  /** The view to retain instead of the advertised one. */
  readonly view: TreeView;
  /** The root of the log tree at `view.size`. */
  readonly logRoot: Uint8Array;
  /** The state to retain instead of the one sent. */
  readonly owner: OwnerState;
  /** The log entry that created the versions. */
  readonly position: number;
  /** The new versions, ascending, without skipped ones. */
  readonly created: readonly CreatedVersion[];
  /**
   * True if the log entry was shown to hold them. Otherwise it is distinguished and the next monitoring shows it (KT
   * §9.1 step 3); until then the values prove nothing.
   */
  readonly proved: boolean;
}

/** Updates the view, then checks new versions (KT §12.3: always in this order). */
export function* updateAndCheck(
  config: Configuration,
  last: number | undefined,
  options: Omit<OwnerUpdateOptions, 'windowMs'>,
): Algorithm<{ readonly distinguished: boolean }> {
  yield* updateView(options.size, last);
  return yield* ownerUpdate({ ...options, windowMs: config.reasonableMonitoringWindowMs });
}

/** Returns the versions of an answer's `binary_ladder`, ascending (KT §9.1). `created` ascend. */
export function ownerUpdateLadder(previous: number | undefined, created: readonly number[]): readonly number[] {
  const greatest = created.at(-1);
  ensure(greatest !== undefined, 'usage', 'no new version');
  const held = new Set(previous === undefined ? [0] : baseBinaryLadder(previous));
  const versions = new Set([...baseBinaryLadder(greatest), ...(created.length > 1 ? created : [])]);
  return [...versions].filter((version) => !held.has(version)).sort((a, b) => a - b);
}

/**
 * Verifies one untrusted `UpdateResponse` (KT §13.5) to a request with the owner's greatest version. `request.last`
 * must be the size of `context.view`. The client stores nothing unless this returns. Throws `unexpected-version` if the
 * log held another version before the reported ones. Throws `version-rolled-back`, `bad-commitment`, `bad-ladder`, and
 * other verification errors.
 */
export function verifyOwnerUpdate(
  context: VerifyContext,
  request: UpdateRequest,
  response: UpdateResponse,
  owner: OwnerState,
): VerifiedUpdate {
  const { config, view, nowMs } = context;
  const previous = greatestKnown(owner);
  ensure(request.last === view?.size, 'usage', 'the request advertised another size than the view has');
  ensure(request.greatestVersion === previous, 'usage', 'the request is not about the greatest known version');
  const { position } = response;
  const knownTo = lastKnownEntry(owner);
  ensure(position > knownTo, 'bad-ladder', `entry ${position} is not right of entry ${knownTo}, which is known`);
  const skipped = skippedVersions(previous, response);
  const made = openVersions(config, request, response, (previous ?? -1) + 1 + skipped.length);
  const created = [...skipped, ...made];
  const shown = verifySteps(config, owner, response, created);
  const ladder = mergeKnownVersions(owner.ladder, shown);
  const { size, auditedSize } = claimedSizes(config, response.fullTreeHead, view);
  ensure(position < size, 'bad-ladder', `entry ${position} is not in a log of ${size}`);
  const versions = created.map(({ version }) => version);
  const proof = verifyCombined({
    proof: response.update,
    size,
    view,
    auditedSize,
    keys: ladderKeys(ladder),
    algorithm: updateAndCheck(config, view?.size, {
      size,
      position,
      previous,
      knownTo,
      expectedAt: (entry) => expectedAt(owner, entry),
      created: versions,
    }),
  });
  const { frontier } = proof;
  const newView = verifyFullTreeHead({ config, head: response.fullTreeHead, view, size, proof, frontier, nowMs });
  const next = { position, version: versions.at(-1) as number };
  const { entries, upcoming } = owner;
  const monitored = proof.result.distinguished ? entries : addToMonitorMap(entries, next);
  const state = withoutUnneeded({ ...owner, upcoming: [...upcoming, next], entries: monitored, ladder });
  const proved = !proof.result.distinguished;
  return { view: newView, logRoot: proof.root, owner: state, position, created: made, proved };
}

type Committed = Pick<CreatedVersion, 'version' | 'commitment'>;

/** Returns the skipped versions, which are in the tree under a commitment of zeros (KT §9.1). */
function skippedVersions(previous: number | undefined, { skippedVersions: count = 0 }: UpdateResponse): Committed[] {
  ensure(count <= 0xff, 'bad-ladder', 'too many skipped versions');
  const commitment = new Uint8Array(HASH_LENGTH);
  return Array.from({ length: count }, (_, i) => ({ version: (previous ?? -1) + 1 + i, commitment }));
}

/** Returns the new versions, starting at `first`, with the commitments that they open. */
function openVersions(
  config: Configuration,
  request: UpdateRequest,
  { values: reported, info }: UpdateResponse,
  first: number,
): CreatedVersion[] {
  const values = reported.length > 0 ? reported : request.values;
  const { label } = request;
  ensure(
    info.length > 0 && info.length === values.length,
    'bad-ladder',
    'the response does not have one opening for each value',
  );
  ensure(first + info.length - 1 <= GREATEST_VERSION, 'bad-ladder', 'a version above 2^32-1');
  return info.map(({ opening, signature }, i) => {
    const version = first + i;
    const update = { value: values[i] as Uint8Array, signature };
    verifyUpdateValue(config, label, version, update);
    return { version, value: update.value, opening, commitment: commit({ opening, label, version, update }) };
  });
}

/** Returns the search keys in the untrusted ladder: of versions unknown to the owner. */
function verifySteps(
  config: Configuration,
  owner: OwnerState,
  { binaryLadder }: UpdateResponse,
  created: readonly Committed[],
): readonly KnownVersion[] {
  const suite = cipherSuite(config.cipherSuite);
  const made = new Map(created.map(({ version, commitment }) => [version, commitment]));
  const versions = ownerUpdateLadder(greatestKnown(owner), [...made.keys()]);
  ensure(binaryLadder.length === versions.length, 'bad-ladder', 'the binary ladder has the wrong number of steps');
  const shown = versions.map((version, i) => {
    const { proof, commitment } = binaryLadder[i] as BinaryLadderStep;
    // The ladders of two versions diverge above the smaller one: the owner holds all versions that existed before.
    ensure(commitment === undefined, 'bad-ladder', `commitment of version ${version}`);
    const vrfOutput = suite.verifyVrf(config.vrfPublicKey, encodeVrfInput(owner.label, version), proof);
    return { version, vrfOutput, commitment: made.get(version) };
  });
  // New versions whose search keys the owner already knows, from the ladder of the previous version.
  const known = ladderKeys(owner.ladder);
  const others = created.flatMap(({ version, commitment }) => {
    const vrfOutput = versions.includes(version) ? undefined : known.get(version)?.vrfOutput;
    return vrfOutput === undefined ? [] : [{ version, vrfOutput, commitment }];
  });
  return [...shown, ...others];
}
