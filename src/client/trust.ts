import { parseCertificate } from '../ca/certificate.ts';
import { parsePem } from '../ca/der/pem.ts';
import { type Witnessing, witnessingOf } from '../core/audit/disjoint-quorums.ts';
import { parsePolicy } from '../core/audit/policy.ts';
import type { Policy } from '../core/audit/policy-parts.ts';
import { cipherSuite } from '../core/crypto/cipher-suite.ts';
import { parseBase64 } from '../core/encoding/bytes.ts';
import { decode } from '../core/encoding/codec.ts';
import { ensure, GlasskeyError, isGlasskeyError, SignedFault } from '../core/errors.ts';
import { assertLifetime, type Configuration, configurationCodec } from '../core/keytrans/configuration.ts';
import { canonicalBundle, verifyBundleSignatures } from '../contract/bundle-signature.ts';
import { assertSuccessor } from '../contract/bundle-successor.ts';
import { formatTrustBundle, parseTrustBundle } from '../contract/parse-trust-bundle.ts';
import { PATHS } from '../contract/paths.ts';
import type { SignedTrustBundle, TrustBundle } from '../contract/trust-bundle.ts';
import { assertFingerprint, assertFollowsPin } from './pinned-log.ts';
import type { ClientState } from './state/client-state.ts';
import type { Transport } from './transport.ts';

/** A trust bundle, ready for use. */
export interface Trust {
  readonly bundle: TrustBundle;
  readonly config: Configuration;
  /** The witnesses whose cosignatures a tree head needs. */
  readonly policy: Policy;
  /** The use of the witnesses to readers. */
  readonly witnessing: Witnessing;
  /** DER certificates. */
  readonly roots: readonly Uint8Array[];
  readonly issuers: readonly Uint8Array[];
}

/** The way in which the bundle in use came to be trusted. */
export type TrustOrigin = 'given' | 'pinned' | 'first-use';

/**
 * Reads a bundle whose signatures were checked. Throws `bad-bundle` if nothing could be verified with it: an unknown
 * cipher suite, a malformed key, CA certificate or policy, a maximum lifetime that is not above the monitoring window.
 */
export function readTrust(bundle: TrustBundle): Trust {
  try {
    const config = decode(configurationCodec, parseBase64(bundle.keytransConfiguration));
    assertLifetime(config);
    const suite = cipherSuite(config.cipherSuite);
    suite.assertVrfKey(config.vrfPublicKey);
    suite.assertSignatureKey(config.signaturePublicKey);
    const read = (pem: string): Uint8Array => parseCertificate(parsePem('CERTIFICATE', pem)).der;
    const policy = parsePolicy(bundle.witnessPolicy);
    const [roots, issuers] = [bundle.roots.map(read), bundle.issuers.map(read)];
    return { bundle, config, policy, witnessing: witnessingOf(policy), roots, issuers };
  } catch (cause) {
    if (!isGlasskeyError(cause)) throw cause;
    throw new GlasskeyError('bad-bundle', `the trust bundle cannot be used: ${cause.message}`, { cause });
  }
}

/** Fetches the server's bundle; untrusted, but for its own signature. Throws `bad-bundle`. */
export async function fetchBundle(transport: Transport): Promise<SignedTrustBundle> {
  const signed = parseTrustBundle(await transport.getText(PATHS.trustBundle));
  verifyBundleSignatures(signed);
  return signed;
}

/** The trust that a caller gives besides the state: a bundle, or the fingerprint of one. */
export interface GivenTrust {
  readonly bundle?: SignedTrustBundle | undefined;
  /** Lower-case hex. */
  readonly fingerprint?: string | undefined;
}

/**
 * Settles which bundle to trust (docs/spec.md#trust-bundle): the given or the pinned one, replaced by the server's if
 * that is a signed successor; without either, the server's, on first use or by its fingerprint. Throws `bundle-changed`
 * if the server shows another bundle without the right signature; for a bundle of another log `other-log`, or
 * `log-replaced` or `log-reset` if this server showed the pinned one before; and `fingerprint-mismatch`.
 */
export async function settleTrust(
  transport: Transport,
  state: ClientState,
  given: GivenTrust,
): Promise<{ readonly trust: Trust; readonly origin: TrustOrigin; readonly next: ClientState }> {
  const shown = await fetchBundle(transport);
  const pinned = pinnedBundle(state);
  if (given.bundle !== undefined) verifyBundleSignatures(given.bundle);
  const { server } = transport;
  if (pinned !== undefined) assertFollowsPin(pinned.bundle, shown, { pinned: state.pinned, server });
  if (given.bundle !== undefined) assertSuccessor(given.bundle.bundle, shown);
  assertGivenFingerprint(given, shown.bundle, [given.bundle, pinned], state);
  const origin: TrustOrigin = isGiven(given) ? 'given' : pinned === undefined ? 'first-use' : 'pinned';
  const confirmed = given.fingerprint ?? state.pinned?.fingerprint;
  const succeeded = previousOf(pinned ?? given.bundle, shown);
  const { previous, settled } = succeeded === undefined ? (state.pinned ?? {}) : { previous: succeeded };
  const before = { ...(previous === undefined ? {} : { previous }), ...(settled === undefined ? {} : { settled }) };
  const at = { server, fingerprint: confirmed, ...before };
  const next = { ...state, bundle: formatTrustBundle(shown), pinned: at };
  const isApproved = pinned !== undefined || given.bundle !== undefined;
  return { trust: isApproved ? readApproved(shown.bundle) : readTrust(shown.bundle), origin, next };
}

/** Returns the known bundle as text if the shown one succeeds it. */
function previousOf(known: SignedTrustBundle | undefined, shown: SignedTrustBundle): string | undefined {
  const isSame = known === undefined || canonicalBundle(known.bundle) === canonicalBundle(shown.bundle);
  return isSame ? undefined : formatTrustBundle(known);
}

/** Returns the bundle that the pinned one succeeded, if this client knew it. */
export function previousBundle({ pinned }: ClientState): TrustBundle | undefined {
  return pinned?.previous === undefined ? undefined : parseTrustBundle(pinned.previous).bundle;
}

/**
 * Returns {@link previousBundle} until the log has shown a head under the pinned one: keys that it withdrew count no
 * more.
 */
export function excusingBundle(state: ClientState): TrustBundle | undefined {
  return state.pinned?.settled === true ? undefined : previousBundle(state);
}

/** Returns a state in which the log has shown a head under the pinned bundle. */
export function withSettledBundle(state: ClientState): ClientState {
  const { pinned } = state;
  const isNews = pinned?.previous !== undefined && pinned.settled !== true;
  return isNews ? { ...state, pinned: { ...pinned, settled: true } } : state;
}

/**
 * Returns the error for a log that shows a new bundle, while its newest entry is still of the bundle before. A server
 * does so until its first entry under the new bundle is released, which is no misbehaviour.
 */
export function notReleasedYet(cause: unknown): GlasskeyError {
  const message =
    'the log has just changed its trust bundle (its witnesses, auditor or keys), and its newest entry is still of the ' +
    'one before. Next: try again in a minute; if it stays so, ask the operator';
  return new GlasskeyError('release-stalled', message, { cause });
}

/** As {@link readTrust}, for a bundle that the known bundle key signed. */
function readApproved(bundle: TrustBundle): Trust {
  try {
    return readTrust(bundle);
  } catch (cause) {
    if (!isGlasskeyError(cause)) throw cause;
    throw new SignedFault(cause.code, cause.message, { cause });
  }
}

/**
 * Returns the given or else the pinned bundle, without a request. Throws `usage` if there is none or the given one does
 * not come before the pinned one, `other-log`, `fingerprint-mismatch`.
 */
export function knownTrust(
  state: ClientState,
  given: GivenTrust,
): { readonly trust: Trust; readonly origin: TrustOrigin } {
  const pinned = pinnedBundle(state);
  const known = given.bundle ?? pinned;
  ensure(known !== undefined, 'usage', 'no trust bundle is pinned yet, and none is given');
  verifyBundleSignatures(known);
  if (given.bundle !== undefined && pinned !== undefined) assertGivenBefore(given.bundle, pinned);
  assertGivenFingerprint(given, known.bundle, [pinned], state);
  return { trust: readTrust((pinned ?? known).bundle), origin: isGiven(given) ? 'given' : 'pinned' };
}

function pinnedBundle({ bundle }: ClientState): SignedTrustBundle | undefined {
  return bundle === undefined ? undefined : parseTrustBundle(bundle);
}

function isGiven({ bundle, fingerprint }: GivenTrust): boolean {
  return bundle !== undefined || fingerprint !== undefined;
}

function assertGivenFingerprint(
  given: GivenTrust,
  shown: TrustBundle,
  followed: readonly (SignedTrustBundle | undefined)[],
  { pinned }: ClientState,
): void {
  if (given.fingerprint === undefined) return;
  const trusted = followed.flatMap((one) => (one === undefined ? [] : [one.bundle]));
  assertFingerprint(given.fingerprint, shown, trusted, pinned);
}

/**
 * Asserts that a bundle of the user is one that `pinned` succeeded. Throws `usage`, as nobody showed either now; and
 * what `assertSuccessor` throws if the same key signed both and they contradict.
 */
export function assertGivenBefore(given: SignedTrustBundle, pinned: SignedTrustBundle): void {
  try {
    verifyBundleSignatures(given);
    assertSuccessor(given.bundle, pinned);
  } catch (cause) {
    if (!isGlasskeyError(cause) || cause instanceof SignedFault || cause.fault === 'usage') throw cause;
    throw new GlasskeyError('usage', `the given trust bundle is not an earlier one of this log: ${cause.message}`, {
      cause,
    });
  }
}
