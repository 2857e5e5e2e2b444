import type { Credential, RatchetTree } from 'ts-mls';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { MemberClaim } from './member-credential.ts';

/** The leaves of a ratchet tree that are not blank, by leaf index, ascending (RFC 9420 §4.2). */
export type GroupLeaves = ReadonlyMap<number, MemberClaim>;

/** Returns the leaves of a tree: they are its nodes of even index (RFC 9420 appendix C). */
export function leavesOf(tree: RatchetTree): GroupLeaves {
  const leaves = new Map<number, MemberClaim>();
  for (const [nodeIndex, node] of tree.entries()) {
    if (node?.nodeType !== 'leaf') continue;
    const { credential, signaturePublicKey } = node.leaf;
    leaves.set(nodeIndex / 2, { credential, signatureKey: signaturePublicKey });
  }
  return leaves;
}

/** Returns true if two leaves have the same credential and signature key. */
export function isSameClaim(one: MemberClaim, other: MemberClaim): boolean {
  return equalBytes(one.signatureKey, other.signatureKey) && isSameCredential(one.credential, other.credential);
}

function isSameCredential(one: Credential, other: Credential): boolean {
  if (one.credentialType !== 'x509' || other.credentialType !== 'x509') return false;
  const [certificates, others] = [one.certificates, other.certificates];
  return (
    certificates.length === others.length && certificates.every((der, i) => equalBytes(der, others[i] as Uint8Array))
  );
}
