import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { verifySignature } from '../verify-signature.ts';
import { checkPath, type PathRequirements } from './check-path.ts';
import { type Budget, MAX_COMPARISONS } from './name-constraints.ts';
import { parsePathCertificate, type PathCertificate } from './path-certificate.ts';
import { sameNames } from './relative-names.ts';
import { parseAnchors, type TrustAnchors, type UnreadableAnchor } from './trust-anchors.ts';

/** Options of {@link validatePath}. */
export interface PathOptions extends PathRequirements {
  /** DER. Untrusted. */
  readonly leaf: Uint8Array;
  /**
   * Possible CA certificates between leaf and anchor, DER, in any order; bad ones are skipped. Untrusted. At most 64.
   */
  readonly intermediates: readonly Uint8Array[];
  /**
   * Trusted certificates, DER, self-signed or not, at most 1,024. Read them once with {@link parseAnchors} if they are
   * many and you validate often.
   */
  readonly anchors: readonly Uint8Array[] | TrustAnchors;
  /** Most CA certificates between leaf and anchor, not counting self-issued ones. Default 8. */
  readonly maxDepth?: number | undefined;
  /**
   * Another condition for accepting a path, such as that nothing in it is revoked. Throws a `GlasskeyError` to refuse
   * it.
   */
  readonly accept?: ((path: readonly PathCertificate[]) => Promise<void>) | undefined;
}

/** A valid path. */
export interface ValidPath {
  /** Leaf first, trust anchor last. */
  readonly path: readonly PathCertificate[];
  /** The policies that hold for the leaf (RFC 5280 §6.1.6); anyPolicy if any does. */
  readonly policies: ReadonlySet<string>;
  /** Anchors that could not be read, and so led to no path. */
  readonly unreadableAnchors: readonly UnreadableAnchor[];
}

/** Most certificates that a validation may choose from, beside the anchors. */
export const MAX_INTERMEDIATES = 64;
const DEFAULT_DEPTH = 8;
/** Most certificates of one path, including self-issued ones. */
const MAX_PATH = 16;
/** Most signatures that one validation verifies: certificates that could all have signed each other make many paths. */
const MAX_SIGNATURES = 100;

/**
 * Finds a valid path from a certificate to a trust anchor (RFC 5280 §6.1, RFC 4158 §2): from the leaf upwards, depth
 * first, anchors first. An unreadable certificate or an invalid path ends one branch, not the search. Everything except
 * the anchors is untrusted and costs a bounded number of signatures and of compared names, over all paths together.
 *
 * Throws `untrusted-issuer` if no path leads to an anchor. If some do but none is valid, throws the first path's error:
 * `certificate-expired`, `bad-certificate`. Throws `bad-certificate` or `weak-key` if the leaf cannot be read.
 */
export async function validatePath(options: PathOptions): Promise<ValidPath> {
  ensure(options.intermediates.length <= MAX_INTERMEDIATES, 'bad-certificate', 'too many intermediate certificates');
  const anchors = isParsed(options.anchors) ? options.anchors : parseAnchors(options.anchors);
  const leaf = parsePathCertificate(options.leaf, options.profile);
  const search = new PathSearch(options, anchors.readable);
  const found = await search.extend([leaf]);
  const { unreadable } = anchors;
  if (found !== undefined) return { ...found, unreadableAnchors: unreadable };
  if (search.failure !== undefined) throw search.failure;
  const hint = unreadable.length === 0 ? '' : `; ${unreadable.length} trust anchors cannot be read`;
  throw new GlasskeyError('untrusted-issuer', `no trusted issuer of certificate ${leaf.contents.serial}${hint}`);
}

type Found = Omit<ValidPath, 'unreadableAnchors'>;

class PathSearch {
  /** The error of the first path that was found. */
  failure: GlasskeyError | undefined;
  readonly #options: PathOptions;
  readonly #candidates: readonly PathCertificate[];
  readonly #maxDepth: number;
  readonly #budget: Budget = { comparisons: MAX_COMPARISONS };
  #signatures = MAX_SIGNATURES;

  constructor(options: PathOptions, anchors: readonly PathCertificate[]) {
    this.#options = options;
    this.#maxDepth = options.maxDepth ?? DEFAULT_DEPTH;
    const others = options.intermediates.map((der) => readable(() => parsePathCertificate(der, options.profile)));
    this.#candidates = [...anchors, ...others.filter((one) => one !== undefined)];
  }

  /** Returns the first valid path that begins with `path`. */
  async extend(path: readonly PathCertificate[]): Promise<Found | undefined> {
    const subject = path.at(-1) as PathCertificate;
    for (const issuer of this.#issuersOf(subject)) {
      if (path.some((one) => isSame(one, issuer))) continue;
      if (!this.#isWithinDepth(path, issuer)) continue;
      // eslint-disable-next-line no-await-in-loop -- in order: the first valid path ends the search
      const found = await this.#follow(path, issuer);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /**
   * Returns the candidates with the issuer's name. Key identifiers are hints (RFC 4158 §3.5.12): those that fit come
   * first, and `strict` drops those that contradict.
   */
  #issuersOf(subject: PathCertificate): readonly PathCertificate[] {
    const named = this.#candidates.filter((issuer) => sameNames(issuer.subject, subject.issuer));
    const fitting = named.filter((issuer) => mayHaveKey(issuer, subject));
    if (this.#options.profile !== 'rfc5280') return fitting;
    return [...fitting, ...named.filter((issuer) => !fitting.includes(issuer))];
  }

  async #follow(path: readonly PathCertificate[], issuer: PathCertificate): Promise<Found | undefined> {
    try {
      if (!(await this.#hasSigned(issuer, path.at(-1)?.signed))) return undefined;
      const longer = [...path, issuer];
      if (issuer.signed !== undefined) return await this.extend(longer);
      const policies = checkPath(longer, this.#options, this.#budget);
      await this.#options.accept?.(longer);
      return { path: longer, policies };
    } catch (error) {
      if (!(error instanceof GlasskeyError)) throw error;
      this.failure ??= error;
      return undefined;
    }
  }

  async #hasSigned({ contents }: PathCertificate, subject: PathCertificate['signed']): Promise<boolean> {
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

  /**
   * Returns true if the path is short enough with one more certificate. The anchor and self-issued certificates do not
   * count.
   */
  #isWithinDepth(path: readonly PathCertificate[], issuer: PathCertificate): boolean {
    if (path.length >= MAX_PATH) return false;
    const intermediates = issuer.signed === undefined ? path.slice(1) : [...path.slice(1), issuer];
    return intermediates.filter(({ isSelfIssued }) => !isSelfIssued).length <= this.#maxDepth;
  }
}

function isParsed(anchors: PathOptions['anchors']): anchors is TrustAnchors {
  return 'readable' in anchors;
}

/** Returns a certificate, or undefined if it cannot be read: one bad candidate must not fail the search. */
function readable(read: () => PathCertificate): PathCertificate | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof GlasskeyError) return undefined;
    throw error;
  }
}

function mayHaveKey({ contents: issuer }: PathCertificate, { contents: subject }: PathCertificate): boolean {
  const { authorityKeyId } = subject;
  const { subjectKeyId } = issuer;
  return authorityKeyId === undefined || subjectKeyId === undefined || equalBytes(authorityKeyId, subjectKeyId);
}

/**
 * Returns true for two certificates of the same CA, by name and key. A path passes a CA only once (RFC 4158 §2.4.2).
 */
function isSame(a: PathCertificate, b: PathCertificate): boolean {
  return sameNames(a.subject, b.subject) && equalBytes(a.contents.spkiSha256, b.contents.spkiSha256);
}
