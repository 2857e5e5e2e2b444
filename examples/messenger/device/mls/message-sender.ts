import type { ClientState, LeafIndex } from 'ts-mls';

/**
 * Returns the leaf that sent the message between two states of a group. ts-mls 1.x verifies the sender's signature and
 * does not say who it was. But a message uses up a secret of its sender alone, so the only leaf whose secrets moved is
 * the sender's. Throws if not exactly one has moved. This holds for ts-mls 1.x only: pin the version, and keep the test.
 */
export function senderBetween(before: ClientState, after: ClientState): LeafIndex {
  const moved = movedNodes(before.secretTree, after.secretTree);
  for (const [epoch, { secretTree }] of after.historicalReceiverData) {
    const earlier = before.historicalReceiverData.get(epoch)?.secretTree;
    if (earlier !== undefined) moved.push(...movedNodes(earlier, secretTree));
  }
  const [node] = moved;
  if (node === undefined || moved.length > 1) throw new Error('The sender of a message cannot be told.');
  // Leaves are the nodes of even index (RFC 9420, appendix C).
  return (node / 2) as LeafIndex;
}

function movedNodes(before: ClientState['secretTree'], after: ClientState['secretTree']): number[] {
  return after.flatMap((node, index) => (node === before[index] ? [] : [index]));
}
