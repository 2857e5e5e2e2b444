import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as webAuthn from '@simplewebauthn/browser';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as backupEntry from '../../src/client/backup/index.ts';
import type { PasskeyAssertion } from '../../src/client/backup/passkey-prf.ts';
import type * as opaqueClient from '../../src/client/backup/opaque-client.ts';
import { Chromium, chromiumMissing } from '../support/chromium.ts';
import { ROOT } from '../docs/test-titles.ts';

const missing = chromiumMissing();
const title = missing === undefined ? 'a passkey in chromium' : `a passkey in chromium (${missing})`;
const CONTENTS = `
  export * from './backup/index.ts';
  export { beginLogin } from './backup/opaque-client.ts';
  export { startRegistration } from '@simplewebauthn/browser';`;

/** What the page's functions below find there. */
interface BackupPage {
  readonly glasskey: typeof backupEntry &
    Pick<typeof opaqueClient, 'beginLogin'> &
    Pick<typeof webAuthn, 'startRegistration'>;
  readonly navigator: { readonly credentials: { get(options: object): Promise<{ toJSON(): object }> } };
}
interface PasskeyModule {
  passkeyText(response: object, challenge: string, origin: string): Promise<string>;
  verifyPasskeyOf(
    origin: string,
  ): (passkeys: readonly string[], assertion: PasskeyAssertion, challenge: string) => Promise<boolean>;
}

/** Gives the page's browser an authenticator: one that a phone has built in. */
async function addAuthenticator(page: Page, hasPrf: boolean): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      hasPrf,
    },
  });
}

/** Makes a passkey in the page, as its vault's library has pages do it. Its id is base64url. */
function createPasskey(page: Page) {
  return page.evaluate(() => {
    const { glasskey } = globalThis as unknown as BackupPage;
    return glasskey.startRegistration({
      optionsJSON: {
        challenge: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE',
        rp: { name: 'chat', id: 'localhost' },
        user: { id: 'AQ', name: 'alice', displayName: 'Alice' },
        pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        extensions: { prf: {} },
      },
    });
  });
}

/** Returns what `toJSON` says of an assertion with a PRF. */
function assertionAsJson(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const { glasskey, navigator } = globalThis as unknown as BackupPage;
    const extensions = { prf: { eval: { first: glasskey.PASSKEY_PRF_INPUT } } };
    const found = await navigator.credentials.get({ publicKey: { challenge: new Uint8Array(32), extensions } });
    return JSON.stringify(found.toJSON());
  });
}

/** Asks for the passkey, locks a key with it, and opens the lock with a second answer. */
function lockAndOpen(page: Page, credentialId: readonly number[]) {
  return page.evaluate(async (id) => {
    const { glasskey } = globalThis as unknown as BackupPage;
    const ask = (credentialIds: readonly Uint8Array[]) =>
      glasskey.askPasskey({ challenge: new Uint8Array(32).fill(2), credentialIds });
    const first = await ask([new Uint8Array(id)]);
    const plan = { kind: 'passkey', credentialId: first.credentialId } as const;
    const locked = await glasskey.BackupKey.generate().lockedWith(plan, first.prf);
    const second = await ask([]);
    return {
      prf: [...first.prf],
      again: [...second.prf],
      id: [...second.credentialId],
      assertion: second.assertion,
      locks: locked.locks.map(({ kind }) => kind),
    };
  }, credentialId);
}

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let server: Server;
  let origin: string;
  let browser: Chromium;
  let passkeys: PasskeyModule;

  beforeAll(async () => {
    server = createServer((_, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://localhost:${(server.address() as AddressInfo).port}`;
    browser = await Chromium.start(CONTENTS);
    passkeys = (await import(pathToFileURL(join(ROOT, 'examples/vault/passkeys.mjs')).href)) as PasskeyModule;
  });
  afterAll(async () => {
    await browser?.close();
    await new Promise((resolve) => server.close(resolve));
  });

  it('gives the same secret each time, and shows the vault who it is without it', async () => {
    const page = await browser.open(await browser.profile(), origin, 0);
    await addAuthenticator(page, true);
    const made = await createPasskey(page);
    const base64Url = (fill: number) => Buffer.alloc(32, fill).toString('base64url');
    const stored = await passkeys.passkeyText(made, base64Url(1), origin);
    const id = [...Buffer.from(made.id, 'base64url')];
    const found = await lockAndOpen(page, id);
    expect(found.prf).toHaveLength(32);
    expect(new Set(found.prf).size).toBeGreaterThan(8);
    expect(found).toMatchObject({ again: found.prf, id, locks: ['passkey'] });
    const secret = Buffer.from(found.prf).toString('base64url');
    expect(await assertionAsJson(page)).toContain(secret);
    expect(JSON.stringify(found.assertion)).not.toContain(secret);
    const verify = passkeys.verifyPasskeyOf(origin);
    await expect(verify([stored], found.assertion, base64Url(2))).resolves.toBe(true);
    await expect(verify([stored], found.assertion, base64Url(3))).resolves.toBe(false);
    await expect(verify([], found.assertion, base64Url(2))).resolves.toBe(false);
    await expect(passkeys.verifyPasskeyOf('http://localhost:1')([stored], found.assertion, base64Url(2))).resolves.toBe(
      false,
    );
  });

  it('without a PRF is refused, with a word on what to do', async () => {
    const page = await browser.open(await browser.profile(), origin, 0);
    await addAuthenticator(page, false);
    const made = await createPasskey(page);
    const refused = await lockAndOpen(page, [...Buffer.from(made.id, 'base64url')]).catch((error: unknown) =>
      String(error),
    );
    expect(refused).toContain('this browser or passkey has no PRF');
  });

  it('is not needed for a password: the library of OPAQUE runs in a page', async () => {
    const page = await browser.open(await browser.profile(), origin, 0);
    const request = await page.evaluate(async () => {
      const { glasskey } = globalThis as unknown as BackupPage;
      return (await glasskey.beginLogin('password', { client: 'alice', server: 'vault' })).request;
    });
    expect(request).toMatch(/^[\w-]{128}$/);
  });
});
