import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientRequest, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { originHash, parseTlogSize } from '../../src/core/audit/add-checkpoint.ts';
import { cosignatureSigner, verifyCosignatures } from '../../src/core/audit/cosignature.ts';
import { parseNote } from '../../src/core/audit/note.ts';
import { type ApiServer, serveApp } from '../../src/http/server.ts';
import { WitnessMetrics } from '../../src/http/witness-metrics.ts';
import { createWitnessApp } from '../../src/http/witness-routes.ts';
import { Witness } from '../../src/service/witness/witness.ts';
import { testSigner } from '../core/audit/test-signer.ts';
import { WitnessTestLog } from '../service/witness/witness-log.ts';

const log = new WitnessTestLog();
const cosigner = cosignatureSigner('witness.example/w', testSigner(7));
const errors: unknown[] = [];
let folder: string;
let app: ReturnType<typeof createWitnessApp>;
let server: ApiServer;
let nowMs = 1_700_000_000_000;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-witness-'));
  const logs = new Map([[log.origin, [log.signer.vkey]]]);
  app = createWitnessApp({
    witness: new Witness({ folder, cosigners: [cosigner], logs, now: () => nowMs }),
    metrics: new WitnessMetrics(),
    now: () => nowMs,
    budget: { perSecond: 10, burst: 20 },
    addressOf: (c) => c.req.header('x-test-address') ?? '',
    onError: (error) => errors.push(error),
  });
  server = await serveApp(app, { host: '127.0.0.1', port: 0 });
});
afterEach(() => expect(errors.splice(0)).toEqual([]));
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const post = (body: string | Uint8Array, address = ''): Promise<Response> =>
  fetch(`${server.url}/add-checkpoint`, {
    method: 'POST',
    body: new Blob([typeof body === 'string' ? body : new Uint8Array(body)]),
    headers: { 'x-test-address': address },
  });
const monitored = (origin: string): Promise<Response> => fetch(`${server.url}/${originHash(origin)}/checkpoint`);

/** A request without the end of its body, which the server has begun to read. */
function unfinished(address: string): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-test-address': address, expect: '100-continue' };
    const sent = request(`${server.url}/add-checkpoint`, { method: 'POST', headers });
    sent.on('continue', () => resolve(sent));
    sent.on('error', reject);
    sent.flushHeaders();
  });
}

describe('the witness over HTTP', () => {
  it('answers with cosignatures, with its size, and with what it cosigned last', async () => {
    expect((await monitored(log.origin)).status).toBe(404);
    const cosigned = await post(await log.request(0, 9));
    expect(cosigned.status).toBe(200);
    const note = parseNote((await log.checkpoint(9)) + (await cosigned.text()));
    expect(verifyCosignatures(note, [cosigner.vkey])).toHaveLength(1);
    const conflict = await post(await log.request(3, 10));
    expect([conflict.status, conflict.headers.get('content-type')]).toEqual([409, 'text/x.tlog.size']);
    expect(parseTlogSize(await conflict.text())).toBe(9);
    const served = await monitored(log.origin);
    expect(served.status).toBe(200);
    expect(verifyCosignatures(parseNote(await served.text()), [cosigner.vkey])).toHaveLength(1);
    expect((await monitored('another.example')).status).toBe(404);
  });

  it('refuses what is no request, too long, or not UTF-8', async () => {
    expect((await post('')).status).toBe(400);
    expect((await post(Uint8Array.of(0xff, 0xfe))).status).toBe(400);
    expect((await post('x'.repeat(200_000))).status).toBe(413);
    expect((await fetch(`${server.url}/add-checkpoint`)).status).toBe(404);
    expect((await fetch(`${server.url}/sign-subtree`, { method: 'POST' })).status).toBe(404);
    expect((await fetch(`${server.url}/${'0'.repeat(63)}/checkpoint`)).status).toBe(404);
  });

  it('stops reading a body that has no end', async () => {
    const status = await new Promise<number | undefined>((resolve) => {
      const sent = request(`${server.url}/add-checkpoint`, { method: 'POST' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('error', () => resolve(undefined));
      const more = (): void => {
        while (!sent.destroyed && sent.write(Buffer.alloc(64 * 1024)));
      };
      sent.on('drain', more);
      more();
    });
    expect([413, undefined]).toContain(status);
  });

  it('takes a body that breaks off as the client’s fault', async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('aborted')) });
    const sent = new Request('http://witness.test/add-checkpoint', { method: 'POST', body, duplex: 'half' });
    expect((await app.request(sent)).status).toBe(400);
  });

  it('gives every address its share, and no more', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 25; i++) statuses.push((await post('', '192.0.2.1')).status);
    expect(statuses).toEqual([...Array<number>(20).fill(400), ...Array<number>(5).fill(429)]);
    expect((await post('', '192.0.2.2')).status).toBe(400);
    nowMs += 1_000;
    expect((await post('', '192.0.2.1')).status).toBe(400);
  });

  it('counts the addresses of one IPv6 network as one', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 21; i++) statuses.push((await post('', `2001:db8::${i.toString(16)}`)).status);
    expect(statuses.at(-1)).toBe(429);
    expect((await post('', '2001:db8:0:1::1')).status).toBe(400);
  });

  it('has room for others while many requests do not end', async () => {
    const sent = await Promise.all(Array.from({ length: 256 }, (_, i) => unfinished(`10.0.${i}.1`)));
    expect((await post('', '192.0.2.3')).status).toBe(400);
    for (const one of sent) one.destroy();
  });

  it('counts what it did', async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toMatch(/^glasskey_witness_answers_total\{status="200"\} 1$/m);
    expect(text).toContain(`glasskey_witness_cosigned_size{origin="${log.origin}"} 9`);
    expect((await post(await log.fork(2).request(9, 12))).status).toBe(422);
    const after = await (await fetch(`${server.url}/metrics`)).text();
    expect(after).toContain(`glasskey_witness_inconsistent_total{origin="${log.origin}"} 1`);
    expect(await (await fetch(`${server.url}/healthz`)).text()).toBe('ok\n');
  });
});
