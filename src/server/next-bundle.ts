import { signTrustBundle } from '../contract/bundle-signature.ts';
import { assertSuccessor } from '../contract/bundle-successor.ts';
import { assertTrustBundle, formatTrustBundle, parseTrustBundle } from '../contract/parse-trust-bundle.ts';
import type { SignedTrustBundle, TrustBundle } from '../contract/trust-bundle.ts';
import { formatBase64 } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import type { DataFolder } from './data-folder.ts';
import { type KeyRing, withKeys } from './key-ring.ts';

/**
 * Returns the successor of a folder's trust bundle, with the changes that `change` returns. The folder must have the
 * bundle key, which signs it. Stores nothing: see {@link storeBundle}. Throws `usage`, `bad-key-file`, `bad-bundle` for
 * a malformed result, `bundle-changed` if clients would refuse it.
 */
export async function nextBundle(
  folder: DataFolder,
  change: (current: TrustBundle, keys: KeyRing) => Partial<TrustBundle> | Promise<Partial<TrustBundle>>,
): Promise<SignedTrustBundle> {
  const text = await folder.read(folder.trust);
  ensure(text !== undefined, 'usage', `${folder.trust} is missing`);
  const { bundle } = parseTrustBundle(text);
  return withKeys(folder, async (keys) => {
    const changes = await change(bundle, keys);
    const key = await keys.signer('bundle');
    const isExpected = formatBase64(key.publicKey) === bundle.bundleKey;
    ensure(isExpected, 'usage', `${folder.key('bundle')} is not the bundle key that clients know`);
    const next = await signTrustBundle({ ...bundle, ...changes, sequence: bundle.sequence + 1 }, [key]);
    assertTrustBundle(next.bundle);
    assertSuccessor(bundle, next);
    return next;
  });
}

/** Replaces the folder's bundle. Servers show the new one after a reload or their next start. */
export async function storeBundle(folder: DataFolder, bundle: SignedTrustBundle): Promise<void> {
  await folder.write(folder.trust, formatTrustBundle(bundle));
}
