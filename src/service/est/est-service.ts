import { encodeCertsOnly } from '../../ca/certs-only.ts';
import type { ParsedCertificate } from '../../ca/certificate.ts';
import { decodeCsrPem, type ParsedCsr } from '../../ca/csr/csr.ts';
import { DerTag } from '../../ca/der/der-reader.ts';
import { der, derOid, derSequence } from '../../ca/der/der-writer.ts';
import { ExtensionOid, EXTENSION_REQUEST_OID, KeyOid } from '../../ca/der/oids.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { KeyType } from '../../ca/public-key.ts';
import type { LogService } from '../log-service.ts';
import { verifyClientCertificate } from './client-certificate.ts';

/** The kinds of keys that one object identifier names, in the order of preference. */
const KEY_TYPES: readonly (readonly [KeyType, string])[] = [
  ['ed25519', KeyOid.ed25519],
  ['rsa', KeyOid.rsaEncryption],
  ['ml-dsa-44', KeyOid.mlDsa44],
  ['ml-dsa-65', KeyOid.mlDsa65],
];

/** An enrollment request as received. Untrusted. */
export interface EstOrder {
  /** PKCS#10 in DER, or in PEM, which many clients send by mistake. */
  readonly csr: Uint8Array | string;
  /** The application token from HTTP Basic; undefined: none. */
  readonly token: string | undefined;
  /** The client certificate (DER), after TLS has proved possession of its key; undefined: none. */
  readonly clientCertificate: Uint8Array | undefined;
  readonly requestId: string;
}

/**
 * Enrollment over Secure Transport (RFC 7030), in front of the one issuance pipeline. An application token is evidence
 * of type `application`, subject to the policy table. A client certificate vouches only for its own key.
 */
export class EstService {
  readonly #service: LogService;

  constructor(service: LogService) {
    this.#service = service;
  }

  /** Returns the root and all issuing CAs, future ones included, as a certs-only message (RFC 7030 §4.1.3). */
  caCertificates(): Uint8Array {
    const { all } = this.#service.context.reloadable.issuingCas;
    const roots = all[0]?.issuer.chain ?? [];
    return encodeCertsOnly([...all.map(({ issuer }) => issuer.certificate.der), ...roots]);
  }

  /** Returns the CSR attributes (RFC 7030 §4.5.2): a subjectAltName and a key type that some profile accepts. */
  csrAttributes(): Uint8Array {
    const kinds = this.#service.context.reloadable.profiles.map(({ profile }) => profile.keyTypes);
    const keyTypes = kinds.some((types) => types === undefined) ? undefined : kinds.flatMap((types) => types ?? []);
    const attribute = (type: string, value: string): Uint8Array =>
      derSequence(derOid(type), der(DerTag.set, derOid(value)));
    const names = attribute(EXTENSION_REQUEST_OID, ExtensionOid.subjectAltName);
    if (keyTypes === undefined || keyTypes.includes('p256'))
      return derSequence(attribute(KeyOid.ecPublicKey, KeyOid.p256), names);
    if (keyTypes.includes('p384')) return derSequence(attribute(KeyOid.ecPublicKey, KeyOid.p384), names);
    const [, oid = KeyOid.rsaEncryption] = KEY_TYPES.find(([type]) => keyTypes.includes(type)) ?? [];
    return derSequence(derOid(oid), names);
  }

  /**
   * Handles `simpleenroll` (RFC 7030 §4.2.1): issues the first certificate of an identity, or another one for a key in
   * its record. Returns the certificate once the version that holds it is released. Throws `unauthenticated` without
   * credentials and `csr-identity-mismatch` unless the request names exactly one identity. Without a token, that must
   * be the identity of the client certificate. Throws what `issueCertificate` throws, too.
   */
  async enroll(order: EstOrder): Promise<Uint8Array> {
    const client = await this.#authenticate(order);
    const csr = await this.#read(order);
    if (order.token === undefined) this.#assertOwn(csr, client);
    return this.#issue(csr, order.token, order.requestId);
  }

  /**
   * Handles `simplereenroll` (RFC 7030 §4.2.2): issues another certificate for the same key. The key of a client
   * certificate must be the key of the request. An application token only admits the request and is no evidence: the
   * key vouches. Throws like {@link enroll}, and `change-required` for a new key, which needs a signed change that EST
   * cannot carry.
   */
  async reenroll(order: EstOrder): Promise<Uint8Array> {
    const client = await this.#authenticate(order);
    const csr = await this.#read(order);
    const isSame = client === undefined || equalBytes(client.spki, csr.spki);
    ensure(isSame, 'change-required', 'a new key needs a change signed by the old one, which EST cannot carry');
    if (order.token === undefined) this.#assertOwn(csr, client);
    return this.#issue(csr, undefined, order.requestId);
  }

  async #authenticate({ token, clientCertificate }: EstOrder) {
    const isAny = token !== undefined || clientCertificate !== undefined;
    ensure(isAny, 'unauthenticated', 'EST needs an application token or a client certificate');
    if (token !== undefined) await this.#service.identifyToken(token);
    return clientCertificate && verifyClientCertificate(this.#service.context, clientCertificate);
  }

  #read({ csr }: EstOrder): Promise<ParsedCsr> {
    return this.#service.context.parseCsr(typeof csr === 'string' ? decodeCsrPem(csr) : csr);
  }

  /**
   * Throws `csr-identity-mismatch` unless the request names the client certificate's identity (RFC 7030 §4.2.2). An
   * answer about another name would reveal whether it is registered.
   */
  #assertOwn(csr: ParsedCsr, client: ParsedCertificate | undefined): void {
    const labelOf = (one: Pick<ParsedCsr, 'sans'>): Uint8Array => this.#service.labelOf(nameOf(one));
    const isOwn = client !== undefined && equalBytes(labelOf(csr), labelOf(client));
    ensure(isOwn, 'csr-identity-mismatch', 'the request names another identity than the client certificate');
  }

  async #issue(request: ParsedCsr, token: string | undefined, requestId: string): Promise<Uint8Array> {
    const { der: csr } = request;
    const order = { identity: nameOf(request), csr, token, change: undefined, last: undefined, requestId };
    const { certificate } = await this.#service.issue(order);
    return encodeCertsOnly([certificate]);
  }
}

/** Returns the requested identity as text. Throws `csr-identity-mismatch`. */
function nameOf({ sans }: Pick<ParsedCsr, 'sans'>): string {
  const [identity, another] = [...sans.email, ...sans.smtpUtf8, ...sans.uri];
  const isOne = identity !== undefined && another === undefined;
  ensure(isOne, 'csr-identity-mismatch', 'the subjectAltName of the request names one identity and nothing else');
  return identity;
}
