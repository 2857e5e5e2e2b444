import { createHash } from 'node:crypto';

interface Entry {
  readonly timestampMs: number;
  readonly prefixRoot: Uint8Array;
}

/** A node of the log tree, straight from KT §11.8. */
function node(entries: readonly Entry[]): { value: Uint8Array; isLeaf: boolean } {
  const hash = createHash('sha256');
  if (entries.length === 1) {
    const timestamp = Buffer.alloc(8);
    timestamp.writeBigUInt64BE(BigInt(entries[0]!.timestampMs));
    return { value: new Uint8Array(hash.update(timestamp).update(entries[0]!.prefixRoot).digest()), isLeaf: true };
  }
  let split = 1;
  while (split * 2 < entries.length) split *= 2;
  for (const child of [node(entries.slice(0, split)), node(entries.slice(split))]) {
    hash.update(Buffer.from([child.isLeaf ? 0 : 1])).update(child.value);
  }
  return { value: new Uint8Array(hash.digest()), isLeaf: false };
}

/** Root of the log tree over exactly `entries`. */
export function naiveRootOf(entries: readonly Entry[]): Uint8Array {
  return node(entries).value;
}

/** Head of the balanced subtree over the leaves index*2^level up to (index+1)*2^level. */
export function naiveNode(
  entries: readonly Entry[],
  { level, index }: { readonly level: number; readonly index: number },
): Uint8Array {
  const width = 2 ** level;
  if ((index + 1) * width > entries.length) throw new Error(`no balanced subtree ${level}/${index}`);
  return node(entries.slice(index * width, (index + 1) * width)).value;
}
