import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { ParsedCertificate } from '../certificate.ts';
import { verifySignature } from '../verify-signature.ts';
import { checkPath, type PathRequirements } from './check-path.ts';
import { parsePathAnchor, parsePathCertificate, type PathCertificate } from './path-certificate.ts';
import { sameNames } from './relative-names.ts';

/** What {@link validatePath} takes. */
export interface PathOptions extends PathRequirements {
  /** DER. Untrusted. */
  readonly leaf: Uint8Array;
  /** CA certificates that may stand between leaf and anchor, DER, in any order, of any quality. Untrusted. At most 64. */
  readonly intermediates: readonly Uint8Array[];
  /** The certificates that the caller trusts, DER. Self-signed or not; one that cannot be read is not used. At most 1,024. */
  readonly anchors: readonly Uint8Array[];
  /** Most CA certificates between leaf and anchor, without self-issued ones. Default 8. */
  readonly maxDepth?: number | undefined;
  /** What else must hold of a path for it to be accepted, such as that nothing of it is revoked. Throws like the rest. */
  readonly accept?: ((path: readonly PathCertificate[]) => Promise<void>) | undefined;
}

/** A path that is valid. */
export interface ValidPath {
  /** Leaf first, trust anchor last. */
  readonly path: readonly PathCertificate[];
  /** The policies that hold for the leaf (RFC 5280 §6.1.6); anyPolicy where any does. */
  readonly policies: ReadonlySet<string>;
}

const MAX_INTERMEDIATES = 64;
const MAX_ANCHORS = 1_024;
const DEFAULT_DEPTH = 8;
/** Certificates of one path, self-issued ones included. */
const MAX_PATH = 16;
/** Signatures that one validation verifies at most: certificates that all could have signed each other make many paths. */
const MAX_SIGNATURES = 100;

/**
 * Finds a valid path from a certificate to a trust anchor (RFC 5280 §6.1, RFC 4158 §2): from the leaf upwards, depth first,
 * anchors first. A certificate that cannot be read, or a path that is not valid, ends one way and not the search. Everything
 * but the anchors is untrusted, and costs a bounded number of signatures. Throws `untrusted-issuer` where no path leads to
 * an anchor; what was wrong with the first path, where some do and none is valid: `certificate-expired`, `bad-certificate`;
 * `bad-certificate` or `weak-key` for a leaf that cannot be read.
 */
export async function validatePath(options: PathOptions): Promise<ValidPath> {
  ensure(options.intermediates.length <= MAX_INTERMEDIATES, 'bad-certificate', 'too many intermediate certificates');
  ensure(options.anchors.length <= MAX_ANCHORS, 'value-out-of-range', 'too many trust anchors');
  const leaf = parsePathCertificate(options.leaf);
  const search = new PathSearch(options);
  const found = await search.extend([leaf]);
  if (found !== undefined) return found;
  throw search.failure ?? new GlasskeyError('untrusted-issuer', `no trusted issuer of ${leaf.contents.serial}`);
}

class PathSearch {
  /** Why the first path that was found is not valid. */
  failure: GlasskeyError | undefined;
  readonly #options: PathOptions;
  readonly #candidates: readonly PathCertificate[];
  readonly #maxDepth: number;
  #signatures = MAX_SIGNATURES;

  constructor(options: PathOptions) {
    this.#options = options;
    this.#maxDepth = options.maxDepth ?? DEFAULT_DEPTH;
    const anchors = options.anchors.map((der) => readable(() => parsePathAnchor(der)));
    const others = options.intermediates.map((der) => readable(() => parsePathCertificate(der)));
    this.#candidates = [...anchors, ...others].filter((one) => one !== undefined);
  }

  /** The first valid path that begins with `path`. */
  async extend(path: readonly PathCertificate[]): Promise<ValidPath | undefined> {
    const subject = path.at(-1) as PathCertificate;
    for (const issuer of this.#candidates) {
      if (!mayHaveIssued(issuer, subject) || path.some((one) => isSame(one, issuer))) continue;
      if (!this.#isWithinDepth(path, issuer)) continue;
      // eslint-disable-next-line no-await-in-loop -- one way after the other, so that the first valid one ends the search
      const found = await this.#follow(path, issuer);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #follow(path: readonly PathCertificate[], issuer: PathCertificate): Promise<ValidPath | undefined> {
    try {
      if (!(await this.#hasSigned(issuer, path.at(-1)?.signed))) return undefined;
      const longer = [...path, issuer];
      if (issuer.signed !== undefined) return await this.extend(longer);
      const policies = checkPath(longer, this.#options);
      await this.#options.accept?.(longer);
      return { path: longer, policies };
    } catch (error) {
      if (!(error instanceof GlasskeyError)) throw error;
      this.failure ??= error;
      return undefined;
    }
  }

  async #hasSigned({ contents }: PathCertificate, subject: ParsedCertificate | undefined): Promise<boolean> {
    if (subject === undefined || this.#signatures === 0) return false;
    this.#signatures -= 1;
    try {
      await verifySignature(contents.publicKey, subject.signatureAlgorithm, subject.tbs, subject.signature);
      return true;
    } catch (error) {
      if (isGlasskeyError(error, 'bad-signature')) return false;
      throw error;
    }
  }

  /** Whether a path with one more certificate is short enough: the anchor is not counted, nor what is self-issued. */
  #isWithinDepth(path: readonly PathCertificate[], issuer: PathCertificate): boolean {
    if (path.length >= MAX_PATH) return false;
    const intermediates = issuer.signed === undefined ? path.slice(1) : [...path.slice(1), issuer];
    return intermediates.filter(({ isSelfIssued }) => !isSelfIssued).length <= this.#maxDepth;
  }
}

/** A certificate, or undefined where it cannot be read: a bad one among many is no reason to fail. */
function readable(read: () => PathCertificate): PathCertificate | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof GlasskeyError) return undefined;
    throw error;
  }
}

function mayHaveIssued(issuer: PathCertificate, subject: PathCertificate): boolean {
  if (!sameNames(issuer.subject, subject.issuer)) return false;
  const { authorityKeyId } = subject.contents;
  const { subjectKeyId } = issuer.contents;
  return authorityKeyId === undefined || subjectKeyId === undefined || equalBytes(authorityKeyId, subjectKeyId);
}

/** Whether two certificates are of the same CA: same name and same key. A path goes through it once (RFC 4158 §2.4.2). */
function isSame(a: PathCertificate, b: PathCertificate): boolean {
  return sameNames(a.subject, b.subject) && equalBytes(a.contents.spkiSha256, b.contents.spkiSha256);
}
