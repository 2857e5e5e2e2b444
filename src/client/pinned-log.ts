import { fingerprint } from '../contract/bundle-signature.ts';
import { assertSuccessor } from '../contract/bundle-successor.ts';
import type { SignedTrustBundle, TrustBundle } from '../contract/trust-bundle.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import type { PinnedAt } from './state/client-state.ts';

/**
 * Holds a server to the pinned bundle, as `assertSuccessor` does. A server that used to show the pinned log and now
 * shows another one is `log-replaced`: that is no mistake of the user, and forgets more than any fork. It is
 * `log-reset` only if the pinned log itself is named after this computer and the server is on it: a development server
 * began anew.
 */
export function assertFollowsPin(
  pinned: TrustBundle,
  shown: SignedTrustBundle,
  at: { readonly pinned: PinnedAt | undefined; readonly server: string },
): void {
  try {
    assertSuccessor(pinned, shown);
  } catch (error) {
    if (!isGlasskeyError(error, 'other-log') || at.pinned?.server !== at.server) throw error;
    const logs = `the log ${shown.bundle.origin}, where it used to show ${pinned.origin}`;
    const isDevelopment = isLoopback(`http://${pinned.origin}`) && isLoopback(at.server);
    throw isDevelopment
      ? new GlasskeyError('log-reset', `the development server at ${at.server} was reset: it shows ${logs}`)
      : new GlasskeyError(
          'log-replaced',
          `${at.server} shows ${logs}. Its operator replaced the whole log and what it proved, or somebody else answers ` +
            'in its place. Next: ask the operator by another way than this server, and show the evidence to others',
        );
  }
}

/** Returns true for a URL whose host is this computer. */
function isLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** Returns a fingerprint as typed in lower-case hex; colons and spaces may separate its digits. Throws `usage`. */
export function readFingerprint(text: string): string {
  const hex = text.replaceAll(/[\s:]/g, '').toLowerCase();
  ensure(
    /^[0-9a-f]{64}$/.test(hex),
    'usage',
    'a fingerprint has 64 hexadecimal digits: copy the whole one that the operator gives',
  );
  return hex;
}

/**
 * Throws `fingerprint-mismatch` unless the server's bundle, or one that the client trusts already and that this one
 * follows, has the fingerprint that a person confirmed. `trusted` is what the server's bundle was shown to follow.
 */
export function assertFingerprint(
  wanted: string,
  shown: TrustBundle,
  trusted: readonly TrustBundle[],
  pinned: PinnedAt | undefined,
): void {
  const found = fingerprint(shown);
  const known = [found, ...trusted.map(fingerprint), pinned?.fingerprint];
  ensure(
    known.includes(wanted),
    'fingerprint-mismatch',
    `the trust bundle of ${shown.origin} has the fingerprint ${found}, not ${wanted}. The operator published a newer ` +
      'bundle since, the fingerprint is of another server, or somebody answers in its place. Next: get the present ' +
      'fingerprint from the operator by another way than this server',
  );
}
