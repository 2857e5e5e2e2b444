import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readInput } from '../../src/server/user-input.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-input-'));
});
afterAll(() => rm(folder, { recursive: true }));

const TEXT = 'tök€n\r\n';
const bigEndian = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le').swap16();

it.each([
  ['UTF-8', Buffer.from(TEXT)],
  ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${TEXT}`)],
  ['UTF-16, little-endian', Buffer.from(`\ufeff${TEXT}`, 'utf16le')],
  ['UTF-16, big-endian', bigEndian(TEXT)],
])('a file of a user is read as %s', async (_, bytes) => {
  const path = join(folder, 'input');
  await writeFile(path, bytes);
  expect(await readInput(path)).toBe(TEXT);
});
