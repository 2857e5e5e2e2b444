import { parseCertificate } from '../ca/certificate.ts';
import { parsePem } from '../ca/der/pem.ts';
import { type Witnessing, witnessingOf } from '../core/audit/disjoint-quorums.ts';
import { parsePolicy } from '../core/audit/policy.ts';
import type { Policy } from '../core/audit/policy-parts.ts';
import { cipherSuite } from '../core/crypto/cipher-suite.ts';
import { parseBase64 } from '../core/encoding/bytes.ts';
import { decode } from '../core/encoding/codec.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { assertLifetime, type Configuration, configurationCodec } from '../core/keytrans/configuration.ts';
import { verifyBundleSignatures } from '../contract/bundle-signature.ts';
import { assertSuccessor } from '../contract/bundle-successor.ts';
import { formatTrustBundle, parseTrustBundle } from '../contract/parse-trust-bundle.ts';
import { PATHS } from '../contract/paths.ts';
import type { SignedTrustBundle, TrustBundle } from '../contract/trust-bundle.ts';
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

/**
 * Settles which bundle to trust (docs/spec.md#trust-bundle): the given or the pinned one, replaced by the server's if
 * that is a signed successor; without either, the server's, on first use. Throws `bundle-changed` if the server shows
 * another bundle without the right signature, and `other-log` for a bundle of another log.
 */
export async function settleTrust(
  transport: Transport,
  state: ClientState,
  given: SignedTrustBundle | undefined,
): Promise<{ readonly trust: Trust; readonly origin: TrustOrigin; readonly next: ClientState }> {
  const shown = await fetchBundle(transport);
  if (given !== undefined) verifyBundleSignatures(given);
  const known = [given, state.bundle === undefined ? undefined : parseTrustBundle(state.bundle)];
  for (const one of known) if (one !== undefined) assertSuccessor(one.bundle, shown);
  const origin: TrustOrigin = given === undefined ? (state.bundle === undefined ? 'first-use' : 'pinned') : 'given';
  return { trust: readTrust(shown.bundle), origin, next: { ...state, bundle: formatTrustBundle(shown) } };
}

/** Returns the given or else the pinned bundle, without a request. Throws `usage` if there is none, `other-log`. */
export function knownTrust(
  state: ClientState,
  given: SignedTrustBundle | undefined,
): { readonly trust: Trust; readonly origin: TrustOrigin } {
  const pinned = state.bundle === undefined ? undefined : parseTrustBundle(state.bundle);
  const known = given ?? pinned;
  ensure(known !== undefined, 'usage', 'no trust bundle is pinned yet, and none is given');
  verifyBundleSignatures(known);
  if (given !== undefined && pinned !== undefined) assertSuccessor(given.bundle, pinned);
  return { trust: readTrust((pinned ?? known).bundle), origin: given === undefined ? 'pinned' : 'given' };
}
