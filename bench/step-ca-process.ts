import { spawn } from 'node:child_process';
import { createHash, createPrivateKey, type KeyObject, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { calculateJwkThumbprint, exportJWK, SignJWT } from 'jose';
import { createIssuingCa, createRoot } from '../src/ca/authority.ts';
import { createKey } from '../src/ca/keys/key-file.ts';
import { signerFromKey } from '../src/ca/keys/node-signer.ts';
import { formatPem } from '../src/ca/der/pem.ts';
import { formatHex } from '../src/core/encoding/bytes.ts';

/** A running step-ca with one provisioner of the kind JWK. */
export interface StepCaProcess {
  readonly url: string;
  readonly pid: number;
  /** A one-time token that vouches for a mail address: what each request for a certificate brings along. */
  token(email: string): Promise<string>;
  stop(): Promise<void>;
}

const PROVISIONER = 'bench';
const START_TIMEOUT_MS = 60_000;

/** Makes a CA with P-256 keys in `folder` and serves it by the program step-ca, with PostgreSQL as its database. */
export async function startStepCa(program: string, folder: string, database: URL): Promise<StepCaProcess> {
  await mkdir(folder, { recursive: true });
  const root = await createRoot({
    signer: signerFromKey(await createKey('p256')),
    commonName: 'Bench Root',
    nowMs: Date.now(),
    random: randomBytes,
  });
  const key = await createKey('p256');
  const signer = signerFromKey(key);
  const named = { commonName: 'Bench Issuing', nowMs: Date.now(), random: randomBytes };
  const issuing = await createIssuingCa({ root, signer, ...named });
  const file = (name: string): string => join(folder, name);
  await writeFile(file('root.pem'), formatPem('CERTIFICATE', root.certificate.der));
  await writeFile(file('issuing.pem'), formatPem('CERTIFICATE', issuing.certificate.der));
  await writeFile(file('issuing.key'), exported(key));
  const provisionerKey = await createKey('p256');
  const jwk = await exportJWK(provisionerKey);
  const kid = await calculateJwkThumbprint(jwk);
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const { d: _, ...publicJwk } = jwk;
  await writeFile(
    file('ca.json'),
    JSON.stringify({
      root: file('root.pem'),
      crt: file('issuing.pem'),
      key: file('issuing.key'),
      address: `127.0.0.1:${port}`,
      dnsNames: ['127.0.0.1'],
      db: { type: 'postgresql', dataSource: new URL('/', database).href, database: 'stepca' },
      authority: {
        provisioners: [{ type: 'JWK', name: PROVISIONER, key: { ...publicJwk, kid, alg: 'ES256', use: 'sig' } }],
      },
    }),
  );
  const child = spawn(program, [file('ca.json')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (output.length < 10_000) output += chunk.toString();
  });
  await waitFor(
    url,
    () => child.exitCode === null,
    () => output,
  );
  const fingerprint = createHash('sha256').update(root.certificate.der).digest('hex');
  return {
    url,
    pid: child.pid ?? 0,
    token: (email) =>
      new SignJWT({ sha: fingerprint, sans: [email], sub: email })
        .setProtectedHeader({ alg: 'ES256', kid })
        .setIssuer(PROVISIONER)
        .setAudience(`${url}/1.0/sign`)
        .setJti(formatHex(randomBytes(16)))
        .setIssuedAt()
        .setNotBefore('0s')
        .setExpirationTime('5m')
        .sign(provisionerKey),
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function exported(key: KeyObject): string {
  return createPrivateKey(key.export({ format: 'pem', type: 'pkcs8' })).export({
    format: 'pem',
    type: 'sec1',
  }) as string;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function waitFor(url: string, isRunning: () => boolean, output: () => string): Promise<void> {
  const { request } = await import('node:https');
  const isUp = (): Promise<boolean> =>
    new Promise((resolve) => {
      const sent = request(`${url}/health`, { rejectUnauthorized: false }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      sent.on('error', () => resolve(false)).end();
    });
  const endMs = performance.now() + START_TIMEOUT_MS;
  while (!(await isUp())) {
    if (!isRunning() || performance.now() > endMs) throw new Error(`step-ca did not start: ${output()}`);
    await sleep(200);
  }
}
