import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AuditorFolder } from '../../src/server/auditor-folder.ts';
import { serveAuditor } from '../../src/server/serve-auditor.ts';
import { lockFolder } from '../../src/store/folder-lock.ts';

// Ends before the 30 s after which one answer times out.
it('stops in the middle of an audit, and unlocks its folder', { timeout: 25_000 }, async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const data = await mkdtemp(join(tmpdir(), 'glasskey-auditor-'));
  try {
    await new AuditorFolder(data).initialise('ed25519');
    const asked = once(silent, 'request');
    const { port } = silent.address() as AddressInfo;
    const auditor = await serveAuditor({
      data,
      server: `http://127.0.0.1:${port}`,
      trust: undefined,
      listen: '127.0.0.1:0',
      intervalMs: 1_000,
      post: true,
    });
    await asked;
    await auditor.stop();
    await expect(fetch(auditor.url)).rejects.toThrow('fetch failed');
    await (await lockFolder(data)).release();
  } finally {
    silent.closeAllConnections();
    silent.close();
    await rm(data, { recursive: true });
  }
});
