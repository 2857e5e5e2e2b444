import { rfc6962NodeHasher } from '../../core/audit/rfc6962.ts';
import {
  assembleProof,
  nodesOfPlan,
  planConsistency,
  planInclusion,
  type ProofPlan,
} from '../../core/audit/rfc6962-prove.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { foldNodes } from '../../core/log/compact-range.ts';
import type { TreeEdge } from '../../core/log/tiled-tree.ts';
import { balancedNodes, type TreeNode } from '../../core/log/tree-node.ts';
import type { LogStore } from '../../store/ports.ts';
import { LogNodeReader } from './log-node-reader.ts';

/** Proofs in the audit log's tree (RFC 6962 §2.1), from its stored tiles and an edge at least as large. */
export class AuditProofs {
  readonly #reader: LogNodeReader;

  /** `cacheSize` is in tiles. */
  constructor(store: Pick<LogStore, 'readLogTiles'>, cacheSize: number) {
    this.#reader = new LogNodeReader(store, 'audit', rfc6962NodeHasher, cacheSize);
  }

  /** Drops the cache, for a log that has lost entries. */
  clear(): void {
    this.#reader.clear();
  }

  /** Returns the root of the tree of `size` leaves; 0 < size <= that of the edge. */
  async root(size: number, edge: TreeEdge): Promise<Uint8Array> {
    const nodes = balancedNodes(0, size);
    const values = await this.#reader.readNodes(nodes, edge);
    const root = foldNodes(
      nodes.map(({ level }, i) => ({ level, value: values[i] as Uint8Array })),
      rfc6962NodeHasher,
    );
    if (root === undefined) throw new GlasskeyError('internal', 'a tree with leaves has a root');
    return root;
  }

  /** Returns the consistency proof between two sizes, none larger than the edge's. Throws `value-out-of-range`. */
  consistency(oldSize: number, size: number, edge: TreeEdge): Promise<Uint8Array[]> {
    return this.#prove(planConsistency(oldSize, size), edge);
  }

  /** Returns the inclusion proof of a leaf in the tree of `size` leaves. Throws `value-out-of-range`. */
  inclusion(index: number, size: number, edge: TreeEdge): Promise<Uint8Array[]> {
    return this.#prove(planInclusion(index, size), edge);
  }

  async #prove(plan: ProofPlan, edge: TreeEdge): Promise<Uint8Array[]> {
    const nodes = nodesOfPlan(plan);
    const values = await this.#reader.readNodes(nodes, edge);
    const byNode = new Map<string, Uint8Array>(nodes.map((node, i) => [nodeKey(node), values[i] as Uint8Array]));
    return assembleProof(plan, (node) => byNode.get(nodeKey(node)) as Uint8Array);
  }
}

function nodeKey({ level, index }: TreeNode): string {
  return `${level}:${index}`;
}
