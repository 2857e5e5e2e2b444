import type { TrustAnchors } from '../../ca/path/index.ts';

/** The settings of the ACME server. */
export interface AcmeSettings {
  /** The server's URL as clients see it, without a slash at the end: ACME signs over whole URLs. */
  readonly url: string;
  /** Proofs of addresses by a reply (RFC 8823); undefined: there are none. */
  readonly mail?: AcmeMailSettings | undefined;
  /** Proofs of devices by an attestation; undefined: there are none. */
  readonly attest?: AcmeAttestSettings | undefined;
}

/** The settings of proofs by an attestation (draft-ietf-acme-device-attest). */
export interface AcmeAttestSettings {
  /** The roots whose attestations count. */
  readonly roots: TrustAnchors;
  /**
   * The beginning of devices' names, a URN; the serial number follows. Over ACME such a name takes an attestation,
   * whatever the account may order.
   */
  readonly prefix: string;
}

/** The settings of proofs by a reply. */
export interface AcmeMailSettings {
  /** The sender of challenges, to whom replies go. */
  readonly from: string;
  /** Challenges to one address in an hour, and codes with them. */
  readonly mailsPerHour: number;
  /** The name in `Authentication-Results` under which the operator's mail server reports. */
  readonly authservId: string;
  /** The secret with which the mail server hands replies over. */
  readonly secret: string;
}

/** Time in which an order can be used, ms. Its certificate can be fetched as long. */
export const ORDER_LIFETIME_MS = 86_400_000;

/** Most orders that one account has at a time. */
export const MAX_ACME_ORDERS = 1_000;

/** Time after which an account that orders nothing is forgotten, ms: longer than any certificate of the defaults. */
export const ACCOUNT_LIFETIME_MS = 400 * 86_400_000;

/** Most accounts of one application at a time. */
export const MAX_ACCOUNTS = 10_000;

/** Time in which a nonce can be used, ms. */
export const NONCE_LIFETIME_MS = 3_600_000;

/** Time in which a binding key admits an account, ms, unless its application says otherwise. */
export const BINDING_LIFETIME_MS = 86_400_000;
