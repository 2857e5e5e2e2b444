import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRoot } from '../src/ca/authority.ts';
import { parseCertificate } from '../src/ca/certificate.ts';
import { createCrl, type CrlContent } from '../src/ca/crl.ts';
import { signCsr } from '../src/ca/csr/sign-csr.ts';
import { derSequence } from '../src/ca/der/der-writer.ts';
import { createKey } from '../src/ca/keys/key-file.ts';
import { signerFromKey } from '../src/ca/keys/node-signer.ts';
import { encodeCertId } from '../src/ca/ocsp/cert-id.ts';
import { formatPem } from '../src/ca/der/pem.ts';
import { JSON_MEDIA_TYPE, OCSP_REQUEST_MEDIA_TYPE } from '../src/contract/media-types.ts';
import { PATHS } from '../src/contract/paths.ts';
import { DEFAULT_SERVICE_LIMITS } from '../src/service/service-limits.ts';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { Clients, round } from './load.ts';
import { describeMachine } from './machine.ts';
import { pipelined } from './pipelined.ts';
import { processorSeconds } from './processor-time.ts';
import { startServerProcess } from './server-process.ts';

const USAGE = `usage: npm run bench:revocation -- [--crl 10000,100000,1000000] [--shard 10000] [--certificates 1000] [--requests 100000]

Signs the CRLs of so many revoked certificates, so many to a file, with deltas, and asks the OCSP responder of a server on PostgreSQL about so many certificates. Prints JSON.`;

const DAY_MS = 86_400_000;

/** Revoked certificates that a delta lists: those of a day and a half, of 90. */
const DELTA_SHARE = 1 / 60;

interface Made {
  readonly ms: number;
  readonly bytes: number;
}

/** How long the CRLs of `count` revoked certificates take to be made and signed, with so many in a file, and how large they are. */
async function measureCrl(count: number, shardSize: number): Promise<object> {
  const nowMs = Date.now();
  const signer = signerFromKey(await createKey('p256'));
  const issuer = await createRoot({ signer, commonName: 'Bench', nowMs, random: randomBytes });
  const entries = Array.from({ length: count }, (_, index) => ({
    serial: createHash('sha256').update(String(index)).digest('hex').slice(0, 32).replace(/^./, '4'),
    revokedAtMs: nowMs - (index % 90) * DAY_MS,
    reason: index % 3 === 0 ? ('keyCompromise' as const) : ('superseded' as const),
  }));
  const made = async (content: Pick<CrlContent, 'entries' | 'scope' | 'baseNumber'>): Promise<Made> => {
    const start = performance.now();
    const times = { number: 1, thisUpdateMs: nowMs, nextUpdateMs: nowMs + DAY_MS };
    const der = await createCrl(issuer, { ...times, ...content });
    return { ms: performance.now() - start, bytes: der.length };
  };
  const complete: Made[] = [];
  const deltas: Made[] = [];
  for (let shard = 0; shard * shardSize < count; shard++) {
    const part = entries.slice(shard * shardSize, (shard + 1) * shardSize);
    const url = `http://ca.example/crl/issuer/${shard}`;
    const scope = { url: `${url}.crl`, deltaUrl: `${url}-delta.crl` };
    complete.push(await made({ entries: part, scope }));
    const changed = part.slice(0, Math.ceil(part.length * DELTA_SHARE));
    deltas.push(await made({ entries: changed, scope, baseNumber: 0 }));
  }
  return { entries: count, complete: summary(complete), deltas: summary(deltas) };
}

function summary(made: readonly Made[]): object {
  const durations = made.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const sizes = made.map(({ bytes }) => bytes);
  return {
    files: made.length,
    ms: Math.round(durations.reduce((sum, ms) => sum + ms, 0)),
    medianMs: round(durations[Math.floor(durations.length / 2)] ?? 0, 1),
    longestMs: round(durations.at(-1) ?? 0, 1),
    bytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
    largestBytes: Math.max(...sizes),
  };
}

/** Registers `count` names and gives an OCSP request, as HTTP POST, for the certificate of each. */
async function ocspRequests(
  server: { readonly url: string; readonly token: string },
  count: number,
): Promise<Buffer[]> {
  const issuer = parseCertificate(new Uint8Array(await (await fetch(server.url + PATHS.issuerDer)).arrayBuffer()));
  const signer = signerFromKey(await createKey('p256'));
  const clients = new Clients(server.url, 32, () => ({}));
  const headers = { 'content-type': JSON_MEDIA_TYPE, authorization: `Bearer ${server.token}` };
  const bodies = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const identity = `user${index}@ocsp.example`;
      const csr = formatPem('CERTIFICATE REQUEST', await signCsr(signer, { kind: 'email', value: identity }));
      return JSON.stringify({ identity, csr });
    }),
  );
  const requests: Buffer[] = [];
  await clients.run(
    count,
    201,
    (index) => ({ path: PATHS.certificates, headers, body: bodies[index] ?? '' }),
    (_, body) => {
      const { serial } = JSON.parse(body.toString()) as { readonly serial: string };
      const der = derSequence(derSequence(derSequence(derSequence(encodeCertId(issuer, serial)))));
      const { host } = new URL(server.url);
      const head = [
        `POST ${PATHS.ocsp} HTTP/1.1`,
        `host: ${host}`,
        `content-type: ${OCSP_REQUEST_MEDIA_TYPE}`,
        `content-length: ${der.length}`,
      ];
      requests.push(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), der]));
    },
  );
  clients.close();
  return requests;
}

/** OCSP answers per second over HTTP, once each certificate was asked about. */
async function measureOcsp(certificates: number, count: number): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-bench-'));
  const database = await startPostgresServer();
  const server = await startServerProcess(join(folder, 'server'), database.url);
  try {
    const requests = await ocspRequests(server, certificates);
    const ask = (times: number): Promise<number> =>
      pipelined({
        url: new URL(server.url),
        connections: 32,
        depth: 8,
        count: times,
        request: (index) => requests[index % requests.length] ?? Buffer.alloc(0),
      });
    await ask(certificates);
    const before = processorSeconds(server.pid);
    const seconds = await ask(count);
    const serverMs = ((processorSeconds(server.pid) - before) * 1000) / count;
    return { certificates, requests: count, perSecond: Math.round(count / seconds), serverCpuMs: round(serverMs, 3) };
  } finally {
    await server.stop();
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      crl: { type: 'string', default: '10000,100000,1000000' },
      shard: { type: 'string', default: String(DEFAULT_SERVICE_LIMITS.crlShardSize) },
      certificates: { type: 'string', default: '1000' },
      requests: { type: 'string', default: '100000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const ocsp = await measureOcsp(Number(values.certificates), Number(values.requests));
  const crl: object[] = [];
  for (const count of values.crl.split(',')) crl.push(await measureCrl(Number(count), Number(values.shard)));
  console.log(JSON.stringify({ machine: describeMachine(), ocsp, crl }, undefined, 2));
}

await main();
