import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ClientState, EMPTY_STATE } from '../../../src/client/state/client-state.ts';
import { formatClientState, parseClientState } from '../../../src/client/state/client-state-json.ts';
import { type LockHolder, newHolder } from '../../../src/host/lock-holder.ts';
import { FolderState, writeFileDurably } from '../../../src/client/node.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-state-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const code = (expected: string) => expect.objectContaining({ code: expected });
const contact = {
  version: 1,
  commitment: new Uint8Array(32),
  value: Uint8Array.of(1),
  monitored: [],
  ladder: [],
  monitoredAtMs: undefined,
};
const read = (state: FolderState): Promise<ClientState> => state.transact(async (current) => ({ result: current }));
const write = (state: FolderState, next: ClientState): Promise<void> =>
  state.transact(async () => ({ next, result: undefined }));

describe('a state in a folder', () => {
  it('is private, comes back, and is untouched by work that fails', async () => {
    const next = { ...EMPTY_STATE, bundle: 'bundle', contacts: new Map([['a@example.com', contact]]) };
    await write(new FolderState(folder), next);
    expect(await read(new FolderState(folder))).toEqual(next);
    expect((await stat(join(folder, 'state.json'))).mode & 0o777).toBe(0o600);
    const failing = new FolderState(folder).transact(() => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(await read(new FolderState(folder))).toEqual(next);
    expect(await readdir(folder)).toEqual(['state.json']);
  });

  it('holds names that mean something to JavaScript', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '7'];
    const contacts = new Map(names.map((name, i) => [name, { ...contact, version: i }]));
    const state = new FolderState(folder);
    await write(state, { ...EMPTY_STATE, contacts });
    const back = await read(new FolderState(folder));
    for (const [name, { version }] of contacts) expect(back.contacts.get(name)?.version).toBe(version);
    expect(back.contacts.size).toBe(names.length);
    expect(({} as Record<string, unknown>)['version']).toBeUndefined();
  });

  it('is refused where it is damaged, and stays as it is', async () => {
    const text = formatClientState({ ...EMPTY_STATE, contacts: new Map([['a@example.com', contact]]) });
    const damaged = ['', '{', 'null', '[]', '{"format":2}', text.replace('"version": 1', '"version": 1.5')];
    for (const bad of [...damaged, text.replace('"AQ=="', '"AQ="'), text.replace('"AQ=="', 'null')]) {
      expect(() => parseClientState(bad)).toThrow(code('state-corrupt'));
      await writeFile(join(folder, 'state.json'), bad);
      await expect(read(new FolderState(folder))).rejects.toThrow(code('state-corrupt'));
    }
  });

  it('is taken over from a process that is gone, whatever it left', async () => {
    const lock = join(folder, 'lock');
    const gone = { ...newHolder(), pid: 4_194_304_999 };
    // In a container every program has the same number: this one's own, from an earlier life.
    const earlier = { ...newHolder(), startTime: '1' };
    const elsewhere = { ...newHolder(), machine: 'another' };
    for (const left of [gone, earlier, elsewhere].map((holder) => JSON.stringify(holder)).concat('', 'x', '{}')) {
      await writeFile(lock, left);
      await utimes(lock, 1, 1);
      await write(new FolderState(folder), EMPTY_STATE);
      expect(await readdir(folder)).toEqual(['state.json']);
    }
  });

  it('is refused where something else has the name of its lock', async () => {
    const lock = join(folder, 'lock');
    for (const put of [
      () => symlink('nowhere', lock),
      () => symlink('lock', lock),
      () => mkdir(lock),
      async () => execFileSync('mkfifo', [lock]),
    ]) {
      await put();
      await expect(write(new FolderState(folder), EMPTY_STATE)).rejects.toThrow(code('storage-failed'));
      expect(await readdir(folder)).toEqual(['lock']);
      await rm(lock, { recursive: true });
    }
  });

  it('is not taken for a new one where its file is a link to nothing, or a pipe', async () => {
    const path = join(folder, 'state.json');
    for (const put of [() => symlink('nowhere', path), async () => execFileSync('mkfifo', [path])]) {
      await put();
      await expect(write(new FolderState(folder), EMPTY_STATE)).rejects.toThrow(code('storage-failed'));
      expect(await readdir(folder)).toEqual(['state.json']);
      await rm(path);
    }
  });

  it('loses what processes left that were killed, and nothing of one that runs', async () => {
    const [killed, running] = [{ ...newHolder(), pid: 4_194_304_999 }, newHolder()];
    const file = async ({ nonce }: LockHolder, name: string, holder: LockHolder): Promise<string> => {
      await writeFile(join(folder, `lock.${nonce}${name}`), JSON.stringify(holder));
      return `lock.${nonce}${name}`;
    };
    await file(killed, '', killed);
    await file(killed, '.stale', running);
    await file(newHolder(), '.stale', running);
    await writeFile(join(folder, 'state.json.0123456789ab.tmp'), '{');
    const kept = [await file(running, '', running), await file(running, '.stale', killed)];
    await writeFile(join(folder, 'lock.of-mine'), '');
    await utimes(join(folder, 'lock.of-mine'), 1, 1);
    await write(new FolderState(folder), EMPTY_STATE);
    expect(await readdir(folder)).toEqual(['lock.of-mine', ...kept, 'state.json'].toSorted());
  });

  it('waits for one that runs, and for one elsewhere that gives signs of life', async () => {
    const lock = join(folder, 'lock');
    for (const holder of [newHolder(), { ...newHolder(), machine: 'another' }]) {
      await writeFile(lock, JSON.stringify(holder));
      let isWritten = false;
      const writing = write(new FolderState(folder), EMPTY_STATE).then(() => (isWritten = true));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(isWritten).toBe(false);
      await rm(lock);
      await writing;
    }
  });

  it('waits for one about which Deno tells it nothing', async () => {
    const lock = join(folder, 'lock');
    await writeFile(lock, JSON.stringify(newHolder()));
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw new Error('Requires run access');
    });
    const writing = write(new FolderState(folder), EMPTY_STATE);
    await vi.waitUntil(() => kill.mock.calls.length > 2);
    kill.mockRestore();
    expect(await readdir(folder)).toContain('lock');
    await rm(lock);
    await writing;
  });

  it('is not written by one that lost the lock while it was asleep', async () => {
    await write(new FolderState(folder), { ...EMPTY_STATE, bundle: 'kept' });
    const working = new FolderState(folder).transact(async (current) => {
      // Another process has waited for long, and takes the state over.
      await rm(join(folder, 'lock'));
      await write(new FolderState(folder), { ...current, bundle: 'by another' });
      await writeFile(join(folder, 'lock'), 'another');
      return { next: { ...current, bundle: 'too late' }, result: undefined };
    });
    await expect(working).rejects.toThrow(code('state-locked'));
    expect(await readdir(folder)).toEqual(['lock', 'state.json']);
    await rm(join(folder, 'lock'));
    expect((await read(new FolderState(folder))).bundle).toBe('by another');
  });

  it('leaves nothing behind where it cannot be written', async () => {
    await mkdir(join(folder, 'state.json'));
    await expect(write(new FolderState(folder), EMPTY_STATE)).rejects.toThrow(code('storage-failed'));
    await expect(writeFileDurably(join(folder, 'state.json'), '')).rejects.toMatchObject({ code: 'EISDIR' });
    expect(await readdir(folder)).toEqual(['state.json']);
  });

  it('is one operation’s at a time', async () => {
    const stores = [new FolderState(folder), new FolderState(folder), new FolderState(folder)];
    let inside = 0;
    const add = (store: FolderState) =>
      store.transact(async (current) => {
        expect(++inside).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
        return { next: { ...current, bundle: `${current.bundle ?? ''}x` }, result: undefined };
      });
    await Promise.all(Array.from({ length: 30 }, (_, i) => add(stores[i % 3] as FolderState)));
    expect((await read(new FolderState(folder))).bundle).toHaveLength(30);
  });
});
