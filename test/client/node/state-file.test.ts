import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClientState, EMPTY_STATE } from '../../../src/client/state/client-state.ts';
import { formatClientState } from '../../../src/client/state/client-state-json.ts';
import { FolderState } from '../../../src/client/node.ts';
import { StateFile } from '../../../src/client/node/state-file.ts';
import { stateOfContacts, withContact } from '../../support/client-states.ts';
import { FailingFiles, type Failure } from '../../support/failing-files.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-journal-'));
  path = join(folder, 'state.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const code = (expected: string) => expect.objectContaining({ code: expected });
const NAME = '3@example.com';
const SMALL = stateOfContacts(3);
const LARGE = stateOfContacts(40);

const read = (): Promise<ClientState> => new StateFile(path).read();
/** A state as text: it is compared faster. */
const text = formatClientState;

/** Stores states one after the other, as one process; returns it. */
async function store(...states: readonly ClientState[]): Promise<StateFile> {
  const file = new StateFile(path);
  for (const state of states) {
    await file.read();
    await file.write(state);
  }
  return file;
}

/** Changes a contact in the file's state, as an operation does. */
async function change(file: StateFile, version: number, name = NAME): Promise<ClientState> {
  const next = withContact(await file.read(), name, version);
  await file.write(next);
  return next;
}

/** Changes a contact until the next change writes the whole state; returns the process that did it. */
async function fullJournal(): Promise<StateFile> {
  const file = await store(LARGE);
  const { size: whole } = await stat(path);
  let [size, line] = [whole, 0];
  // The journal counts its lines without their line feeds: about 60.
  for (let i = 100; size + line <= whole + 2 ** 16 + 60; i++) {
    await change(file, i);
    const grown = await stat(path);
    [line, size] = [grown.size - size, grown.size];
  }
  return file;
}

describe('the file of a state', () => {
  it('is replaced while the state is small, and appended to once it is large', async () => {
    const file = await store(SMALL);
    expect(await readFile(path, 'utf8')).toBe(formatClientState(SMALL));
    await change(file, 9);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ format: 2 });
    await file.read();
    await file.write(LARGE);
    const before = await readFile(path);
    expect(await change(file, 9)).toEqual(await read());
    const after = await readFile(path);
    expect(after.subarray(0, before.length).equals(before)).toBe(true);
    expect(after.length - before.length).toBeLessThan(2_000);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('grows by less than 16 KB an operation, with 10,000 contacts', async () => {
    const file = await store(stateOfContacts(10_000));
    const { size, ino } = await stat(path);
    expect(size).toBeGreaterThan(10_000_000);
    for (let i = 1; i <= 10; i++) await change(file, i);
    const grown = await stat(path);
    expect(grown.ino).toBe(ino);
    expect(grown.size - size).toBeLessThan(10 * 16_384);
    expect((await read()).contacts.get(NAME)?.version).toBe(10);
  });

  it('is written anew when its changes have become as long as it', async () => {
    const file = await fullJournal();
    const { size } = await stat(path);
    const changed = await change(file, 200);
    expect((await stat(path)).size).toBeLessThan(size - 60_000);
    expect(await read()).toEqual(changed);
    const next = await change(file, 201);
    expect(await read()).toEqual(next);
    expect(await readdir(folder)).toEqual(['state.json']);
  });

  it('is one text again when the state has become small', async () => {
    const file = await fullJournal();
    await file.read();
    await file.write({ ...SMALL, bundle: 'x'.repeat(3_000) });
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ format: 2 });
  });

  it('of an earlier build opens, however large, and goes on as a journal', async () => {
    await writeFile(path, formatClientState(LARGE));
    const file = new StateFile(path);
    expect(await file.read()).toEqual(LARGE);
    const next = await change(file, 9);
    expect((await readFile(path, 'utf8')).startsWith('{"format":3,')).toBe(true);
    expect(await read()).toEqual(next);
  });

  it('is what an earlier build wrote meanwhile', async () => {
    const file = await store(SMALL);
    await writeFile(path, formatClientState(EMPTY_STATE));
    expect(await file.read()).toEqual(EMPTY_STATE);
    await rm(path);
    expect(await file.read()).toEqual(EMPTY_STATE);
    expect(await change(file, 1)).toEqual(await read());
  });
});

describe('two processes', () => {
  it('read what the other one appended, and wrote anew', async () => {
    const files = [await store(LARGE), new StateFile(path)];
    let last = LARGE;
    for (let i = 1; i <= 150; i++) {
      const file = files[i % 3 === 0 ? 0 : 1] as StateFile;
      expect((await file.read()).contacts.get(NAME)?.version).toBe(last.contacts.get(NAME)?.version);
      last = await change(file, i);
    }
    expect(await read()).toEqual(last);
    for (const file of files) expect(await file.read()).toEqual(last);
  });

  it('do not mix their changes where one writes without noticing that it lost its lock', async () => {
    const sleeper = await store(LARGE);
    await sleeper.read();
    const other = new StateFile(path);
    const kept = await change(other, 50);
    await expect(sleeper.write({ ...LARGE, bundle: 'late' })).rejects.toThrow(code('state-locked'));
    expect(await read()).toEqual(kept);
    await sleeper.read();
    const next = await change(sleeper, 51);
    await other.read();
    await store(stateOfContacts(41));
    await expect(other.write({ ...LARGE, bundle: 'later' })).rejects.toThrow(code('state-locked'));
    expect(await read()).toEqual(stateOfContacts(41));
    await sleeper.read();
    await change(other, 52);
    await expect(sleeper.write(SMALL)).rejects.toThrow(code('state-locked'));
    const empty = new StateFile(join(folder, 'none.json'));
    await empty.read();
    await copyFile(path, join(folder, 'none.json'));
    await expect(empty.write(SMALL)).rejects.toThrow(code('state-locked'));
    expect((await read()).contacts.get(NAME)?.version).toBe(52);
    expect(await readdir(folder)).toEqual(['none.json', 'state.json']);
    expect(next.contacts.get(NAME)?.version).toBe(51);
  });

  it('notice another file in the place of theirs', async () => {
    const file = await store(LARGE, withContact(LARGE, NAME, 1));
    await copyFile(path, join(folder, 'restored'));
    await change(file, 2);
    await change(file, 3);
    await copyFile(join(folder, 'restored'), path);
    expect((await file.read()).contacts.get(NAME)?.version).toBe(1);
    expect(await change(file, 4)).toEqual(await read());
  });
});

describe('a crash', () => {
  const SCENES: [string, () => Promise<unknown>][] = [
    ['of the first write', async () => undefined],
    ['of a small state', () => store(SMALL)],
    ['of an append', () => store(LARGE, withContact(LARGE, NAME, 1))],
    ['of a journal that is written anew', () => fullJournal()],
  ];

  describe.each(SCENES)('%s', (_, prepare) => {
    it.each<Failure>(['killed', 'ENOSPC', 'EIO'])('leaves the state before or after it (%s)', async (failure) => {
      await prepare();
      const before = await read();
      const original = await readFile(path).catch(() => undefined);
      const after = withContact(before, NAME, 77);
      for (let at = 1; ; at++) {
        await rm(path, { force: true });
        if (original !== undefined) await writeFile(path, original);
        const failing = new FailingFiles(failure, at);
        const file = new StateFile(path, failing.files);
        await file.read();
        const isStored = await file.write(after).then(
          () => true,
          () => false,
        );
        if (!failing.fails) {
          expect(isStored && at > 4).toBe(true);
          return;
        }
        const found = await read();
        expect(found.contacts.get(NAME)?.version).toBeOneOf(
          [before, after].map((one) => one.contacts.get(NAME)?.version),
        );
        expect(text(found)).toBe(text(found.contacts.get(NAME)?.version === 77 ? after : before));
        // Whoever comes next goes on from there: the same process, if it lives, or another one.
        const next = await change(failure === 'killed' ? new StateFile(path) : file, 78);
        expect(text(await read())).toBe(text(next));
      }
    });
  });

  it('at any byte of an append leaves the state before it, and the next operation repairs the file', async () => {
    const file = await store(LARGE, withContact(LARGE, NAME, 1));
    const before = await file.read();
    const { size } = await stat(path);
    const after = await change(file, 2);
    const whole = await readFile(path);
    for (let left = 0; left <= whole.length - size; left += left < 3 ? 1 : 37) {
      const length = whole.length - left;
      for (const zeros of [0, left]) {
        await writeFile(path, Buffer.concat([whole.subarray(0, length), Buffer.alloc(zeros)]));
        const next = new StateFile(path);
        const found = await next.read();
        expect(found.contacts.get(NAME)?.version).toBe(left <= 1 ? 2 : 1);
        expect(text(found)).toBe(text(left <= 1 ? after : before));
        expect(text(await change(next, 3))).toBe(text(await read()));
      }
    }
  });
});

describe('damage', () => {
  it('of any byte of the changes is refused, and the file stays as it is', async () => {
    await store(LARGE, withContact(LARGE, NAME, 1), withContact(LARGE, NAME, 2));
    const whole = await readFile(path);
    const end = whole.indexOf('\n');
    for (let i = end - 60; i < whole.length; i += i < end + 60 || i > whole.length - 60 ? 1 : 37) {
      const damaged = Buffer.from(whole);
      damaged[i] = (damaged[i] as number) ^ (1 << (i % 8));
      await writeFile(path, damaged);
      await expect(read(), `byte ${i}`).rejects.toThrow(code('state-corrupt'));
    }
    expect((await readFile(path)).length).toBe(whole.length);
  });

  it('of the whole state is refused', async () => {
    await store(LARGE, withContact(LARGE, NAME, 1));
    const whole = await readFile(path);
    for (let i = 0; i < whole.length; i += i < 200 ? 1 : 997) {
      const damaged = Buffer.from(whole);
      damaged[i] = (damaged[i] as number) ^ 1;
      await writeFile(path, damaged);
      await expect(read(), `byte ${i}`).rejects.toThrow(code('state-corrupt'));
    }
  });

  it('of a line taken out, put twice, or cut within the whole state is refused', async () => {
    await store(LARGE, withContact(LARGE, NAME, 1), withContact(LARGE, NAME, 2));
    const [whole, first, second] = (await readFile(path, 'utf8')).split('\n') as [string, string, string];
    await store(stateOfContacts(39), withContact(stateOfContacts(39), NAME, 1));
    const other = (await readFile(path, 'utf8')).split('\n');
    const cut = whole.slice(0, -10);
    for (const lines of [[whole, second], [other[0], first], [whole, other[1]], [first], [whole, '', first]]) {
      await writeFile(path, `${lines.join('\n')}\n`);
      await expect(read()).rejects.toThrow(code('state-corrupt'));
    }
    await writeFile(path, cut);
    await expect(read()).rejects.toThrow(code('state-corrupt'));
    // A line twice is a writer that lost a race against itself: it does not count again.
    await writeFile(path, `${[whole, first, first, second].join('\n')}\n`);
    expect((await read()).contacts.get(NAME)?.version).toBe(2);
  });

  it('of a file is what its folder says, and it is not written', async () => {
    await store(LARGE);
    await writeFile(path, (await readFile(path, 'utf8')).replace('"bundle":"bundle"', '"bundle":"bundlf"'));
    const working = new FolderState(folder).transact(async (state) => ({ next: state, result: undefined }));
    await expect(working).rejects.toThrow(code('state-corrupt'));
    expect(await readFile(path, 'utf8')).toContain('bundlf');
  });
});
