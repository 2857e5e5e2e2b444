import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AkdKind, type AkdState, AkdStateFolder } from '../../../src/cli/akd/akd-state.ts';

const KIND: AkdKind = { configuration: 'whatsapp', namedEpoch: 'end' };
const STATE: AkdState = {
  position: {
    startEpoch: 2,
    startRoot: new Uint8Array(32).fill(2),
    endEpoch: 9,
    endRoot: new Uint8Array(32).fill(9),
    lastName: '9/x/y',
    inserted: 12,
  },
  unsigned: [{ epoch: 9, root: new Uint8Array(32).fill(9) }],
};
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('the state of an audit of an AKD log', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glasskey-akd-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function within<T>(work: (state: AkdStateFolder) => Promise<T>, kind = KIND): Promise<T> {
    const state = await AkdStateFolder.open(folder, kind);
    try {
      return await work(state);
    } finally {
      await state.close();
    }
  }

  it('comes back, in a private file, and leaves no lock', async () => {
    expect(await within((state) => state.read())).toBeUndefined();
    await within((state) => state.write(STATE));
    expect(await within((state) => state.read())).toEqual(STATE);
    expect(await readdir(folder)).toEqual(['akd-audit.json']);
    expect((await stat(join(folder, 'akd-audit.json'))).mode & 0o777).toBe(0o600);
  });

  it('comes back without a last name', async () => {
    const start = { ...STATE, position: { ...STATE.position, lastName: undefined } };
    await within((state) => state.write(start));
    expect(await within((state) => state.read())).toEqual(start);
  });

  it('is not taken for that of another kind of log', async () => {
    await within((state) => state.write(STATE));
    const others: AkdKind[] = [
      { configuration: 'whatsapp', namedEpoch: 'start' },
      { configuration: 'experimental', domainLabel: 'x', namedEpoch: 'end' },
    ];
    for (const other of others) await expect(within((state) => state.read(), other)).rejects.toEqual(code('usage'));
  });

  it('is refused if it is damaged, in whatever way', async () => {
    await within((state) => state.write(STATE));
    const path = join(folder, 'akd-audit.json');
    const text = await readFile(path, 'utf8');
    const damaged = [
      '',
      '[]',
      text.slice(0, 40),
      text.replace('"startEpoch":2', '"startEpoch":10'),
      text.replace('"endEpoch":9', '"endEpoch":-9'),
      text.replace('"startRoot":"02', '"startRoot":"0'),
      text.replace('"startRoot":"02', '"startRoot":"zz'),
      text.replace('"unsigned":["9/', '"unsigned":["'),
      text.replace('"unsigned":["9/', '"unsigned":["-1/'),
    ];
    for (const other of damaged) {
      expect(other).not.toBe(text);
      await writeFile(path, other);
      await expect(
        within((state) => state.read()),
        other,
      ).rejects.toEqual(code('state-corrupt'));
    }
    await writeFile(path, text.replace('"version":1', '"version":2'));
    await expect(within((state) => state.read())).rejects.toEqual(code('state-too-new'));
  });
});
