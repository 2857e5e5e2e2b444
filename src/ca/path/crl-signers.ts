import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { BACKDATE_MS } from '../profile.ts';
import { verifySignature } from '../verify-signature.ts';
import { MAX_INTERMEDIATES, validatePath } from './build-path.ts';
import type { ParsedCrl } from './parse-crl.ts';
import { parsePathCertificate, type PathCertificate, type PathProfile } from './path-certificate.ts';
import { sameNames } from './relative-names.ts';

/** Where keys that signed CRLs are looked for, beside the path. */
export interface SignerSources {
  /** Certificates of CRL issuers, and of CAs above them, DER. Untrusted. At most 64. */
  readonly certificates?: readonly Uint8Array[] | undefined;
  /** The rules for their paths. Default: `strict`. */
  readonly profile?: PathProfile | undefined;
}

/** Most signatures on CRLs that one check verifies, and most paths to their signers that it looks for. */
const MAX_SIGNATURES = 200;
const MAX_SIGNERS = 8;

/** Finds who signed CRLs (RFC 5280 §6.3.3 (f), (g)): keys of the CRL's issuer that lead to the path's own anchor. */
export class CrlSigners {
  readonly #sources: SignerSources;
  readonly #atMs: number;
  readonly #anchor: PathCertificate;
  readonly #checkRevocation: (path: readonly PathCertificate[]) => Promise<void>;
  readonly #others: readonly PathCertificate[];
  /** Results of signatures by CRL and key: signers' paths repeat them. */
  readonly #verified = new Map<ParsedCrl, Map<string, boolean>>();
  readonly #signers = new Map<PathCertificate, Promise<void>>();
  /** Signers whose own revocation is being checked: none may vouch for itself. */
  readonly #pending = new Set<PathCertificate>();
  #signatures = MAX_SIGNATURES;

  /** `checkRevocation` checks the path of a signer. */
  constructor(
    sources: SignerSources,
    atMs: number,
    anchor: PathCertificate,
    checkRevocation: (path: readonly PathCertificate[]) => Promise<void>,
  ) {
    const { certificates = [], profile } = sources;
    ensure(certificates.length <= MAX_INTERMEDIATES, 'bad-certificate', 'too many certificates of CRL issuers');
    this.#sources = sources;
    this.#atMs = atMs;
    this.#anchor = anchor;
    this.#checkRevocation = checkRevocation;
    this.#others = certificates.map((der) => readable(der, profile)).filter((one) => one !== undefined);
  }

  /**
   * Asserts that the CRL is valid at the time and signed by a key of its issuer, of one `above` the certificate in
   * question or another one. Throws `bad-certificate`: a signer that is revoked says nothing about the certificate.
   */
  async assertSigned(crl: ParsedCrl, above: readonly PathCertificate[]): Promise<void> {
    const isCurrent = this.#atMs >= crl.thisUpdateMs - BACKDATE_MS && this.#atMs <= crl.nextUpdateMs;
    ensure(isCurrent, 'bad-certificate', 'the CRL is not valid at that time');
    const others = this.#others.filter((one) => !this.#pending.has(one));
    let reason = "the CA's signature on the CRL does not verify";
    for (const one of [...above, ...others]) {
      // eslint-disable-next-line no-await-in-loop -- the first one that may sign ends the search
      if (!(await this.#hasSigned(one, crl))) continue;
      if (maySign(one)) return above.includes(one) ? undefined : this.#assertTrusted(one);
      reason = 'the CA of the CRL may not sign CRLs';
    }
    throw new GlasskeyError('bad-certificate', reason);
  }

  async #hasSigned({ subject, contents }: PathCertificate, crl: ParsedCrl): Promise<boolean> {
    if (!sameNames(subject, crl.issuer)) return false;
    const known = this.#verified.get(crl) ?? new Map<string, boolean>();
    this.#verified.set(crl, known);
    const key = formatHex(contents.spkiSha256);
    const holds = known.get(key) ?? (await this.#verify(contents, crl));
    known.set(key, holds);
    return holds;
  }

  async #verify({ publicKey }: PathCertificate['contents'], crl: ParsedCrl): Promise<boolean> {
    ensure(this.#signatures > 0, 'bad-certificate', 'too many CRLs and signers to try');
    this.#signatures -= 1;
    try {
      await verifySignature(publicKey, crl.signatureAlgorithm, crl.tbs, crl.signature);
      return true;
    } catch (error) {
      if (isGlasskeyError(error) && error.code !== 'platform-unsupported') return false;
      throw error;
    }
  }

  /** Asserts that a signer off the path leads to its anchor and is not revoked. */
  async #assertTrusted(signer: PathCertificate): Promise<void> {
    const known = this.#signers.get(signer);
    if (known !== undefined) return known;
    ensure(this.#signers.size < MAX_SIGNERS, 'bad-certificate', 'too many signers of CRLs to try');
    this.#pending.add(signer);
    const trusted = this.#vouchFor(signer).finally(() => this.#pending.delete(signer));
    this.#signers.set(signer, trusted);
    return trusted;
  }

  async #vouchFor(signer: PathCertificate): Promise<void> {
    try {
      await this.#findPath(signer);
    } catch (cause) {
      if (!isGlasskeyError(cause) || cause.fault !== 'verification') throw cause;
      const which = `the signer of a CRL, certificate ${signer.contents.serial}, is not trusted`;
      throw new GlasskeyError('bad-certificate', `${which}: ${cause.message}`, { cause });
    }
  }

  async #findPath(signer: PathCertificate): Promise<void> {
    const { certificates = [], profile } = this.#sources;
    const { path } = await validatePath({
      leaf: signer.contents.der,
      intermediates: certificates,
      anchors: { readable: [this.#anchor], unreadable: [] },
      atMs: this.#atMs,
      profile,
      acceptsCa: true,
    });
    await this.#checkRevocation(path);
  }
}

function maySign({ contents: { keyUsage } }: PathCertificate): boolean {
  return keyUsage === undefined || keyUsage.has('cRLSign');
}

function readable(der: Uint8Array, profile: PathProfile | undefined): PathCertificate | undefined {
  try {
    return parsePathCertificate(der, profile);
  } catch (error) {
    if (error instanceof GlasskeyError) return undefined;
    throw error;
  }
}
