import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientRequest, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { originHash, parseTlogSize } from '../../src/core/audit/add-checkpoint.ts';
import { formatCheckpoint } from '../../src/core/audit/checkpoint.ts';
import { cosignatureSigner, verifyCosignatures, verifySubtreeCosignatures } from '../../src/core/audit/cosignature.ts';
import { formatNote, parseNote } from '../../src/core/audit/note.ts';
import { formatSignSubtree } from '../../src/core/audit/sign-subtree.ts';
import { type ApiServer, serveApp } from '../../src/http/server.ts';
import { WitnessMetrics } from '../../src/http/witness-metrics.ts';
import { createWitnessApp } from '../../src/http/witness-routes.ts';
import { Witness } from '../../src/service/witness/witness.ts';
import { testMlDsaCosigner } from '../core/audit/test-cosigner.ts';
import { testSigner } from '../core/audit/test-signer.ts';
import { WitnessTestLog } from '../service/witness/witness-log.ts';

const log = new WitnessTestLog();
const cosigner = cosignatureSigner('witness.example/w', testSigner(7));
const quantum = testMlDsaCosigner('witness.example/w', 7);
const errors: unknown[] = [];
let folder: string;
let app: ReturnType<typeof createWitnessApp>;
let server: ApiServer;
let nowMs = 1_700_000_000_000;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glasskey-witness-'));
  const logs = new Map([[log.origin, [log.signer.vkey]]]);
  app = createWitnessApp({
    witness: new Witness({ folder, cosigners: [cosigner, quantum], logs, now: () => nowMs }),
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

const post = (body: string | Uint8Array, address = '', call = 'add-checkpoint'): Promise<Response> =>
  fetch(`${server.url}/${call}`, {
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

  it('signs subtrees of what it cosigned', async () => {
    const checkpoint = await (await monitored(log.origin)).text();
    const hash = log.root(8);
    const text = formatSignSubtree({ subtree: { start: 0, end: 8, hash }, proof: log.proof(8, 9), checkpoint });
    const signed = await post(text, '203.0.113.1', 'sign-subtree');
    expect([signed.status, signed.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const subtree = { start: 0, end: 8, hash };
    const verified = verifySubtreeCosignatures(await signed.text(), {
      origin: log.origin,
      subtree,
      vkeys: [quantum.vkey],
    });
    expect(verified).toEqual([quantum.vkey]);
    const refusals = [
      [400, text.replace('0 8', '1 8')],
      [403, text.replace(checkpoint, await log.checkpoint(9))],
      [404, text.replaceAll(log.origin, 'another.example')],
      [422, text.replace('0 8', '0 7')],
    ] as const;
    for (const [status, body] of refusals) {
      const refused = await post(body, `203.0.113.${status % 256}`, 'sign-subtree');
      expect([refused.status, refused.headers.get('content-type')]).toEqual([status, 'text/plain; charset=utf-8']);
    }
    expect((await post('x'.repeat(200_000), '203.0.113.1', 'sign-subtree')).status).toBe(413);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    for (const status of [200, 400, 403, 404, 413, 422]) {
      expect(metrics).toMatch(new RegExp(`^glasskey_witness_subtree_answers_total\\{status="${status}"\\} 1$`, 'm'));
    }
    // A request that anybody can make says nothing about the log.
    expect(metrics).toContain(`glasskey_witness_inconsistent_total{origin="${log.origin}"} 1`);
  });

  it('counts checkpoints that its key signed and its record contradicts', async () => {
    const text = formatCheckpoint({ origin: log.origin, size: 12, rootHash: log.root(12), extensions: [] });
    const checkpoint = formatNote({ text, signatures: [await quantum.cosign(text, nowMs)] });
    const subtree = { start: 0, end: 8, hash: log.root(8) };
    const body = formatSignSubtree({ subtree, proof: log.proof(8, 12), checkpoint });
    expect((await post(body, '203.0.113.2', 'sign-subtree')).status).toBe(403);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain(`glasskey_witness_unrecorded_total{origin="${log.origin}"} 1`);
  });

  it('takes more from the budget of an address for a subtree that it signs, and has an end for all together', async () => {
    const checkpoint = await (await monitored(log.origin)).text();
    const subtree = { start: 0, end: 8, hash: log.root(8) };
    const body = formatSignSubtree({ subtree, proof: log.proof(8, 9), checkpoint });
    const sign = async (address: string): Promise<number> => (await post(body, address, 'sign-subtree')).status;
    // The bucket has 20 tokens, a subtree takes ten.
    expect([await sign('198.51.100.1'), await sign('198.51.100.1')]).toEqual([200, 200]);
    expect([await sign('198.51.100.1'), (await post('', '198.51.100.1')).status]).toEqual([429, 429]);
    // What it refuses without looking at a signature costs a token.
    const cheap: number[] = [];
    const unknown = body.replaceAll(log.origin, 'another.example');
    for (let i = 0; i < 21; i++) cheap.push((await post(unknown, '198.51.100.2', 'sign-subtree')).status);
    expect(cheap).toEqual([...Array<number>(20).fill(404), 429]);
    let last = 200;
    for (let i = 1; i <= 100 && last === 200; i++) last = await sign(`198.51.100.${100 + i}`);
    expect(last).toBe(503);
    // Checkpoints are cosigned all the same, and after a second subtrees are signed again.
    expect((await post(await log.request(9, 9), '198.51.100.3')).status).toBe(200);
    nowMs += 1_000;
    expect(await sign('198.51.100.4')).toBe(200);
  });
});
