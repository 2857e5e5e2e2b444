import { ensure } from '../errors.ts';
import { foldNodes } from '../log/compact-range.ts';
import { balancedNodes, splitPoint, type TreeNode } from '../log/tree-node.ts';
import { rfc6962NodeHasher } from './rfc6962.ts';

/**
 * The plan of a proof: for each of its hashes, the balanced subtrees from which it is folded, left to right. Only a
 * hash on the tree's right edge takes more than one.
 */
export type ProofPlan = readonly (readonly TreeNode[])[];

/**
 * Plans the inclusion proof of leaf `index` in a tree of `size` leaves, from the leaf's sibling upwards (RFC 6962
 * §2.1.1). Throws `value-out-of-range`.
 */
export function planInclusion(index: number, size: number): ProofPlan {
  ensure(index >= 0 && index < size, 'value-out-of-range', 'the leaf is not in a tree of this size');
  const plan: TreeNode[][] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    plan.push(index < middle ? balancedNodes(middle, end) : balancedNodes(start, middle));
    [start, end] = index < middle ? [start, middle] : [middle, end];
  }
  return plan.toReversed();
}

/**
 * Plans the consistency proof between the trees of `oldSize` and `newSize` leaves (RFC 6962 §2.1.2). The plan is empty
 * if they are equal or the old one is empty. Throws `value-out-of-range`.
 */
export function planConsistency(oldSize: number, newSize: number): ProofPlan {
  ensure(oldSize >= 0 && oldSize <= newSize, 'value-out-of-range', 'the old tree is larger than the new one');
  if (oldSize === 0 || oldSize === newSize) return [];
  const plan = planOldTree(oldSize, newSize);
  // If the old tree is a subtree of the new one, the verifier knows its root.
  const isSubtree = plan[0]?.[0]?.index === 0;
  return isSubtree ? plan.slice(1) : plan;
}

/**
 * Plans the hashes from which the roots of the trees of `oldSize` and `newSize` leaves both follow, 0 < oldSize <
 * newSize: see `evaluateConsistency`.
 */
export function planOldTree(oldSize: number, newSize: number): ProofPlan {
  const plan: TreeNode[][] = [];
  let [start, end] = [0, newSize];
  while (end > oldSize) {
    const middle = start + splitPoint(end - start);
    plan.push(oldSize <= middle ? balancedNodes(middle, end) : balancedNodes(start, middle));
    [start, end] = oldSize <= middle ? [start, middle] : [middle, end];
  }
  plan.push(balancedNodes(start, end));
  return plan.toReversed();
}

/** Lists every node that the plan needs, in order. */
export function nodesOfPlan(plan: ProofPlan): TreeNode[] {
  return plan.flat();
}

/** Assembles the proof from the plan and the values of its nodes, given by `valueOf`. */
export function assembleProof(plan: ProofPlan, valueOf: (node: TreeNode) => Uint8Array): Uint8Array[] {
  return plan.map((nodes) => {
    const values = nodes.map((node) => ({ level: node.level, value: valueOf(node) }));
    const head = foldNodes(values, rfc6962NodeHasher);
    ensure(head !== undefined, 'internal', 'a proof hash over no leaves');
    return head;
  });
}
