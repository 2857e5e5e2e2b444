import { formatAddCheckpoint } from '../../../src/core/audit/add-checkpoint.ts';
import { signCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import type { NoteSigner } from '../../../src/core/audit/note.ts';
import { emptyRoot, leafHash, rfc6962NodeHasher } from '../../../src/core/audit/rfc6962.ts';
import { assembleProof, planConsistency } from '../../../src/core/audit/rfc6962-prove.ts';
import { encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { foldNodes } from '../../../src/core/log/compact-range.ts';
import { balancedNodes, type TreeNode } from '../../../src/core/log/tree-node.ts';
import { testNoteSigner } from '../../core/audit/test-signer.ts';

/** A log of made-up entries, which can be forked at any size. */
export class WitnessTestLog {
  readonly signer: NoteSigner;
  readonly #branch: (index: number) => string;

  constructor(origin = 'log.example/one', seed = 1, branch: (index: number) => string = () => 'main') {
    this.signer = testNoteSigner(origin, seed);
    this.#branch = branch;
  }

  /** The same log, with other entries from `size` on. */
  fork(size: number): WitnessTestLog {
    const { vkey } = this.signer;
    return new WitnessTestLog(vkey.name, 1, (index) => (index < size ? 'main' : 'fork'));
  }

  get origin(): string {
    return this.signer.vkey.name;
  }

  root(size: number): Uint8Array {
    return size === 0 ? emptyRoot() : this.#fold(balancedNodes(0, size));
  }

  /** The signed checkpoint of a size. */
  checkpoint(size: number, signers: readonly NoteSigner[] = [this.signer]): Promise<string> {
    return signCheckpoint({ origin: this.origin, size, rootHash: this.root(size), extensions: [] }, signers);
  }

  proof(oldSize: number, newSize: number): Uint8Array[] {
    return assembleProof(planConsistency(oldSize, newSize), (node) => this.#value(node));
  }

  /** The request of an honest log. */
  async request(oldSize: number, size: number): Promise<string> {
    const proof = this.proof(oldSize, size);
    return formatAddCheckpoint({ oldSize, proof, checkpoint: await this.checkpoint(size) });
  }

  #value({ level, index }: TreeNode): Uint8Array {
    if (level === 0) return leafHash(encodeUtf8(`${this.#branch(index)} ${index}`));
    const [left, right] = [
      this.#value({ level: level - 1, index: 2 * index }),
      this.#value({ level: level - 1, index: 2 * index + 1 }),
    ];
    return rfc6962NodeHasher.parent(left, level - 1, right, level - 1);
  }

  #fold(nodes: readonly TreeNode[]): Uint8Array {
    const head = foldNodes(
      nodes.map((node) => ({ level: node.level, value: this.#value(node) })),
      rfc6962NodeHasher,
    );
    if (head === undefined) throw new Error('no nodes');
    return head;
  }
}
