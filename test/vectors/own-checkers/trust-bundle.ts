import { canonicalBundle, fingerprint } from '../../../src/contract/bundle-signature.ts';
import { assertSuccessor } from '../../../src/contract/bundle-successor.ts';
import { parseTrustBundle } from '../../../src/contract/parse-trust-bundle.ts';
import type { OwnChecker } from './checker.ts';

export const checkTrustBundle: OwnChecker = ({ text }) => {
  const { bundle } = parseTrustBundle(text);
  return { canonical: canonicalBundle(bundle), fingerprint: fingerprint(bundle) };
};

export const checkBundleSuccessor: OwnChecker = ({ pinned, next }) => {
  const successor = parseTrustBundle(next);
  assertSuccessor(parseTrustBundle(pinned).bundle, successor);
  return { sequence: successor.bundle.sequence };
};
