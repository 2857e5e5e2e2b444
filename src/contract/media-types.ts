/** TLS-encoded KEYTRANS messages, both ways (`docs/spec.md#http`). */
export const KEYTRANS_MEDIA_TYPE = 'application/vnd.glasskey.keytrans';

/** Request bodies and answers of `/v1/`. */
export const JSON_MEDIA_TYPE = 'application/json';

/** Pages for people. */
export const HTML_MEDIA_TYPE = 'text/html; charset=utf-8';

/** Every failure, also of TLS-encoded requests (RFC 9457). */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** PEM certificates (RFC 8555 §9.1). */
export const PEM_MEDIA_TYPE = 'application/pem-certificate-chain';

/** One DER certificate (RFC 2585). */
export const CERTIFICATE_MEDIA_TYPE = 'application/pkix-cert';

/** A DER CRL (RFC 2585). */
export const CRL_MEDIA_TYPE = 'application/pkix-crl';

/** A DER OCSP request (RFC 6960 appendix C.1). */
export const OCSP_REQUEST_MEDIA_TYPE = 'application/ocsp-request';

/** A DER OCSP response (RFC 6960 appendix C.2). */
export const OCSP_RESPONSE_MEDIA_TYPE = 'application/ocsp-response';

/** A flattened JWS (RFC 7515 §9.2.1): every request of an ACME client. */
export const JOSE_MEDIA_TYPE = 'application/jose+json';

/** A mail (RFC 5322), as a mail server hands it over. */
export const MAIL_MEDIA_TYPE = 'message/rfc822';

/** PKCS#7 that holds only certificates, in base64 (RFC 7030 §4.1.3). */
export const CERTS_ONLY_MEDIA_TYPE = 'application/pkcs7-mime; smime-type=certs-only';

/** A PKCS#10 request in base64 (RFC 7030 §4.2.1). */
export const CSR_MEDIA_TYPE = 'application/pkcs10';

/** The requested contents of a PKCS#10 request, in base64 (RFC 7030 §4.5.2). */
export const CSR_ATTRIBUTES_MEDIA_TYPE = 'application/csrattrs';

/** Returns the media type of a Content-Type header in lower case, without parameters; empty if there is no header. */
export function mediaTypeOf(contentType: string | null | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** The header that carries a lookup token. `Authorization` may hold an application token at the same time. */
export const LOOKUP_TOKEN_HEADER = 'glasskey-lookup-token';
