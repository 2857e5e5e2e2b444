/** Most bytes of a JSON request body. A CSR with an RSA-4096 key is below 3 KB. */
export const MAX_JSON_BODY_BYTES = 64 * 1024;

/**
 * Most bytes of a TLS-encoded KEYTRANS request: a label of 255 bytes, a monitoring map of 255 entries, a few integers.
 */
export const MAX_KEYTRANS_BODY_BYTES = 4096;

/** Most bytes of a TLS-encoded batch of lookups: 64 labels of 255 bytes, and a size. */
export const MAX_LOOKUP_BATCH_BODY_BYTES = 17 * 1024;

/** Most bytes of an OCSP request. One question has about 80 bytes; a signed request carries certificates. */
export const MAX_OCSP_REQUEST_BYTES = 4096;

/** Most characters of an OCSP request in the path of a GET: room for three questions. */
export const MAX_OCSP_PATH_CHARACTERS = 1024;

/** Most characters of an identity as typed, before it is canonicalised. */
export const MAX_IDENTITY_CHARACTERS = 1024;

/** Most characters of a CSR in PEM. */
export const MAX_CSR_CHARACTERS = 16 * 1024;

/** Most characters of an OpenID Connect ID token. */
export const MAX_ID_TOKEN_CHARACTERS = 16 * 1024;

/** Most characters of a registration grant. */
export const MAX_GRANT_CHARACTERS = 128;

/** Longest time in which a registration grant can be used, seconds. */
export const MAX_GRANT_SECONDS = 86_400;

/** Longest time in which the key of an external account binding can be used, seconds: 30 days. */
export const MAX_ACME_KEY_SECONDS = 2_592_000;

/** Most characters of a mailed code, as typed. */
export const MAX_CODE_CHARACTERS = 64;

/** Most serials in one revocation: as many as a record can hold. */
export const MAX_SERIALS = 255;

/** Most characters of a trust bundle. */
export const MAX_BUNDLE_CHARACTERS = 256 * 1024;
