import { afterAll, beforeAll, describe, expect } from 'vitest';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { formatPem } from '../../src/ca/der/pem.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { formatBase64 } from '../../src/core/encoding/bytes.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../src/core/keytrans/configuration.ts';
import { fingerprint as bundleFingerprint, signTrustBundle } from '../../src/contract/bundle-signature.ts';
import { formatTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { PATHS } from '../../src/contract/paths.ts';
import type { SignedTrustBundle } from '../../src/contract/trust-bundle.ts';
import { exitCodeOf } from '../../src/cli/exit-code.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import { failure, readState, register } from '../support/victims.ts';
import { attack } from './attack.ts';

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start();
  await register(operator, 'bob@example.com');
});
afterAll(() => operator.stop());

const showing = (bundle: SignedTrustBundle | string) =>
  lie(PATHS.trustBundle, async () => new Response(typeof bundle === 'string' ? bundle : formatTrustBundle(bundle)));

/** The bundle of the log with another VRF key, signed by the true bundle key. */
async function otherVrf(): Promise<SignedTrustBundle> {
  const { bundle, bundleKey, log } = operator.server;
  const stranger = signerFromKey(await createKey('ed25519'));
  const config = { ...log.context.configuration, vrfPublicKey: stranger.publicKey };
  const keytransConfiguration = formatBase64(encode(configurationCodec, config));
  return signTrustBundle({ ...bundle.bundle, sequence: 2, keytransConfiguration }, [bundleKey]);
}

/** The bundle of a log of that name, under keys that nobody knows. */
async function anotherLog(origin: string): Promise<SignedTrustBundle> {
  const { bundle } = operator.server.bundle;
  const stranger = signerFromKey(await createKey('ed25519'));
  return signTrustBundle({ ...bundle, origin, bundleKey: formatBase64(stranger.publicKey) }, [stranger]);
}

/** What those notice who pinned the true bundle, or were given it, when the server shows another one. */
async function refusals(shown: SignedTrustBundle): Promise<unknown[]> {
  const { bundle, url: server } = operator.server;
  const state = new MemoryState();
  await (await operator.client({ state })).lookup('bob@example.com');
  const before = await readState(state);
  const fetch = showing(shown);
  const pinned = await failure(operator.client({ state, fetch }));
  expect(exitCodeOf(pinned)).toBe(2);
  expect(await readState(state)).toBe(before);
  return [pinned, await failure(KeyDirectory.open({ server, state: new MemoryState(), fetch, bundle }))];
}

describe('a server that shows another trust bundle', () => {
  attack('bundle-changed', async () => {
    const { bundle, bundleKey } = operator.server;
    const stranger = signerFromKey(await createKey('ed25519'));
    const foreign = { ...bundle.bundle, sequence: 2, bundleKey: formatBase64(stranger.publicKey) };
    const swaps = [
      await signTrustBundle(foreign, [stranger]),
      await signTrustBundle({ ...bundle.bundle, recoveryDelayMs: 0 }, [bundleKey]),
      await signTrustBundle({ ...bundle.bundle, sequence: 2, origin: 'another.example' }, [bundleKey]),
    ];
    const noticed: unknown[] = [];
    for (const swap of swaps) noticed.push(...(await refusals(swap)));
    const state = new MemoryState();
    await operator.client({ state });
    const successor = await signTrustBundle({ ...bundle.bundle, sequence: 2 }, [bundleKey]);
    await expect(operator.client({ state, fetch: showing(successor) })).resolves.toBeDefined();
    // From then on the older one is a step back.
    return [...noticed, await failure(operator.client({ state }))];
  });

  attack('log-replaced', async () => {
    const [state, moved] = [new MemoryState(), new MemoryState()];
    await (await operator.client({ state })).lookup('bob@example.com');
    const before = await readState(state);
    const noticed = [await failure(operator.client({ state, fetch: showing(await anotherLog('log.example/2')) }))];
    expect(noticed.map(exitCodeOf)).toEqual([2]);
    // A name of this computer makes it no softer: the pinned log has none.
    noticed.push(await failure(operator.client({ state, fetch: showing(await anotherLog('127.0.0.1/2')) })));
    expect(await readState(state)).toBe(before);
    // Where another server showed the pinned log, the address or the state is most likely the wrong one.
    await operator.client({ state: moved });
    await moved.transact(async (known) => ({
      next: { ...known, pinned: { server: 'https://keys.example' } },
      result: undefined,
    }));
    const mistaken = operator.client({ state: moved, fetch: showing(await anotherLog('log.example/2')) });
    expect(await failure(mistaken)).toMatchObject({ code: 'other-log' });
    return noticed;
  });

  attack('fingerprint-mismatch', async () => {
    const { url: server, bundle, bundleKey } = operator.server;
    const fingerprint = bundleFingerprint(bundle.bundle);
    const shown = [
      await anotherLog('log.example/2'),
      await anotherLog('log.example'),
      await signTrustBundle({ ...bundle.bundle, recoveryDelayMs: 0 }, [bundleKey]),
    ];
    const noticed: unknown[] = [];
    for (const one of shown) {
      const state = new MemoryState();
      noticed.push(await failure(KeyDirectory.open({ server, state, fetch: showing(one), fingerprint })));
      expect((await readState(state)).bundle).toBeUndefined();
    }
    // Nor does a state help that trusted the first bundle it saw.
    const state = new MemoryState();
    const fetch = showing(await anotherLog('log.example/2'));
    expect((await operator.client({ state, fetch })).trustOrigin).toBe('first-use');
    return [...noticed, await failure(KeyDirectory.open({ server, state, fetch, fingerprint }))];
  });

  attack('lifetime-within-window', async () => {
    const { bundle, bundleKey, log } = operator.server;
    const { configuration } = log.context;
    const noticed: unknown[] = [];
    for (const shorterMs of [0, 1]) {
      const maximumLifetimeMs = configuration.reasonableMonitoringWindowMs - shorterMs;
      const keytransConfiguration = formatBase64(encode(configurationCodec, { ...configuration, maximumLifetimeMs }));
      const signed = await signTrustBundle({ ...bundle.bundle, keytransConfiguration }, [bundleKey]);
      noticed.push(await failure(operator.client({ fetch: showing(signed) })));
    }
    return noticed;
  });

  attack('bundle-unsigned', async () => {
    const text = formatTrustBundle(operator.server.bundle);
    const altered = [
      text.replace('"sequence": 1', '"sequence": 2'),
      text.replace('"sequence": 1', '"sequence": 1, "sequence": 2'),
    ];
    const noticed: unknown[] = [];
    for (const one of altered) noticed.push(await failure(operator.client({ fetch: showing(one) })));
    return noticed;
  });

  attack('two-vrf-keys', async () => {
    const shown = await otherVrf();
    // Two people, each at first sight: each pins what it is shown, and the fingerprints tell them apart.
    const [alice, bob] = [await operator.client(), await operator.client({ fetch: showing(shown) })];
    expect([alice.trustOrigin, bob.trustOrigin]).toEqual(['first-use', 'first-use']);
    expect(alice.trust.bundle.origin).toBe(bob.trust.bundle.origin);
    expect(alice.fingerprint).not.toBe(bob.fingerprint);
    return refusals(shown);
  });

  attack('useless-keys', async () => {
    const { bundle, bundleKey, url, log } = operator.server;
    const small = new Uint8Array(32);
    small[0] = 1;
    const { configuration } = log.context;
    const broken = [
      { ...configuration, vrfPublicKey: small },
      { ...configuration, vrfPublicKey: new Uint8Array(32) },
      { ...configuration, signaturePublicKey: small },
      { ...configuration, cipherSuite: 1 },
    ].map((config) => ({ keytransConfiguration: formatBase64(encode(configurationCodec, config)) }));
    const issuers = [formatPem('CERTIFICATE', Uint8Array.of(0x30, 0))];
    const noticed: unknown[] = [];
    for (const change of [...broken, { issuers }]) {
      const signed = await signTrustBundle({ ...bundle.bundle, ...change }, [bundleKey]);
      const state = new MemoryState();
      noticed.push(await failure(KeyDirectory.open({ server: url, state, fetch: showing(signed) })));
      expect((await readState(state)).bundle).toBeUndefined();
    }
    return noticed;
  });
});
