import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { driveTiles } from '../../core/prefix/drive.ts';
import { evaluatePrefixProof } from '../../core/prefix/prefix-proof.ts';
import { type PrefixRoot, provePrefixLookups } from '../../core/prefix/prefix-tree.ts';
import type { HeldVersion } from '../../identity/continuity.ts';
import { openLink } from '../../identity/record-link.ts';
import type { VersionRow } from '../../store/ports.ts';
import { type LabelState, withCertificates } from './label-state.ts';
import type { LogContext } from './log-context.ts';
import { LogProgress } from './log-progress.ts';
import { SignedTree } from './signed-tree.ts';
import { asStored } from './stored-data.ts';

/** The parts of the pipeline that prove a label's state. */
export interface StateProver {
  readonly context: LogContext;
  readonly progress: LogProgress;
  readonly signedTree: Pick<SignedTree, 'newest'>;
}

/**
 * Returns the means to prove states for a program that serves no log, such as a command of an administrator. The server
 * may be stopped, so that the newest head is old. What is decided by an older state is proved again where it is used.
 */
export function newStateProver(context: LogContext): StateProver {
  const progress = new LogProgress(context.store, context.limits);
  const tree = new SignedTree(context, progress);
  return { context, progress, signedTree: { newest: () => tree.released() } };
}

/** A label and the key of its rows. */
export interface LabelName {
  readonly label: Uint8Array;
  readonly labelKey: Uint8Array;
}

/**
 * Returns the greatest version of a label, proved from the signed prefix tree: its record opens its commitment, the
 * tree holds that commitment, and holds no later version. Returns undefined for a label that the tree does not hold.
 * Waits for the release of a version that is only committed. Throws `erased`, `timed-out`, `storage-corrupt` if a row
 * is not what was signed, and what {@link SignedTree.newest} throws.
 */
export async function readProvedState(
  { context, progress, signedTree }: StateProver,
  name: LabelName,
  deadline: { leftMs(): number },
): Promise<LabelState | undefined> {
  for (;;) {
    const { size, root } = await signedTree.newest();
    // After the tree, so that every version in the tree is committed by now.
    const found = await context.store.readLabelAt(name.labelKey, Number.MAX_SAFE_INTEGER);
    const greatest = found?.greatest;
    if (greatest !== undefined && greatest.position >= size) {
      await progress.waitForRelease(greatest.position + 1, deadline.leftMs());
      continue;
    }
    const held = await proveGreatest(context, root, name.label, greatest);
    return held && greatest && withCertificates(held, greatest.position);
  }
}

/**
 * Compares the stored greatest version of a label, or that there is none, with a trusted prefix tree. Returns the
 * version with its record. Throws `storage-corrupt`, `erased`.
 */
export async function proveGreatest(
  { vrf, readPrefixTiles }: Pick<LogContext, 'vrf' | 'readPrefixTiles'>,
  root: PrefixRoot,
  label: Uint8Array,
  greatest: VersionRow | undefined,
): Promise<HeldVersion | undefined> {
  const versions = greatest === undefined ? [0] : [greatest.version, greatest.version + 1];
  const keys = (await vrf.evaluate(label, versions)).map(({ output }) => output);
  const proof = await driveTiles(provePrefixLookups(root, keys), readPrefixTiles);
  assertStored(proof.results.at(-1)?.type !== 'inclusion', 'the log has a later version of a label than the database');
  if (greatest === undefined) return undefined;
  const { version, commitment, opening, value } = greatest;
  const searches = keys.map((vrfOutput, i) => ({ vrfOutput, commitment: i === 0 ? commitment : undefined }));
  const isOther = `version ${version} of a label is not the one in the log`;
  const isLeaf =
    proof.results[0]?.type === 'inclusion' &&
    equalBytes(
      asStored(isOther, () => evaluatePrefixProof(proof, searches)),
      root.hash,
    );
  assertStored(isLeaf, isOther);
  ensure(opening !== undefined && value !== undefined, 'erased', 'the identity was erased');
  const isNone = `version ${version} of a label is stored as no record`;
  const held = asStored(isNone, () => openLink(label, version, { opening, value }));
  assertStored(equalBytes(held.commitment, commitment), `version ${version} of a label does not open its commitment`);
  return held;
}

function assertStored(holds: boolean, message: string): asserts holds {
  if (!holds) throw new GlasskeyError('storage-corrupt', message);
}
