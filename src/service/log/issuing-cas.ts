import type { Issuer } from '../../ca/authority.ts';
import type { ParsedCertificate } from '../../ca/certificate.ts';
import type { CertificateUrls } from '../../ca/extension-writer.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';

/** An issuing CA of a log. */
export interface IssuingCa {
  /** Its part of URLs: `issuer` for the first, then `issuer-2` … */
  readonly name: string;
  readonly issuer: Issuer;
  /** From when on it signs certificates; before, clients only learn of it. Milliseconds since the epoch. */
  readonly signsFromMs: number;
  /** What its certificates name. */
  readonly urls: CertificateUrls;
}

/**
 * The issuing CAs of a log, oldest first. One signs certificates: the newest whose time has come. The others go on signing the CRL and
 * the OCSP responses of what they have signed, until they expire.
 */
export class IssuingCas {
  #all: readonly IssuingCa[];

  constructor(all: readonly IssuingCa[]) {
    this.#all = all;
  }

  get all(): readonly IssuingCa[] {
    return this.#all;
  }

  /** The one that signs now; undefined where none may. */
  current(nowMs: number): IssuingCa | undefined {
    const valid = ({ issuer: { certificate } }: IssuingCa): boolean =>
      nowMs >= certificate.notBeforeMs && nowMs <= certificate.notAfterMs;
    return this.#all.findLast((one) => one.signsFromMs <= nowMs && valid(one));
  }

  /** The one whose name and key identifier a certificate gives as its issuer's; undefined: none. The signature is not looked at. */
  of({ issuer: name, authorityKeyId }: Pick<ParsedCertificate, 'issuer' | 'authorityKeyId'>): IssuingCa | undefined {
    return this.#all.find(({ issuer: { certificate, keyId } }) => {
      const isKey = authorityKeyId === undefined || equalBytes(authorityKeyId, keyId);
      return isKey && equalBytes(certificate.subject.der, name.der);
    });
  }

  /** Puts others in their place. */
  replace(all: readonly IssuingCa[]): void {
    this.#all = all;
  }
}
