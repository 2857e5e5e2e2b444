import type { ClientState, LeafNode } from 'ts-mls';
import { deviceIdOf } from '../bytes.ts';

/** SubjectPublicKeyInfo of an Ed25519 key, before its 32 bytes (RFC 8410 §4). */
const SPKI_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);

/** Returns the leaf of a member; undefined if nobody is there. */
export function leafAt({ ratchetTree }: ClientState, leafIndex: number): LeafNode | undefined {
  const node = ratchetTree[2 * leafIndex];
  return node?.nodeType === 'leaf' ? node.leaf : undefined;
}

/** Returns all leaves of a group. */
export function leavesIn({ ratchetTree }: ClientState): readonly LeafNode[] {
  return ratchetTree.flatMap((node) => (node?.nodeType === 'leaf' ? [node.leaf] : []));
}

/** Returns the id of the device of a leaf: that of its inbox, and of its key in the log. */
export function deviceOfLeaf({ signaturePublicKey }: LeafNode): Promise<string> {
  return deviceIdOf({ spki: Uint8Array.of(...SPKI_PREFIX, ...signaturePublicKey) });
}

/** Returns the id of the device at a leaf; undefined if nobody is there. */
export async function deviceAt(state: ClientState, leafIndex: number): Promise<string | undefined> {
  const leaf = leafAt(state, leafIndex);
  return leaf && deviceOfLeaf(leaf);
}

/** Returns the certificate of a leaf, DER; undefined if it has no X.509 credential. */
export function certificateOf({ credential }: LeafNode): Uint8Array | undefined {
  return credential.credentialType === 'x509' ? credential.certificates[0] : undefined;
}
