import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { oidcNonce } from '../src/client/client-key.ts';
import { startMailServer, type TestMailServer } from '../test/support/mail-server.ts';
import { startProvider, type TestProvider } from '../test/support/oidc-provider.ts';
import { startPostgresServer } from '../test/support/postgres-server.ts';
import { EvidenceRequests } from './evidence-requests.ts';
import { Clients, type PreparedRequest, type Timing } from './load.ts';
import { describeMachine } from './machine.ts';
import { processorSeconds } from './processor-time.ts';
import { startServerProcess } from './server-process.ts';

const USAGE = `usage: npm run bench:evidence -- [--count 500] [--rounds 3] [--clients 32]

Certificates per second through each kind of evidence, in turn, from this process over HTTP, on PostgreSQL, for P-256 keys. Requests, ID
tokens and signed changes are made before they are timed. An SMTP server, whose mails count, and an OpenID provider are in this
process too. Prints JSON.`;

/** Logins at the provider come before anything is timed: its tokens have to last. */
function settings({ issuer, audience }: TestProvider, mail: TestMailServer): string {
  return `[[policy]]
identities = "email"
evidence = ["application", "email", "oidc:${issuer}"]
[[oidc]]
issuer = "${issuer}"
audience = "${audience}"
identity = "{email}"
max_age = "1h"
[email]
smtp = "smtp://127.0.0.1:${mail.port}"
from = "keys@bench.example"
code_lifetime = "1h"
`;
}

/** What issues certificates, and counts how fast. */
class Evidence {
  readonly #clients: Clients;
  readonly #requests: EvidenceRequests;
  readonly #count: number;

  constructor(clients: Clients, requests: EvidenceRequests, count: number) {
    this.#clients = clients;
    this.#requests = requests;
    this.#count = count;
  }

  /** Every kind once, for names of this round. */
  async round(number: number, provider: TestProvider, mail: TestMailServer): Promise<Record<string, Timing>> {
    const name = (kind: string, index: number): string => `user${index}.${number}@${kind}.example`;
    const requests = this.#requests;
    const key = (index: number) => requests.signer(index);
    const registered = await this.#send(201, (i) => requests.application(name('application', i), key(i)));
    const added = await this.#send(201, (i) => {
      const keys = { from: key(i), to: key(i + 1), keeps: true };
      return requests.change(name('application', i), registered.answer(i), keys);
    });
    const rotated = await this.#send(201, (i) => {
      const keys = { from: key(i + 1), to: key(i + 2), keeps: false };
      return requests.change(name('application', i), added.answer(i), keys);
    });
    const renewed = await this.#send(201, (i) =>
      requests.certificate(name('application', i), key(i + 2), { evidence: { type: 'key' } }),
    );
    const est = await this.#send(200, (i) => requests.est(name('est', i), key(i)));
    const tokens: string[] = [];
    for (let i = 0; i < this.#count; i++) {
      const email = name('oidc', i);
      tokens.push(await provider.logIn({ sub: email, email, email_verified: true }, oidcNonce(key(i))));
    }
    const oidc = await this.#send(201, (i) =>
      requests.certificate(name('oidc', i), key(i), { evidence: { type: 'oidc', token: tokens[i] ?? '' } }),
    );
    const asked = await this.#send(202, (i) => requests.challenge(name('email', i), key(i)));
    const codes = new Map(mail.mails.map(({ to, code }) => [to[0], code]));
    const email = await this.#send(201, (i) => {
      const { challenge } = JSON.parse(asked.answer(i)) as { challenge: string };
      const code = codes.get(name('email', i)) ?? '';
      return requests.certificate(name('email', i), key(i), { evidence: { type: 'email', challenge, code } });
    });
    return {
      application: registered.timing,
      changeAdd: added.timing,
      changeRotate: rotated.timing,
      keyRenewal: renewed.timing,
      est: est.timing,
      oidc: oidc.timing,
      emailChallenge: asked.timing,
      emailCode: email.timing,
    };
  }

  async #send(status: number, make: (index: number) => Promise<PreparedRequest>) {
    const prepared = await Promise.all(Array.from({ length: this.#count }, (_, index) => make(index)));
    const answers: Buffer[] = [];
    const timing = await this.#clients.run(
      this.#count,
      status,
      (index) => prepared[index] as PreparedRequest,
      (index, body) => {
        answers[index] = body;
      },
    );
    return { timing, answer: (index: number): string => answers[index]?.toString() ?? '' };
  }
}

/** The rounds of each kind together. */
function byKind(rounds: readonly Record<string, Timing>[]): Record<string, readonly Timing[]> {
  const kinds = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(kinds.map((kind) => [kind, rounds.flatMap((round) => round[kind] ?? [])]));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '500' },
      rounds: { type: 'string', default: '3' },
      clients: { type: 'string', default: '32' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const [count, rounds, connections] = [Number(values.count), Number(values.rounds), Number(values.clients)];
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-bench-'));
  const [database, mail, provider] = await Promise.all([startPostgresServer(), startMailServer(), startProvider()]);
  const more = settings(provider, mail);
  const server = await startServerProcess(join(folder, 'server'), database.url, { settings: more });
  const clients = new Clients(server.url, connections, () => ({ server: processorSeconds(server.pid) }));
  try {
    const evidence = new Evidence(clients, await EvidenceRequests.open(server.url, server.token), count);
    const timed: Record<string, Timing>[] = [];
    for (let round = 0; round < rounds; round++) timed.push(await evidence.round(round, provider, mail));
    const results = byKind(timed);
    console.log(JSON.stringify({ machine: describeMachine(), clients: connections, results }, undefined, 2));
  } finally {
    clients.close();
    await server.stop();
    await provider.close();
    await mail.close();
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
