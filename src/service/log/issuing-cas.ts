import type { Issuer } from '../../ca/authority.ts';
import { parseCertificate, type ParsedCertificate } from '../../ca/certificate.ts';
import type { CertificateUrls } from '../../ca/extension-writer.ts';
import { nodeVerifySignature } from '../../ca/node-verify-signature.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';

/** An issuing CA of a log. */
export interface IssuingCa {
  /** Its part of URLs: `issuer` for the first, then `issuer-2` … */
  readonly name: string;
  readonly issuer: Issuer;
  /** The time from which it signs certificates, ms since the epoch. Clients learn of it earlier. */
  readonly signsFromMs: number;
  /** The URLs in its certificates. */
  readonly urls: CertificateUrls;
}

/**
 * The issuing CAs of a log, oldest first. The newest whose time has come signs certificates. The others sign CRLs and
 * OCSP responses for their own certificates until they expire.
 */
export class IssuingCas {
  readonly all: readonly IssuingCa[];
  readonly #first: IssuingCa;

  /** Throws `internal` for an empty list. */
  constructor(all: readonly IssuingCa[]) {
    const [first] = all;
    ensure(first !== undefined, 'internal', 'a log has at least one issuing CA');
    this.all = all;
    this.#first = first;
  }

  /** Returns the one that signs now. If none is valid, returns the newest whose time has come: its use then fails. */
  signing(nowMs: number): IssuingCa {
    const isValid = ({ issuer: { certificate } }: IssuingCa): boolean =>
      nowMs >= certificate.notBeforeMs && nowMs <= certificate.notAfterMs;
    const begun = this.all.filter((one) => one.signsFromMs <= nowMs);
    return begun.findLast(isValid) ?? begun.at(-1) ?? this.#first;
  }

  /** Returns the chain of a leaf of this log, DER, from the leaf's issuer upwards. */
  chainOf(leaf: Uint8Array): Uint8Array[] {
    const issuedBy = this.all.length === 1 ? undefined : this.of(parseCertificate(leaf));
    const { issuer } = issuedBy ?? this.#first;
    return [issuer.certificate.der, ...issuer.chain];
  }

  /**
   * Returns the CA whose name and key identifier a certificate names as its issuer's, without verifying the signature;
   * undefined if there is none.
   */
  of({ issuer: name, authorityKeyId }: Pick<ParsedCertificate, 'issuer' | 'authorityKeyId'>): IssuingCa | undefined {
    return this.all.find(({ issuer: { certificate, keyId } }) => {
      const isKey = authorityKeyId === undefined || equalBytes(authorityKeyId, keyId);
      return isKey && equalBytes(certificate.subject.der, name.der);
    });
  }
  /**
   * Verifies that one of these CAs signed an untrusted certificate. That the log recorded it, rows of the database say,
   * which others may have written. Throws `untrusted-issuer` and `bad-signature`.
   */
  async assertIssued(certificate: ParsedCertificate): Promise<void> {
    const ca = this.of(certificate);
    ensure(ca !== undefined, 'untrusted-issuer', 'not a certificate of this log');
    const { tbs, signature, signatureAlgorithm } = certificate;
    await nodeVerifySignature(ca.issuer.certificate.publicKey, signatureAlgorithm, tbs, signature);
  }
}
