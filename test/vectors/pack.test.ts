import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OwnFile } from './make/own-file.ts';
import { packVectors } from './pack/pack.ts';
import { makeTar } from './pack/tar.ts';

const OWN = join(import.meta.dirname, 'own');
const NAMES = readdirSync(OWN).sort();
const { version } = JSON.parse(readFileSync(resolve('package.json'), 'utf8')) as { version: string };
const license = readFileSync(resolve('LICENSE'), 'utf8');
const vectors = (): Map<string, string> => new Map(NAMES.map((name) => [name, readFileSync(join(OWN, name), 'utf8')]));

interface Index {
  readonly version: string;
  readonly draft: string;
  readonly files: readonly {
    readonly file: string;
    readonly sha256: string;
    readonly bytes: number;
    readonly cases: number;
  }[];
}

describe('the set of vectors for download', () => {
  const folder = mkdtempSync(join(tmpdir(), 'glasskey-vectors-'));
  const inside = join(folder, `glasskey-vectors-${version}`);
  const set = packVectors(version, license, vectors());
  const read = (name: string): string => readFileSync(join(inside, name), 'utf8');
  let index: Index;

  beforeAll(() => {
    writeFileSync(join(folder, set.name), set.bytes);
    execFileSync('tar', ['-xzf', set.name], { cwd: folder });
    index = JSON.parse(read('index.json')) as Index;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is an archive that tar unpacks, with every file and nothing else', () => {
    expect(readdirSync(inside).sort()).toEqual([...NAMES, 'LICENSE', 'README.md', 'index.json'].sort());
    for (const [name, text] of vectors()) expect(read(name), name).toBe(text);
    expect(read('LICENSE')).toBe(license);
  });

  it('has an index that fits its files', () => {
    expect(index.version).toBe(version);
    expect(index.files.map(({ file }) => file)).toEqual(NAMES);
    for (const { file, sha256, bytes, cases } of index.files) {
      expect(createHash('sha256').update(read(file)).digest('hex'), file).toBe(sha256);
      expect(statSync(join(inside, file)).size, file).toBe(bytes);
      expect((JSON.parse(read(file)) as OwnFile).cases.length, file).toBe(cases);
    }
  });

  it('names the text of the draft that the specification names', () => {
    const [repository, commit] = index.draft.split('@') as [string, string];
    const spec = readFileSync(resolve('docs/spec.md'), 'utf8');
    expect(spec).toContain(`\`${repository}\` at commit \`${commit}\``);
  });

  it('describes each file in its README', () => {
    const readme = read('README.md');
    for (const [name, text] of vectors()) {
      const { notes } = JSON.parse(text) as OwnFile;
      expect(readme).toContain(`## ${name}\n`);
      expect(readme).toContain(notes.join('\n'));
    }
  });

  it('has the same bytes whenever it is made, and other bytes for another file', () => {
    expect(packVectors(version, license, new Map([...vectors()].toReversed())).bytes).toEqual(set.bytes);
    const other = vectors().set('chain.json', `${JSON.stringify({ primitive: 'chain', notes: [], cases: [] })}\n`);
    expect(packVectors(version, license, other).bytes).not.toEqual(set.bytes);
  });

  it('is small enough to attach to a release', () => {
    expect(set.bytes.length).toBeLessThan(2 ** 20);
  });
});

describe('an archive', () => {
  it('holds an empty file, and one that fills a block, as tar reads them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'glasskey-tar-'));
    const files = [0, 1, 512, 513].map((size) => ({ path: `f${size}`, bytes: new Uint8Array(size).fill(7) }));
    writeFileSync(join(folder, 'a.tar'), makeTar(files));
    execFileSync('tar', ['-xf', 'a.tar'], { cwd: folder });
    for (const { path, bytes } of files) expect(new Uint8Array(readFileSync(join(folder, path)))).toEqual(bytes);
    rmSync(folder, { recursive: true });
  });

  it('refuses a path that its header has no room for', () => {
    expect(() => makeTar([{ path: 'x'.repeat(101), bytes: new Uint8Array(0) }])).toThrow('more than 100 bytes');
  });
});
