import type { SearchResponse } from '../../core/keytrans/messages.ts';
import type { SignedChange } from '../../identity/change-request.ts';

/** Evidence that is not an application's token. Untrusted. */
export type OwnEvidence =
  | { readonly type: 'oidc'; readonly token: string }
  | { readonly type: 'email'; readonly challengeId: Uint8Array; readonly code: string };

/** A request for a certificate, as it came in. Everything in it is untrusted. */
export interface CertificateOrder {
  /** The identity as typed. */
  readonly identity: string;
  /** A PKCS#10 request: PEM text, or DER. */
  readonly csr: string | Uint8Array;
  /** The application token that came with it, if one did. */
  readonly token: string | undefined;
  /** What else vouches for the identity. It is looked at where neither a token nor a change does. */
  readonly evidence?: OwnEvidence | undefined;
  /** Whether evidence is verified before anything of the identity is read: also where the same request was answered before. */
  readonly proveFirst?: boolean;
  readonly change: SignedChange | undefined;
  /** Size of the tree head that the client holds. */
  readonly last: number | undefined;
  /** Our own name for the request, for the trail. */
  readonly requestId?: string | undefined;
}

/** A certificate that is in the released log. */
export interface IssuedCertificate {
  /** The canonical identity. */
  readonly identity: string;
  /** The version that brought the certificate. */
  readonly version: number;
  /** The log entry that added that version. */
  readonly position: number;
  /** Size of the tree head in the proof. */
  readonly treeSize: number;
  /** Lower-case hex. */
  readonly serial: string;
  /** The leaf, DER. */
  readonly certificate: Uint8Array;
  /** DER, from the leaf's issuer upwards. */
  readonly chain: readonly Uint8Array[];
  /** The greatest version of the identity, for the request's `last`. */
  readonly proof: SearchResponse;
}

/** A request to revoke certificates, as it came in. Everything in it is untrusted. */
export interface RevocationOrder {
  /** The identity as typed. */
  readonly identity: string;
  /** Lower-case hex, or all that the record holds. */
  readonly serials: readonly string[] | 'all';
  /** RFC 5280 reason code. */
  readonly reason: number;
  readonly token: string | undefined;
  readonly change: SignedChange | undefined;
  /** Size of the tree head that the client holds. */
  readonly last: number | undefined;
  /** Our own name for the request, for the trail. */
  readonly requestId?: string | undefined;
}

/** A revocation that is in the released log. */
export interface RevokedCertificates {
  /** The canonical identity. */
  readonly identity: string;
  /** The version without the certificates. */
  readonly version: number;
  /** The log entry that added that version. */
  readonly position: number;
  /** Size of the tree head in the proof. */
  readonly treeSize: number;
  /** Serials that were asked for and are revoked, lower-case hex. */
  readonly revoked: readonly string[];
  /** The greatest version of the identity, for the request's `last`. */
  readonly proof: SearchResponse;
}
