import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { signCsr } from '../src/ca/csr/sign-csr.ts';
import { createKey } from '../src/ca/keys/key-file.ts';
import { signerFromKey } from '../src/ca/keys/node-signer.ts';
import { formatPem } from '../src/ca/der/pem.ts';
import { JSON_MEDIA_TYPE } from '../src/contract/media-types.ts';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { TLS_PAIR } from '../test/support/tls-pair.ts';
import { Clients, type PreparedRequest, round, type Timing } from './load.ts';
import { describeMachine } from './machine.ts';
import { processorSeconds } from './processor-time.ts';
import { identityOf, prepareRegistrations } from './registrations.ts';
import { startServerProcess } from './server-process.ts';
import { startStepCa, type StepCaProcess } from './step-ca-process.ts';

const USAGE = `usage: npm run bench:step-ca -- --step-ca PROGRAM [--count 2000] [--rounds 3] [--clients 32]

Certificates per second of Glasskey, which logs every one, and of step-ca, which logs none: both over TLS, both with PostgreSQL, for P-256
keys, the same clients, in turn. Requests and one-time tokens are made before their round. Prints JSON.`;

const TLS_SETTINGS = '[tls]\ncertificate = "tls.pem"\nkey = "tls.key"\n';

const run = promisify(execFile);

/** Requests for certificates of step-ca, each with a token of its own. */
async function prepareForStepCa(ca: StepCaProcess, start: number, count: number): Promise<PreparedRequest[]> {
  const signers = await Promise.all(Array.from({ length: 64 }, async () => signerFromKey(await createKey('p256'))));
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const email = identityOf(start + index);
      const signer = signers[index % signers.length];
      if (signer === undefined) throw new Error('no key');
      const csr = formatPem('CERTIFICATE REQUEST', await signCsr(signer, { kind: 'email', value: email }));
      const body = JSON.stringify({ csr, ott: await ca.token(email) });
      return { path: '/1.0/sign', headers: { 'content-type': JSON_MEDIA_TYPE }, body };
    }),
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'step-ca': { type: 'string' },
      count: { type: 'string', default: '2000' },
      rounds: { type: 'string', default: '3' },
      clients: { type: 'string', default: '32' },
      help: { type: 'boolean', default: false },
    },
  });
  const program = values['step-ca'];
  if (values.help || program === undefined) return console.log(USAGE);
  const [count, rounds, connections] = [values.count, values.rounds, values.clients].map(Number) as [
    number,
    number,
    number,
  ];
  const { stdout: version } = await run(program, ['version']);
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-bench-'));
  const databases = [await startPostgresServer(), await startPostgresServer()] as const;
  const files = { 'tls.pem': TLS_PAIR.certificate, 'tls.key': TLS_PAIR.key };
  const server = await startServerProcess(join(folder, 'server'), databases[0].url, { settings: TLS_SETTINGS, files });
  const stepCa = await startStepCa(program, join(folder, 'step-ca'), new URL(databases[1].url));
  const ours = new Clients(server.url, connections, () => ({ server: processorSeconds(server.pid) }));
  const theirs = new Clients(stepCa.url, connections, () => ({ server: processorSeconds(stepCa.pid) }));
  const glasskey: Timing[] = [];
  const step: Timing[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const start = round * count;
      const own = await prepareRegistrations(start, start + count, server.token);
      glasskey.push(await ours.run(count, 201, (index) => own[index] as PreparedRequest));
      const other = await prepareForStepCa(stepCa, start, count);
      step.push(await theirs.run(count, 201, (index) => other[index] as PreparedRequest));
    }
    const ratios = glasskey.map(({ perSecond }, index) => perSecond / (step[index]?.perSecond ?? 1));
    const result = { stepCa: version.split('\n')[0], count, clients: connections, ratio: round(median(ratios), 2) };
    console.log(JSON.stringify({ machine: describeMachine(), ...result, glasskey, step }, undefined, 2));
  } finally {
    ours.close();
    theirs.close();
    await Promise.all([server.stop(), stepCa.stop()]);
    await Promise.all(databases.map((database) => database.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
