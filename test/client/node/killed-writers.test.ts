import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FolderState } from '../../../src/client/node.ts';
import { stateOfContacts } from '../../support/client-states.ts';
import { seededRandom } from '../../support/random.ts';

const SEED = Number(process.env['GLASSKEY_CRASH_SEED'] ?? Date.now() % 1_000_000);
const NAME = '3@example.com';
const KILLS = 6;
const NODE_ENTRY = pathToFileURL(resolve(import.meta.dirname, '../../../dist/client/node.js')).href;

/** Counts in two places of the state in one operation, for ever, and reports each number once it is stored. */
const WRITER = `
  const { FolderState } = await import(process.argv[1]);
  const store = new FolderState(process.argv[2]);
  for (;;) {
    const stored = await store.transact(async (state) => {
      const number = Number(state.bundle) + 1;
      const contact = { ...state.contacts.get('${NAME}'), version: number };
      const contacts = new Map(state.contacts).set('${NAME}', contact);
      return { next: { ...state, bundle: String(number), contacts }, result: number };
    });
    console.log(stored);
  }
`;

let folder: string;
const writers = new Set<ChildProcess>();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-killed-'));
});
afterEach(async () => {
  for (const writer of writers) await kill(writer);
  await rm(folder, { recursive: true, force: true });
});

async function kill(writer: ChildProcess): Promise<void> {
  writers.delete(writer);
  if (writer.exitCode !== null || writer.signalCode !== null) return;
  const ended = once(writer, 'exit');
  writer.kill('SIGKILL');
  await ended;
}

it(`a large state has all of each operation, whenever its processes are killed (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  await new FolderState(folder).transact(async () => ({ next: { ...stateOfContacts(60), bundle: '0' }, result: 0 }));
  let stored = 0;
  const start = async (): Promise<ChildProcess> => {
    const arguments_ = ['--input-type=module', '-e', WRITER, NODE_ENTRY, folder];
    const writer = spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'inherit'] });
    writers.add(writer);
    const lines = createInterface({ input: writer.stdout });
    lines.on('line', (line) => (stored = Math.max(stored, Number(line))));
    await once(lines, 'line');
    return writer;
  };
  let next = await start();
  for (let round = 0; round < KILLS; round++) {
    const [killed, other] = [next, await start()];
    await new Promise((resolve) => setTimeout(resolve, random() * 300));
    await kill(killed);
    const reported = stored;
    const found = await new FolderState(folder).transact(async (state) => ({ result: state }));
    expect(found.contacts.get(NAME)?.version).toBe(Number(found.bundle));
    expect(Number(found.bundle)).toBeGreaterThanOrEqual(reported);
    next = other;
  }
  expect(stored).toBeGreaterThan(KILLS);
  expect((await readFile(join(folder, 'state.json'), 'utf8')).startsWith('{"format":3,')).toBe(true);
});
