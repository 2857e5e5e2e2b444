import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { openGoPeers, goMissing, type GoPeers, type PeerTarget, type PeerVerdict } from '../support/go-peers.ts';
import { createTestServer } from '../support/test-server.ts';
import { StaticLog, testLeaf } from '../support/static-log.ts';

const missing = goMissing();
const title = missing === undefined ? 'Go programs' : `Go programs (${missing})`;

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  const log = new StaticLog('log.example/interop');
  let server: Server;
  let peers: GoPeers;
  let target: PeerTarget;

  beforeAll(async () => {
    for (let i = 0; i < 700; i++) log.append(i % 50 === 0 ? [testLeaf(i)] : [], 1_000_000 + i);
    await log.release();
    server = createServer((request, response) => {
      const file = log.serve((request.url ?? '').replace(/^\/log\//, ''));
      response.statusCode = file === undefined ? 404 : 200;
      response.end(file?.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    target = { url: `http://127.0.0.1:${port}/log/`, vkey: log.vkey, origin: log.origin };
    peers = await openGoPeers();
  }, 600_000);

  afterAll(async () => {
    await peers?.close();
    await new Promise((resolve) => server.close(resolve));
  });

  const programs = ['torchwood', 'fsck'] as const;

  it.each(programs)(
    '%s accepts an honest log',
    async (program) => {
      log.lie = (_path, file) => file;
      expect(await peers[program](target)).toMatchObject({ accepted: true });
    },
    120_000,
  );

  it.each(programs)(
    '%s refuses a changed entry',
    async (program) => {
      log.lie = (path, file) => {
        if (!path.startsWith('tile/entries/001') || file === undefined) return file;
        const body = file.body.slice();
        body[1000] = (body[1000] ?? 0) ^ 1;
        return { ...file, body };
      };
      expect(await peers[program](target)).toMatchObject({ accepted: false });
    },
    120_000,
  );

  it.each(programs)(
    '%s refuses another key',
    async (program) => {
      log.lie = (_path, file) => file;
      const { vkey } = new StaticLog('log.example/interop', 9);
      expect(await peers[program]({ ...target, vkey })).toMatchObject({ accepted: false });
    },
    120_000,
  );

  it('hammer reads a live server while it grows, and finds each checkpoint to continue the one before', async () => {
    const live = await createTestServer();
    try {
      const client = await live.client();
      const register = async (name: string): Promise<void> => {
        await client.register(`${name}@example.com`, { token: live.log.token, key: await generateKey() });
      };
      for (let i = 0; i < 5; i++) await register(`before${i}`);
      const [vkey = ''] = live.bundle.bundle.auditLogVkeys;
      const peer = { url: `${live.url}/log/`, vkey, origin: live.bundle.bundle.origin };
      const read = peers.hammer(peer, { growth: 3, seconds: 40 });
      let verdict: PeerVerdict | undefined;
      for (let i = 0; verdict === undefined; i++) {
        verdict = await Promise.race([read, register(`meanwhile${i}`).then(() => undefined)]);
      }
      expect(verdict, verdict.output).toMatchObject({ accepted: true });
      expect(live.errors).toEqual([]);
    } finally {
      await live.close();
    }
  }, 120_000);

  it('hammer refuses another key, and a log that does not continue', async () => {
    log.lie = (_path, file) => file;
    const { vkey } = new StaticLog('log.example/interop', 9);
    expect(await peers.hammer({ ...target, vkey }, { growth: 1, seconds: 5 })).toMatchObject({ accepted: false });
    const fork = new StaticLog('log.example/interop');
    for (let i = 0; i < 900; i++) fork.append(i % 50 === 0 ? [testLeaf(i + 1)] : [], 1_000_000 + i);
    await fork.release();
    let reads = 0;
    // The first checkpoints are the honest log's.
    log.lie = (path, file) => {
      if (path === 'checkpoint') reads++;
      return reads > 2 ? fork.serve(path) : file;
    };
    const verdict = await peers.hammer(target, { growth: 1, seconds: 6 });
    expect(verdict).toMatchObject({ accepted: false });
    expect(verdict.output).toContain('log consistency check failed');
  }, 120_000);

  it('all accept a live server', async () => {
    const live = await createTestServer();
    try {
      const client = await live.client();
      for (let i = 0; i < 5; i++) {
        await client.register(`peer${i}@example.com`, { token: live.log.token, key: await generateKey() });
      }
      const [vkey = ''] = live.bundle.bundle.auditLogVkeys;
      const peer = { url: `${live.url}/log/`, vkey, origin: live.bundle.bundle.origin };
      for (const program of programs) expect(await peers[program](peer)).toMatchObject({ accepted: true });
    } finally {
      await live.close();
    }
  }, 120_000);
});
