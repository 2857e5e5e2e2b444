import { parseBase64 } from '../core/encoding/bytes.ts';
import { decode } from '../core/encoding/codec.ts';
import { ensure, SignedFault } from '../core/errors.ts';
import { maySucceed } from '../core/keytrans/auditor-change.ts';
import { type Configuration, configurationCodec } from '../core/keytrans/configuration.ts';
import { canonicalJson } from './canonical-json.ts';
import { canonicalBundle, verifyBundleSignatures } from './bundle-signature.ts';
import type { SignedTrustBundle, TrustBundle } from './trust-bundle.ts';

/**
 * Decides if a client that pinned `pinned` accepts a server's bundle `next` (`docs/spec.md#trust-bundle`).
 *
 * Accepts the same bundle. Any other needs a higher sequence number and a signature by the pinned bundle's key. It must
 * be about the same log: origin, rules of identities and KEYTRANS Configuration stay. Only the Configuration's
 * third-party auditor may change, or be added. What it requires of clients may only grow, because records that need it
 * stay in the log. Throws `bundle-changed`, as a {@link SignedFault} if the pinned key
 * signed what may not be, and `bad-bundle` for invalid signatures; and `other-log` for a bundle of another log that the
 * pinned key did not sign, which is no lie of the pinned log.
 */
export function assertSuccessor(pinned: TrustBundle, next: SignedTrustBundle): void {
  verifyBundleSignatures(next);
  const { bundle, signatures } = next;
  if (canonicalBundle(bundle) === canonicalBundle(pinned)) return;
  const approved = signatures.some((signature) => signature.key === pinned.bundleKey);
  ensure(
    approved || bundle.origin === pinned.origin,
    'other-log',
    `this state or trust bundle belongs to the log ${pinned.origin}, but ${bundle.origin} is shown. Most likely the ` +
      "server's address, the state or the trust bundle is the wrong one. Next: check the address, or use a state and a " +
      'trust bundle of their own for that log',
  );
  ensure(
    bundle.sequence >= pinned.sequence,
    'bundle-changed',
    'the trust bundle is older than the one that was seen before',
  );
  ensure(approved, 'bundle-changed', 'the trust bundle changed without a signature by the pinned bundle key');
  ensureSigned(bundle.sequence > pinned.sequence, 'two trust bundles have one sequence number');
  ensureSigned(bundle.origin === pinned.origin, 'the trust bundle names another log');
  ensureSigned(
    canonicalJson({ ...bundle.identityRules }) === canonicalJson({ ...pinned.identityRules }),
    'the trust bundle changes the rules of identities',
  );
  ensureSigned(
    (pinned.requires ?? []).every((one) => bundle.requires?.includes(one) === true),
    'the trust bundle requires less of clients than before',
  );
  ensureSigned(
    maySucceed(configurationOf(pinned), configurationOf(bundle)),
    "the trust bundle removes the Configuration's auditor, or changes another part of the Configuration",
  );
}

function ensureSigned(condition: boolean, message: string): void {
  if (!condition) throw new SignedFault('bundle-changed', message);
}

function configurationOf(bundle: TrustBundle): Configuration {
  return decode(configurationCodec, parseBase64(bundle.keytransConfiguration));
}
