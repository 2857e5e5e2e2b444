import { verifyBundleSignatures } from '../../contract/bundle-signature.ts';
import { assertSuccessor } from '../../contract/bundle-successor.ts';
import { formatTrustBundle, parseTrustBundle } from '../../contract/parse-trust-bundle.ts';
import { PATHS } from '../../contract/paths.ts';
import type { SignedTrustBundle, TrustBundle } from '../../contract/trust-bundle.ts';
import { parsePolicy } from '../../core/audit/policy.ts';
import { parseVkey, type Vkey } from '../../core/audit/vkey.ts';
import { decodeUtf8, encodeUtf8, equalBytes, parseBase64 } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { configurationCodec } from '../../core/keytrans/configuration.ts';
import type { PublishTrust } from '../../service/publish/publish-log.ts';
import type { PublishTarget } from '../../service/publish/publish-target.ts';

/** The path of the trust bundle in a copy. */
export const PUBLISHED_BUNDLE = PATHS.trustBundle.slice(1);

/** The outcome of {@link publishBundle}. */
export interface PublishedBundle {
  readonly trust: PublishTrust;
  /** True if nothing but the server said whom to trust. */
  readonly firstUse: boolean;
  /** True if the copy had no bundle, or another one. */
  readonly isNew: boolean;
}

/**
 * Publishes the trust bundle of a server, and returns the trust that follows from it. The bundle must equal or succeed
 * `given`, and the published one too, because readers of the copy have pinned that. Throws `bundle-changed`,
 * `bad-bundle`, `bad-policy`, `published-differs` if something else is published in its place, `head-moved`,
 * `storage-failed`.
 */
export async function publishBundle(
  target: PublishTarget,
  served: SignedTrustBundle,
  given: SignedTrustBundle | undefined,
): Promise<PublishedBundle> {
  const stored = await target.read(PUBLISHED_BUNDLE);
  const held = stored === undefined ? undefined : parsePublished(stored.bytes);
  if (given !== undefined) assertSuccessor(given.bundle, served);
  if (held !== undefined) assertSuccessor(held.bundle, served);
  const bytes = encodeUtf8(formatTrustBundle(served));
  const isNew = stored === undefined || !equalBytes(stored.bytes, bytes);
  if (isNew) await target.replace(PUBLISHED_BUNDLE, bytes, stored);
  const { bundle } = served;
  const known = [bundle, held?.bundle, given?.bundle].filter((one) => one !== undefined);
  const configs = known.map((one) => decode(configurationCodec, parseBase64(one.keytransConfiguration)));
  const previousVkeys = known.slice(1).flatMap(vkeysOf);
  const policy = parsePolicy(bundle.witnessPolicy);
  const bundleKey = parseBase64(bundle.bundleKey);
  const trust = { origin: bundle.origin, vkeys: vkeysOf(bundle), previousVkeys, configs, policy, bundleKey };
  return { trust, firstUse: given === undefined && held === undefined, isNew };
}

/** Returns true if the copy has a trust bundle, whole and signed. Throws `storage-failed`. */
export async function hasBundle(target: PublishTarget): Promise<boolean> {
  try {
    const stored = await target.read(PUBLISHED_BUNDLE);
    return stored !== undefined && parsePublished(stored.bytes) !== undefined;
  } catch (error) {
    if (!isGlasskeyError(error, 'published-differs')) throw error;
    return false;
  }
}

function parsePublished(bytes: Uint8Array): SignedTrustBundle {
  try {
    const signed = parseTrustBundle(decodeUtf8(bytes));
    verifyBundleSignatures(signed);
    return signed;
  } catch (cause) {
    throw new GlasskeyError(
      'published-differs',
      `${PUBLISHED_BUNDLE} of the copy is not a whole trust bundle: mend it with --repair --trust, or publish to an empty place`,
      { cause },
    );
  }
}

function vkeysOf(bundle: TrustBundle): Vkey[] {
  return bundle.auditLogVkeys.map((vkey) => parseVkey(vkey));
}
