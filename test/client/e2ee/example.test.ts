import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientKey } from '../../../src/client/client-key.ts';
import type { KeyDirectory } from '../../../src/client/key-directory.ts';
import { LyingOperator } from '../../support/lying-operator.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const EXAMPLE = join(ROOT, 'examples/sealed-messages.mjs');

interface Device {
  readonly directory: KeyDirectory;
  readonly name: string;
  readonly key: ClientKey;
  readonly keys: readonly ClientKey[];
  readonly seen: Set<string>;
  readonly show: (line: string) => void;
}
interface Example {
  newDeviceKey(): Promise<ClientKey>;
  send(from: Device, to: string, text: string): Promise<Uint8Array | undefined>;
  receive(at: Device, envelope: Uint8Array): Promise<{ readonly text: string; readonly from: string } | undefined>;
  meet(own: Device, contact: string, scan: (number: { readonly qr: string }) => unknown): Promise<unknown>;
  headline(own: Device, contact: string): Promise<string>;
}

let operator: LyingOperator;
let example: Example;
const shown: string[] = [];
beforeAll(async () => {
  operator = await LyingOperator.start();
  example = (await import(pathToFileURL(EXAMPLE).href)) as Example;
});
afterAll(() => operator.stop());

async function device(name: string): Promise<Device> {
  const directory = await operator.client();
  const key = await example.newDeviceKey();
  await directory.register(name, { token: operator.server.log.token, key });
  return { directory, name, key, keys: [key], seen: new Set(), show: (line) => shown.push(line) };
}

describe('the example of docs/e2ee.md', () => {
  it('is in the page, word for word', () => {
    const page = readFileSync(join(ROOT, 'docs/e2ee.md'), 'utf8');
    const shownCode = [...page.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code as string);
    const code = readFileSync(EXAMPLE, 'utf8');
    expect(shownCode.length).toBeGreaterThan(4);
    expect(shownCode.filter((one) => !code.includes(one))).toEqual([]);
  });

  it('sends, receives once, compares and notices a false key', async () => {
    const [alice, bob] = [await device('alice@example.com'), await device('bob@example.com')];
    const envelope = (await example.send(alice, bob.name, 'hello')) as Uint8Array;
    await expect(example.receive(bob, envelope)).resolves.toMatchObject({ from: alice.name, text: 'hello' });
    await expect(example.receive(bob, envelope)).resolves.toBeUndefined();
    await expect(example.headline(alice, bob.name)).resolves.toBe('not verified in person');
    let onScreen = '';
    await example.meet(bob, alice.name, ({ qr }) => (onScreen = qr));
    await expect(example.meet(alice, bob.name, () => onScreen)).resolves.toEqual({ same: true });
    await expect(example.headline(alice, bob.name)).resolves.toBe('verified');
    const record = (await operator.latest(bob.name))!.record;
    const certificate = await operator.certify(bob.name, (await example.newDeviceKey()).spki);
    const authorization = { type: 'operator', reason: 'trust me' } as const;
    await operator.appendRecord(bob.name, { certificates: [...record.certificates, certificate], authorization });
    await expect(example.send(alice, bob.name, 'secret')).resolves.toBeUndefined();
    expect(shown).toEqual([expect.stringMatching(/^version 1 was made by the operator/)]);
    await expect(example.headline(alice, bob.name)).resolves.toMatch(/^the keys changed without their owner/);
  });
});
