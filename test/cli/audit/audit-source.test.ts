import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { folderLogFiles } from '../../../src/cli/audit/audit-source.ts';

it('a folder gives files, compressed or not, and neither waits for a pipe nor reads a file without end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-source-'));
  try {
    const files = folderLogFiles(folder);
    const bytes = Buffer.alloc(1000, 7);
    await writeFile(join(folder, 'plain'), bytes);
    await writeFile(join(folder, 'compressed'), gzipSync(bytes));
    for (const path of ['plain', 'compressed']) expect(Buffer.from(await files.read(path, 1000))).toEqual(bytes);
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await mkdir(join(folder, 'folder'));
    await writeFile(join(folder, 'endless'), '');
    await truncate(join(folder, 'endless'), 1024 ** 4);
    for (const path of ['pipe', 'folder', 'endless', 'missing']) {
      const refused = expect.objectContaining({ code: 'bad-response' }) as unknown;
      await expect(files.read(path, 1000), path).rejects.toEqual(refused);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 20_000);
