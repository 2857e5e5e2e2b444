/** Object identifiers of public keys (RFC 3279 §2.3, RFC 5480 §2.1, RFC 8410 §3, RFC 9881 §2). */
export const KeyOid = {
  rsaEncryption: '1.2.840.113549.1.1.1',
  ecPublicKey: '1.2.840.10045.2.1',
  p256: '1.2.840.10045.3.1.7',
  p384: '1.3.132.0.34',
  p521: '1.3.132.0.35',
  rsassaPss: '1.2.840.113549.1.1.10',
  ed25519: '1.3.101.112',
  mlDsa44: '2.16.840.1.101.3.4.3.17',
  mlDsa65: '2.16.840.1.101.3.4.3.18',
} as const;

/** Object identifiers of extensions (RFC 5280 §4.2, §5.2). */
export const ExtensionOid = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  crlReason: '2.5.29.21',
  deltaCrlIndicator: '2.5.29.27',
  certificateIssuer: '2.5.29.29',
  issuingDistributionPoint: '2.5.29.28',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  policyMappings: '2.5.29.33',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  freshestCrl: '2.5.29.46',
  inhibitAnyPolicy: '2.5.29.54',
  authorityInformationAccess: '1.3.6.1.5.5.7.1.1',
} as const;

/** Object identifiers of companion keys (RFC 8410 §3, RFC 9935 §3). */
export const CompanionKeyOid = {
  x25519: '1.3.101.110',
  mlKem768: '2.16.840.1.101.3.4.4.2',
} as const;

/**
 * The arc for this project's own identifiers: UUID 2e111724-ca55-4de2-8606-4a875705275c below an arc whose owner gives
 * it away for split UUIDs. A UUID as one arc (2.25) has 128 bits, but RFC 5280 appendix B wants arcs below 2^28, and Go
 * refuses larger ones.
 */
const GLASSKEY_ARC = '1.2.840.113556.1.8000.2554.11793.5924.51797.19938.34310.4884311.337756';

/** The companion keys extension of certificates and requests (`docs/spec.md#companion-keys`). */
export const COMPANION_KEYS_OID = `${GLASSKEY_ARC}.1`;

/** Purposes in an extended key usage extension (RFC 5280 §4.2.1.12). */
export const PurposeOid = {
  any: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  /** Instant messaging URIs (RFC 9734). */
  imUri: '1.3.6.1.5.5.7.3.40',
} as const;

/** The certificate request attribute that carries extensions (PKCS#9, RFC 2985 §5.4.2). */
export const EXTENSION_REQUEST_OID = '1.2.840.113549.1.9.14';

/** `id-on-SmtpUTF8Mailbox`, the otherName of internationalised mail addresses (RFC 9598 §3). */
export const SMTP_UTF8_MAILBOX_OID = '1.3.6.1.5.5.7.8.9';

/** `id-ad-caIssuers` (RFC 5280 §4.2.2.1). */
export const CA_ISSUERS_OID = '1.3.6.1.5.5.7.48.2';

/** `id-ad-ocsp` (RFC 5280 §4.2.2.1). */
export const OCSP_ACCESS_OID = '1.3.6.1.5.5.7.48.1';

/** `id-pkix-ocsp-basic` (RFC 6960 §4.2.1). */
export const OCSP_BASIC_OID = '1.3.6.1.5.5.7.48.1.1';

/** `id-pkix-ocsp-nonce` (RFC 9654 §2.1). */
export const OCSP_NONCE_OID = '1.3.6.1.5.5.7.48.1.2';

/** `id-pkix-ocsp-nocheck` (RFC 6960 §4.2.2.2.1). */
export const OCSP_NO_CHECK_OID = '1.3.6.1.5.5.7.48.1.5';

/** `id-at-commonName` (RFC 5280 appendix A). */
export const COMMON_NAME_OID = '2.5.4.3';
