import { createHash } from 'node:crypto';
import type { SignedChange } from '../../identity/change-request.ts';

/** The proof that the requester wants with its answer. Untrusted. */
export interface ProofOrder {
  /** Size of the tree head that the client holds. */
  readonly last: number | undefined;
  /**
   * `search` (default): the encoded SearchResponse for the identity's greatest version. `owner`: the encoded
   * UpdateResponses for what was created after the greatest version that the owner knows.
   */
  readonly proof?: 'search' | { readonly owner: { readonly greatestVersion?: number | undefined } } | undefined;
}

/** An encoded proof, and the size of the tree head in it. */
export interface AnswerProof {
  readonly treeSize: number;
  readonly proof: Uint8Array;
}

/** The part that all answers of the pipeline share. */
export interface Answer extends AnswerProof {
  /** The canonical identity. */
  readonly identity: string;
  readonly version: number;
  readonly position: number;
}

/** Evidence that is not an application's token. Untrusted. */
export type OwnEvidence =
  | { readonly type: 'oidc'; readonly token: string }
  | { readonly type: 'grant'; readonly grant: string }
  | { readonly type: 'email'; readonly challengeId: Uint8Array; readonly code: string };

/** A request for a certificate, as it came in. Everything in it is untrusted. */
export interface CertificateOrder extends ProofOrder {
  /** The identity as typed. */
  readonly identity: string;
  /** A PKCS#10 request: PEM text, or DER. */
  readonly csr: string | Uint8Array;
  /** The application token that came with it, if one did. */
  readonly token: string | undefined;
  /** Vouches for the identity if neither a token nor a change does. */
  readonly evidence?: OwnEvidence | undefined;
  /** If true, evidence is verified before the identity is read, even if the same request was answered before. */
  readonly proveFirst?: boolean;
  readonly change: SignedChange | undefined;
  /** Our own name for the request, for the trail. */
  readonly requestId?: string | undefined;
}

/** A certificate that is in the released log, with the version that brought it. */
export interface LoggedCertificate extends Answer {
  /** Lower-case hex. */
  readonly serial: string;
  /** The leaf, DER. */
  readonly certificate: Uint8Array;
  /** DER, from the leaf's issuer upwards. */
  readonly chain: readonly Uint8Array[];
}

/** A request to revoke certificates, as it came in. Everything in it is untrusted. */
export interface RevocationOrder extends ProofOrder {
  /** The identity as typed. */
  readonly identity: string;
  /** Lower-case hex, or all that the record holds. */
  readonly serials: readonly string[] | 'all';
  /** RFC 5280 reason code. */
  readonly reason: number;
  readonly token: string | undefined;
  readonly change: SignedChange | undefined;
  /** Our own name for the request, for the trail. */
  readonly requestId?: string | undefined;
}

/** A revocation that is in the released log, with the version without the certificates. */
export interface RevokedCertificates extends Answer {
  /** Serials that were asked for and are revoked, lower-case hex. */
  readonly revoked: readonly string[];
}

/**
 * Returns the hash that two equal requests share: of kind, identity, what is asked for, and the change. The length of
 * each part precedes it, so that no two requests run together.
 */
export function requestHash(
  kind: 'certificate' | 'revocation' | 'operator-revocation' | 'erasure' | 'recovery' | 'veto' | 'import',
  label: Uint8Array,
  asked: readonly Uint8Array[],
  change: SignedChange | undefined,
): Uint8Array {
  const hash = createHash('sha256').update(`glasskey ${kind} v1\0`);
  const changeParts = change === undefined ? [] : [change.request, change.signer, change.signature];
  for (const part of [label, ...asked, ...changeParts]) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    hash.update(length).update(part);
  }
  return new Uint8Array(hash.digest());
}
