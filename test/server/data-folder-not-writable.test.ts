import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { GlasskeyError } from '../../src/core/errors.ts';
import { startServer } from '../../src/server/start-server.ts';
import { SignedCheckpointFile } from '../../src/service/log/signed-checkpoint-file.ts';

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'glasskey-folder-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(data, { recursive: true });
});

const options = () => ({ data, listen: '127.0.0.1:0', dev: true, logger: pino({ enabled: false }) });

it('a server whose data folder cannot be written does not start', async () => {
  const folder = vi.spyOn(SignedCheckpointFile.prototype, 'assertWritable');
  folder.mockRejectedValueOnce(new GlasskeyError('storage-failed', 'cannot write last-signed.checkpoint: EROFS'));
  await expect(startServer(options())).rejects.toMatchObject({ code: 'storage-failed' });
  // The database is closed: another start can have it.
  const server = await startServer(options());
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  await server.stop();
});
