import { commit } from '../crypto/commitment.ts';
import { cipherSuite } from '../crypto/cipher-suite.ts';
import { ensure } from '../errors.ts';
import { HASH_LENGTH } from '../prefix/prefix-hash.ts';
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

/** A new version that is in the log. */
export interface CreatedVersion {
  readonly version: number;
  readonly value: Uint8Array;
  readonly opening: Uint8Array;
  readonly commitment: Uint8Array;
}

/**
 * New versions that were inserted correctly. Whether the owner made them is for the owner to say. Where the log entry that
 * created them is distinguished, their values are not shown to be in the log before `verifyOwnerMonitor` is through:
 * the draft leaves that entry to it (KT §9.1 step 3), so an answer of this kind alone is no proof of inclusion.
 */
export interface VerifiedUpdate {
  /** To be retained in the place of the view that was advertised. */
  readonly view: TreeView;
  /** Root of the log tree at `view.size`. */
  readonly logRoot: Uint8Array;
  /** To be retained in the place of the state that was sent. */
  readonly owner: OwnerState;
  /** The log entry that created the versions. */
  readonly position: number;
  /** Ascending; without versions that were skipped. */
  readonly created: readonly CreatedVersion[];
  /**
   * Whether the log entry was shown to hold them. If not, it is distinguished, and the next monitoring shows it (KT §9.1
   * step 3): nothing is to be concluded from the values before.
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

/** The versions of an answer's `binary_ladder`, ascending (KT §9.1). `created` ascend. */
export function ownerUpdateLadder(previous: number | undefined, created: readonly number[]): readonly number[] {
  const greatest = created.at(-1);
  ensure(greatest !== undefined, 'usage', 'no new version');
  const held = new Set(previous === undefined ? [0] : baseBinaryLadder(previous));
  const versions = new Set([...baseBinaryLadder(greatest), ...(created.length > 1 ? created : [])]);
  return [...versions].filter((version) => !held.has(version)).sort((a, b) => a - b);
}

/**
 * Verifies one untrusted `UpdateResponse` (KT §13.5) to a request with the owner's greatest version. `request.last` must be
 * the size of `context.view`. Nothing is to be stored unless this returns. Throws `unexpected-version` where the log held
 * another version before the one that it tells of, `version-rolled-back`, `bad-commitment`, `bad-ladder`, and other
 * verification errors.
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

/** Version counters that nobody uses: in the tree under a commitment of zeros (KT §9.1). */
function skippedVersions(previous: number | undefined, { skippedVersions: count = 0 }: UpdateResponse): Committed[] {
  ensure(count <= 0xff, 'bad-ladder', 'too many skipped versions');
  const commitment = new Uint8Array(HASH_LENGTH);
  return Array.from({ length: count }, (_, i) => ({ version: (previous ?? -1) + 1 + i, commitment }));
}

/** The new versions, the first of which is `first`, with the commitments that they open. */
function openVersions(
  config: Configuration,
  request: UpdateRequest,
  { values: told, info }: UpdateResponse,
  first: number,
): CreatedVersion[] {
  const values = told.length > 0 ? told : request.values;
  const { label } = request;
  ensure(info.length > 0 && info.length === values.length, 'bad-ladder', 'not one opening for each value');
  ensure(first + info.length - 1 <= GREATEST_VERSION, 'bad-ladder', 'a version above 2^32-1');
  return info.map(({ opening, signature }, i) => {
    const version = first + i;
    const update = { value: values[i] as Uint8Array, signature };
    verifyUpdateValue(config, label, version, update);
    return { version, value: update.value, opening, commitment: commit({ opening, label, version, update }) };
  });
}

/** What the untrusted ladder tells: search keys of versions that the owner did not know. */
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
    // The ladders of two versions part above the smaller one: the owner holds all that existed before.
    ensure(commitment === undefined, 'bad-ladder', `commitment of version ${version}`);
    const vrfOutput = suite.verifyVrf(config.vrfPublicKey, encodeVrfInput(owner.label, version), proof);
    return { version, vrfOutput, commitment: made.get(version) };
  });
  // A new version whose search key the owner knows already, from the ladder of the previous one.
  const known = ladderKeys(owner.ladder);
  const others = created.flatMap(({ version, commitment }) => {
    const vrfOutput = versions.includes(version) ? undefined : known.get(version)?.vrfOutput;
    return vrfOutput === undefined ? [] : [{ version, vrfOutput, commitment }];
  });
  return [...shown, ...others];
}
