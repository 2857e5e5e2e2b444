import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { generateKey } from '../../../src/client/client-key.ts';
import { FolderState } from '../../../src/client/node.ts';
import { stateOfContacts } from '../../support/client-states.ts';
import { createTestServer, type TestServer } from '../../support/test-server.ts';

let server: TestServer;
let folder: string;
beforeAll(async () => {
  server = await createTestServer();
  folder = await mkdtemp(join(tmpdir(), 'glasskey-growth-'));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const sizeOf = async (): Promise<number> => (await stat(join(folder, 'state.json'))).size;

it('an operation of a client with 10,000 contacts writes less than 16 KB, and another process sees it', async () => {
  const alice = await server.client();
  await alice.register('alice@example.com', { token: server.log.token, key: await generateKey() });
  const store = new FolderState(folder);
  const bob = await server.client(store);
  await store.transact(async (state) => {
    const contacts = new Map([...stateOfContacts(10_000).contacts, ...state.contacts]);
    return { next: { ...state, contacts }, result: undefined };
  });
  const written: number[] = [];
  let size = await sizeOf();
  await alice.register('carol@example.com', { token: server.log.token, key: await generateKey() });
  for (const name of ['alice@example.com', 'carol@example.com', 'nobody@example.com', 'alice@example.com']) {
    await bob.lookup(name);
    const grown = await sizeOf();
    written.push(grown - size);
    size = grown;
  }
  expect(Math.max(...written)).toBeLessThan(16_384);
  expect(written[0]).toBeGreaterThan(0);
  const found = await new FolderState(folder).transact(async ({ contacts }) => ({ result: contacts }));
  expect(found.size).toBe(10_002);
  expect(found.get('carol@example.com')?.version).toBe(0);
});
