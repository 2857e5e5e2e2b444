import { equalBytes, formatHex } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { type AkdConfiguration, DIGEST_BYTES, LABEL_BYTES, viewOf } from './akd-configuration.ts';
import { orderNodes } from './ordered-nodes.ts';
import { decodeProofNodes } from './proof-nodes.ts';
import { treeRoot } from './tree-root.ts';

/** A step of a log that an untrusted proof claims: from one root to the next. */
export interface ClaimedStep {
  /** The epoch that the proof leads to, 1 to 2^53-1. */
  readonly endEpoch: number;
  /** Root hash before, 32 bytes. */
  readonly previous: Uint8Array;
  /** Root hash after, 32 bytes. */
  readonly current: Uint8Array;
}

/** Numbers of nodes of a proof. */
export interface ProofSize {
  readonly inserted: number;
  readonly unchanged: number;
}

/**
 * Verifies an untrusted append-only proof of AKD: the tree with root `current` has every leaf of the tree with root
 * `previous`, unchanged, and the inserted ones. Both roots follow by {@link treeRoot} from the sets of nodes, and the
 * inserted leaves are hashed with `endEpoch`.
 *
 * Throws `malformed-encoding` for bytes that are no proof, `bad-auditor-update` for a proof that does not hold, `usage`
 * for one with more than `maxNodes` nodes.
 */
export function verifyAppendOnly(
  configuration: AkdConfiguration,
  { endEpoch, previous, current }: ClaimedStep,
  bytes: Uint8Array,
  maxNodes: number,
): ProofSize {
  const nodes = decodeProofNodes(bytes, maxNodes);
  const { inserted, count, labels } = nodes;
  const [labelView, values] = [viewOf(labels), viewOf(nodes.values)];
  const order = orderNodes(nodes);
  for (let node = 0; node < inserted; node++) configuration.hashLeaf(values, node * DIGEST_BYTES, endEpoch);
  const children = new DataView(new ArrayBuffer(count * configuration.childBytes));
  for (let node = 0; node < count; node++) {
    const at = node * configuration.childBytes;
    configuration.writeChild(values, node * DIGEST_BYTES, labelView, node * LABEL_BYTES, children, at);
  }
  const unchanged = order.filter((node) => node >= inserted);
  assertRoot(treeRoot(configuration, { labels, children }, unchanged), previous, 'unchanged nodes', 'previous');
  assertRoot(treeRoot(configuration, { labels, children }, order), current, 'nodes', 'current');
  return { inserted, unchanged: count - inserted };
}

function assertRoot(root: Uint8Array, named: Uint8Array, nodes: string, which: string): void {
  const message = `the ${nodes} have the root ${formatHex(root)}, not the ${which} hash ${formatHex(named)}`;
  ensure(equalBytes(root, named), 'bad-auditor-update', message);
}
