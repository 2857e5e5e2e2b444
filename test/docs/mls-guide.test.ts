import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ClientState, CreateCommitResult, MLSMessage } from 'ts-mls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DeviceKey, generateKey } from '../../src/client/client-key.ts';
import type { MlsAuthentication } from '../../src/client/mls/mls-authentication.ts';
import type { DeviceCertificate, NewKeyPackage } from '../../src/client/mls/key-package.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Device {
  readonly auth: MlsAuthentication;
  readonly group: ClientState;
}

/** The functions of `examples/mls-groups.mjs`, which imports the built package. */
interface Example {
  openDevice(
    directory: KeyDirectory,
    key: DeviceKey,
    issued: DeviceCertificate,
    show: (event: { readonly type: string }) => void,
  ): Promise<Device>;
  newKeyPackage(device: Device): Promise<NewKeyPackage>;
  begin(device: Device, groupId: Uint8Array, own: NewKeyPackage): Promise<void>;
  add(device: Device, keyPackage: NewKeyPackage['publicPackage']): Promise<CreateCommitResult>;
  join(device: Device, welcome: CreateCommitResult['welcome'], own: NewKeyPackage): Promise<void>;
  receive(device: Device, message: MLSMessage): Promise<string | undefined>;
  send(device: Device, text: string): Promise<MLSMessage>;
  removeDeparted(device: Device): Promise<readonly MLSMessage[]>;
  replaceKey(device: Device, next: { key: DeviceKey; issued: DeviceCertificate }): Promise<MLSMessage>;
}

describe('the guide for MLS', () => {
  let server: TestServer;
  let example: Example;
  beforeAll(async () => {
    server = await createTestServer({ startMs: Date.now() });
    example = (await import(join(ROOT, 'examples/mls-groups.mjs'))) as Example;
  });
  afterAll(() => server.close());

  it('shows the code of the example', () => {
    const shown = [...read('docs/mls.md').matchAll(/```js\n([\s\S]*?)```/g)].map(([, block = '']) => block.trim());
    const code = read('examples/mls-groups.mjs');
    expect(shown.length).toBeGreaterThan(5);
    expect(shown.flatMap((block) => block.split('\n\n')).filter((part) => !code.includes(part))).toEqual([]);
  });

  /** Registers a device of a name, with what its user was shown. */
  async function device(name: string) {
    const directory = await server.client();
    const key = await generateKey({ type: 'ed25519' });
    const issued = await directory.register(name, { token: server.log.token, key });
    const shown: string[] = [];
    const one = await example.openDevice(directory, key, issued, ({ type }) => shown.push(type));
    return { name, directory, key, shown, one };
  }

  it('tells a story of three', async () => {
    const { newKeyPackage, begin, add, join: joins, receive, send, removeDeparted, replaceKey } = example;
    const [alice, bob, carol] = [
      await device('alice@example.com'),
      await device('bob@example.com'),
      await device('carol@example.com'),
    ];
    await begin(alice.one, Uint8Array.of(1), await newKeyPackage(alice.one));
    for (const { one } of [bob, carol]) {
      const own = await newKeyPackage(one);
      const { welcome, commit } = await add(alice.one, own.publicPackage);
      if (one === carol.one) await expect(receive(bob.one, commit)).resolves.toBeUndefined();
      await joins(one, welcome, own);
    }
    await expect(receive(bob.one, await send(alice.one, 'hello'))).resolves.toBe('hello');
    expect(bob.shown).toEqual(['commit']);

    await bob.directory.revoke(bob.name, bob.key);
    const sent = await removeDeparted(alice.one);
    expect(sent).toHaveLength(2);
    for (const message of sent) await receive(carol.one, message);
    await expect(removeDeparted(carol.one)).resolves.toEqual([]);

    const key = await generateKey({ type: 'ed25519' });
    const issued = await carol.directory.rotate(carol.name, carol.key, key);
    await receive(alice.one, await replaceKey(carol.one, { key, issued }));
    await expect(receive(alice.one, await send(carol.one, 'new key'))).resolves.toBe('new key');
    const { members } = await alice.one.auth.roster(alice.one.group);
    expect(members).toMatchObject([{ identity: alice.name }, { identity: carol.name, version: 1 }]);
    expect(alice.shown).toEqual(['commit', 'commit', 'keys-changed', 'refused', 'commit', 'keys-changed', 'commit']);
  });
});
