import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { assertFollowsPin, readFingerprint } from '../../src/client/pinned-log.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { fingerprint, signTrustBundle } from '../../src/contract/bundle-signature.ts';
import { formatTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { PATHS } from '../../src/contract/paths.ts';
import type { SignedTrustBundle } from '../../src/contract/trust-bundle.ts';
import { formatBase64 } from '../../src/core/encoding/bytes.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import { failure, readState } from '../support/victims.ts';

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start();
});
afterAll(() => operator.stop());

describe('a fingerprint', () => {
  it('pins the bundle that has it, and stays good for the bundles that follow', async () => {
    const { url: server, bundle, bundleKey } = operator.server;
    const state = new MemoryState();
    const first = fingerprint(bundle.bundle);
    const opened = await KeyDirectory.open({ server, state, fingerprint: first.toUpperCase() });
    expect([opened.trustOrigin, opened.fingerprint]).toEqual(['given', first]);
    const [second, third] = (await Promise.all(
      [2, 3].map((sequence) => signTrustBundle({ ...bundle.bundle, sequence }, [bundleKey])),
    )) as [SignedTrustBundle, SignedTrustBundle];
    const newer = fingerprint(second.bundle);
    for (const [shown, wanted] of [
      [second, first],
      [second, newer],
      [third, newer],
    ] as const) {
      const fetch = lie(PATHS.trustBundle, async () => new Response(formatTrustBundle(shown)));
      const again = await KeyDirectory.open({ server, state, fetch, fingerprint: wanted });
      expect(again.fingerprint).toBe(fingerprint(shown.bundle));
    }
    const previous = formatTrustBundle(second);
    expect((await readState(state)).pinned).toEqual({ server, fingerprint: newer, previous });
    const offline = { server, state, offline: true };
    await expect(KeyDirectory.open({ ...offline, fingerprint: newer })).resolves.toBeDefined();
    const wrong = failure(KeyDirectory.open({ ...offline, fingerprint: '0'.repeat(64) }));
    expect(await wrong).toMatchObject({ code: 'fingerprint-mismatch' });
  });

  it('may be typed in groups; anything but 64 digits is a mistake of the user', async () => {
    const hex = '0123456789abcdef'.repeat(4);
    expect(readFingerprint(`01:23:45:67 89AB CDEF ${hex.slice(16)}\n`)).toBe(hex);
    for (const text of ['', hex.slice(1), `${hex}0`, hex.replace('a', 'g')]) {
      expect(await failure(() => readFingerprint(text))).toMatchObject({ code: 'usage' });
    }
  });
});

describe('another log at the same server', () => {
  const codeFor = async (origin: string, server: string, pinnedAt = server): Promise<string> => {
    const stranger = signerFromKey(await createKey('ed25519'));
    const { bundle } = operator.server.bundle;
    const other = { ...bundle, origin: '127.0.0.1/new', bundleKey: formatBase64(stranger.publicKey) };
    const shown: SignedTrustBundle = await signTrustBundle(other, [stranger]);
    const at = { pinned: { server: pinnedAt }, server };
    const error = await failure(() => assertFollowsPin({ ...bundle, origin }, shown, at));
    return isGlasskeyError(error) ? error.code : String(error);
  };

  it('is a reset only where the pinned log and the server are both of this computer', async () => {
    for (const server of ['http://127.0.0.1:8080', 'http://localhost:8080', 'http://[::1]:8080/keys']) {
      expect(await codeFor('127.0.0.1/88efc3ae', server)).toBe('log-reset');
      expect(await codeFor('localhost/88efc3ae', server)).toBe('log-reset');
      expect(await codeFor('keys.example/2026', server)).toBe('log-replaced');
      expect(await codeFor('127.0.0.1.example/2026', server)).toBe('log-replaced');
      expect(await codeFor('keys.example/127.0.0.1', server)).toBe('log-replaced');
    }
    expect(await codeFor('127.0.0.1/88efc3ae', 'https://keys.example')).toBe('log-replaced');
    expect(await codeFor('127.0.0.1/88efc3ae', 'https://127.0.0.1.example')).toBe('log-replaced');
    expect(await codeFor('keys.example/2026', 'https://other.example', 'https://keys.example')).toBe('other-log');
  });
});
