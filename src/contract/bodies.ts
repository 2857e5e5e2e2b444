import type { SignedChange } from '../identity/change-request.ts';

/**
 * The requester's evidence of the right to a certificate.
 *
 * - `application-token`: the bearer token in the Authorization header; the application vouches for the identity.
 * - `key`: no token: a renewal of a key that the record certifies, or a change that such a key signed.
 * - `grant`: a registration grant that the application gave to the device (`POST /v1/registration-grants`).
 * - `email`: the mailed code of a challenge (`POST /v1/email-challenges`) that was requested with the same key.
 * - `oidc`: an ID token of an OpenID provider, made for the key of the CSR: its nonce is base64url(SHA-256(SPKI)).
 */
export type RequestEvidence =
  | { readonly type: 'application-token' }
  | { readonly type: 'key' }
  | { readonly type: 'oidc'; readonly token: string }
  | { readonly type: 'grant'; readonly grant: string }
  | { readonly type: 'email'; readonly challenge: string; readonly code: string };

/** A {@link SignedChange} in JSON: every field in base64. */
export interface ChangeBody {
  /** The encoded ChangeRequest. */
  readonly request: string;
  /** SHA-256 of the signer's SubjectPublicKeyInfo. */
  readonly signer: string;
  readonly signature: string;
}

/** The owner's knowledge of the identity. The proof in the answer then covers what was created since (KT §13.5). */
export interface OwnerKnowledge {
  /** The greatest version that the owner knows; absent if the owner knows that there was none. */
  readonly greatestVersion?: number | undefined;
}

/** JSON of `POST /v1/certificates`: register, add, renew, rotate. */
export interface CertificateRequestBody {
  /** The identity as typed. */
  readonly identity: string;
  /** A PKCS#10 request in PEM. */
  readonly csr: string;
  /** Default: `key` if there is a change, else `application-token`. */
  readonly evidence?: RequestEvidence;
  readonly change?: ChangeBody;
  /** Size of the client's tree head; the proof in the answer starts from it. */
  readonly last?: number;
  readonly owner?: OwnerKnowledge;
}

/** JSON of `POST /v1/email-challenges`: mail a code to an address. */
export interface EmailChallengeRequest {
  /** The e-mail address as typed. */
  readonly identity: string;
  /** A PKCS#10 request in PEM for the key to register. */
  readonly csr: string;
}

/** JSON answer of `POST /v1/email-challenges`. It does not reveal if the name or the address exists. */
export interface EmailChallengeAnswer {
  /** Names the challenge: 22 characters of base64url. */
  readonly challenge: string;
  readonly expiresInSeconds: number;
}

/** A parsed body of `POST /v1/registration-grants`. */
export interface RegistrationGrantRequest {
  /** The identity as typed. */
  readonly identity: string;
  /** Of the only key that may be registered. JSON: `key`, in base64. Default: any key. */
  readonly spkiSha256: Uint8Array | undefined;
  /** JSON: `lifetimeSeconds`. */
  readonly lifetimeMs: number | undefined;
}

/** JSON answer of `POST /v1/registration-grants`. It does not reveal if the name is registered. */
export interface RegistrationGrantAnswer {
  /** A secret of the device until it is used. */
  readonly grant: string;
  readonly expiresInSeconds: number;
}

/** A parsed body of `POST /v1/acme-keys`. */
export interface AcmeKeyRequest {
  /** The only name that the account may order, as typed. Default: every name that the application may vouch for. */
  readonly identity: string | undefined;
  /** JSON: `lifetimeSeconds`. */
  readonly lifetimeMs: number | undefined;
  /** False if the application vouches for no name of the account. Default: true. */
  readonly vouches: boolean | undefined;
}

/** JSON answer of `POST /v1/acme-keys`: what an ACME client needs for its account. */
export interface AcmeKeyAnswer {
  readonly keyId: string;
  /** The MAC key, in base64url. A secret of the client. */
  readonly hmacKey: string;
  readonly expiresInSeconds: number;
  /** The URL of the directory, where the client begins. */
  readonly directory: string;
}

/** A parsed {@link CertificateRequestBody}. The CSR is still PEM, its content unchecked. */
export interface CertificateRequest {
  readonly identity: string;
  readonly csr: string;
  readonly evidence: RequestEvidence;
  readonly change: SignedChange | undefined;
  readonly last: number | undefined;
  readonly owner?: OwnerKnowledge | undefined;
}

/** JSON answer of `POST /v1/certificates`. */
export interface CertificateAnswer {
  /** The canonical identity. */
  readonly identity: string;
  /** The version of the record that holds the certificate. */
  readonly version: number;
  /** The log entry that added that version. */
  readonly position: number;
  /** Size of the tree head in the proof. */
  readonly treeSize: number;
  /** Lower-case hex. */
  readonly serial: string;
  /** The leaf, PEM. */
  readonly certificate: string;
  /** From the leaf's issuer upwards, one PEM certificate each. */
  readonly chain: readonly string[];
  /**
   * Base64 of a proof for the request's `last`: the SearchResponse for the greatest version. A request with `owner`
   * gets the UpdateResponses for what was created since instead; they are empty if the owner knows everything.
   */
  readonly proof: string;
}

/** A parsed {@link CertificateAnswer}: untrusted until its proof is verified. */
export interface CertificateResult extends Omit<CertificateAnswer, 'proof'> {
  /** The encoded SearchResponse, or the UpdateResponses if the request had `owner`. */
  readonly proof: Uint8Array;
}

/** Allowed reasons of a revocation (RFC 5280 §5.3.1), with their codes. */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
} as const satisfies Record<string, number>;

/** Name of a revocation reason. */
export type RevocationReason = keyof typeof REVOCATION_REASONS;

/** JSON of `POST /v1/revocations`: some serials, or all certificates of the identity. */
export interface RevocationBody {
  readonly identity: string;
  /** Lower-case hex, 1..255 of them. */
  readonly serials?: readonly string[];
  readonly all?: true;
  /** Default: `unspecified`. */
  readonly reason?: RevocationReason;
  readonly change?: ChangeBody;
  readonly last?: number;
  readonly owner?: OwnerKnowledge;
}

/** A parsed {@link RevocationBody}. */
export interface RevocationRequest {
  readonly identity: string;
  readonly serials: readonly string[] | 'all';
  readonly reason: RevocationReason;
  readonly change: SignedChange | undefined;
  readonly last: number | undefined;
  readonly owner?: OwnerKnowledge | undefined;
}

/** JSON answer of `POST /v1/revocations`. */
export interface RevocationAnswer {
  readonly identity: string;
  readonly version: number;
  readonly position: number;
  readonly treeSize: number;
  /** Serials of the certificates that left the record, lower-case hex. */
  readonly revoked: readonly string[];
  /**
   * Base64 of a proof for the request's `last`: the SearchResponse for the greatest version. A request with `owner`
   * gets the UpdateResponses for what was created since instead; they are empty if the owner knows everything.
   */
  readonly proof: string;
}

/** A parsed {@link RevocationAnswer}: untrusted until its proof is verified. */
export interface RevocationResult extends Omit<RevocationAnswer, 'proof'> {
  readonly proof: Uint8Array;
}
