import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createCsr } from '../src/ca/create-csr.ts';
import { createKey } from '../src/ca/key-file.ts';
import { signerFromKey } from '../src/ca/node-signer.ts';
import { formatPem } from '../src/ca/pem.ts';
import { JSON_MEDIA_TYPE } from '../src/contract/media-types.ts';
import { PATHS } from '../src/contract/paths.ts';
import type { Signer } from '../src/core/crypto/signer.ts';
import { startMailServer, type TestMailServer } from '../test/support/mail-server.ts';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { Clients, type PreparedRequest, type Timing } from './load.ts';
import { describeMachine } from './machine.ts';
import { processorSeconds } from './processor-time.ts';
import { startServerProcess } from './server-process.ts';

const USAGE = `usage: npm run bench:evidence -- [--count 1000] [--clients 32]

Issues certificates through each kind of evidence, from this process over HTTP, on PostgreSQL. An OpenID provider's keys and an SMTP
server are in this process too. Prints JSON.`;

interface Provider {
  readonly issuer: string;
  sign(email: string, spki: Uint8Array): Promise<string>;
  close(): void;
}

/** What an OpenID provider is to the server: a discovery document, keys, and tokens. */
async function startProvider(): Promise<Provider> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid: '1' };
  const server = createServer((request, response) => {
    const document = request.url === '/keys' ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/keys` };
    response.setHeader('content-type', JSON_MEDIA_TYPE).end(JSON.stringify(document));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    sign: (email, spki) => {
      const nonce = createHash('sha256').update(spki).digest('base64url');
      return new SignJWT({ email, email_verified: true, nonce, sub: email, iss: issuer, aud: 'glasskey' })
        .setProtectedHeader({ alg: 'ES256', kid: '1' })
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(privateKey);
    },
    close: () => server.close(),
  };
}

function settings(issuer: string, mail: TestMailServer): string {
  return `[[policy]]
identities = "email"
evidence = ["application", "email", "oidc:${issuer}"]
[[oidc]]
issuer = "${issuer}"
audience = "glasskey"
identity = "{email}"
max_age = "1h"
[email]
smtp = "smtp://127.0.0.1:${mail.port}"
from = "keys@bench.example"
code_lifetime = "1h"
`;
}

const JSON_HEADERS = { 'content-type': JSON_MEDIA_TYPE };

/** Makes what the benchmark sends: every name has one of a few keys. */
class Requests {
  readonly #signers: readonly Signer[];

  constructor(signers: readonly Signer[]) {
    this.#signers = signers;
  }

  signer(index: number): Signer {
    const signer = this.#signers[index % this.#signers.length];
    if (signer === undefined) throw new Error('no key');
    return signer;
  }

  async make(
    kind: string,
    index: number,
    path: string,
    more: (identity: string, signer: Signer) => Promise<object> | object,
    headers: Readonly<Record<string, string>> = JSON_HEADERS,
  ): Promise<PreparedRequest> {
    const identity = `user${index}@${kind}.example`;
    const signer = this.signer(index);
    const csr = formatPem('CERTIFICATE REQUEST', await createCsr(signer, { kind: 'email', value: identity }));
    return { path, headers, body: JSON.stringify({ identity, csr, ...(await more(identity, signer)) }) };
  }
}

async function measure(
  clients: Clients,
  count: number,
  status: number,
  make: (index: number) => Promise<PreparedRequest>,
): Promise<Timing> {
  const prepared = await Promise.all(Array.from({ length: count }, (_, index) => make(index)));
  return clients.run(count, status, (index) => prepared[index] as PreparedRequest);
}

/** Asks for codes, which are timed, and answers them, which is timed apart. */
async function measureEmail(
  clients: Clients,
  count: number,
  requests: Requests,
  mail: TestMailServer,
): Promise<{ readonly challenges: Timing; readonly certificates: Timing }> {
  const challenges = new Map<number, string>();
  const prepared = await Promise.all(
    Array.from({ length: count }, (_, index) => requests.make('email', index, PATHS.emailChallenges, () => ({}))),
  );
  const asked = await clients.run(
    count,
    202,
    (index) => prepared[index] as PreparedRequest,
    (index, body) => {
      challenges.set(index, (JSON.parse(body.toString()) as { challenge: string }).challenge);
    },
  );
  const codes = new Map(mail.mails.map(({ to, code }) => [to[0], code]));
  const certificates = await measure(clients, count, 201, (index) =>
    requests.make('email', index, PATHS.certificates, (identity) => ({
      evidence: { type: 'email', challenge: challenges.get(index), code: codes.get(identity) },
    })),
  );
  return { challenges: asked, certificates };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '1000' },
      clients: { type: 'string', default: '32' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const count = Number(values.count);
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-bench-'));
  const [database, mail, provider] = await Promise.all([startPostgresServer(), startMailServer(), startProvider()]);
  const server = await startServerProcess(
    join(folder, 'server'),
    database.url,
    undefined,
    settings(provider.issuer, mail),
  );
  const clients = new Clients(server.url, Number(values.clients), () => ({ server: processorSeconds(server.pid) }));
  try {
    const signers = await Promise.all(Array.from({ length: 64 }, async () => signerFromKey(await createKey('p256'))));
    const requests = new Requests(signers);
    const certificates = (kind: string, more: Parameters<Requests['make']>[3], headers?: Record<string, string>) =>
      measure(clients, count, 201, (index) => requests.make(kind, index, PATHS.certificates, more, headers));
    const authorization = `Bearer ${server.token}`;
    const application = await certificates('application', () => ({}), { ...JSON_HEADERS, authorization });
    const key = await certificates('application', () => ({ evidence: { type: 'key' } }));
    const oidc = await certificates('oidc', async (identity, { spki }) => ({
      evidence: { type: 'oidc', token: await provider.sign(identity, spki) },
    }));
    const email = await measureEmail(clients, count, requests, mail);
    const results = { application, oidc, email, keyRenewal: key };
    console.log(JSON.stringify({ machine: describeMachine(), clients: Number(values.clients), results }, undefined, 2));
  } finally {
    clients.close();
    await server.stop();
    provider.close();
    await mail.close();
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
