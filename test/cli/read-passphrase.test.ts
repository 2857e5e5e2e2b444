import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPassphrase, type Terminal } from '../../src/cli/read-passphrase.ts';

const refused = expect.objectContaining({ code: 'usage' });

/** A terminal on which these keys are pressed, one chunk after the other. */
class FakeTerminal {
  readonly input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => this.raw.push(on) });
  readonly output = new PassThrough();
  readonly raw: boolean[] = [];
  readonly #answers: string[];

  constructor(...answers: string[]) {
    this.#answers = answers;
    // A person answers after the question was put.
    this.output.on('data', (text: Buffer) => {
      this.shown += text.toString();
      const next = this.shown.endsWith(': ') ? this.#answers.shift() : undefined;
      if (next !== undefined) this.input.write(next);
    });
  }

  shown = '';

  get terminal(): Terminal {
    return { input: this.input as unknown as NodeJS.ReadStream, output: this.output };
  }
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-passphrase-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a passphrase', () => {
  it('is typed twice and never shown', async () => {
    const fake = new FakeTerminal('correct horse\r', 'correct horse\r');
    expect(await readPassphrase({ confirm: true, terminal: fake.terminal })).toBe('correct horse');
    expect(fake.shown).toBe('Passphrase: \nOnce more: \n');
    expect(fake.raw).toEqual([true, false, true, false]);
  });

  it('can be corrected, letter by letter, beyond ASCII too', async () => {
    const fake = new FakeTerminal('caf\u00e9\u{1f511}\u007f\u007fe noir\u001b\n');
    expect(await readPassphrase({ confirm: false, terminal: fake.terminal })).toBe('cafe noir');
  });

  it.each([
    ['is mistyped', ['one passphrase\r', 'another passphrase\r']],
    ['is not given', ['half\u0003']],
    ['ends without a line', ['half\u0004']],
    ['is too long', ['x'.repeat(1100)]],
  ])('is refused where it %s, and the terminal is as it was', async (_, answers) => {
    const fake = new FakeTerminal(...answers);
    await expect(readPassphrase({ confirm: true, terminal: fake.terminal })).rejects.toEqual(refused);
    expect(fake.raw.at(-1)).toBe(false);
  });

  it('is refused without a terminal', async () => {
    const fake = new FakeTerminal('correct horse\r');
    fake.input.isTTY = false;
    await expect(readPassphrase({ confirm: false, terminal: fake.terminal })).rejects.toEqual(refused);
  });

  it('is the first line of a file', async () => {
    const file = join(folder, 'passphrase');
    writeFileSync(file, ' correct horse \r\nmore\n');
    expect(await readPassphrase({ file, confirm: true })).toBe(' correct horse ');
    writeFileSync(file, '\n');
    await expect(readPassphrase({ file, confirm: true })).rejects.toEqual(refused);
    await expect(readPassphrase({ file: join(folder, 'none'), confirm: true })).rejects.toEqual(refused);
  });
});
