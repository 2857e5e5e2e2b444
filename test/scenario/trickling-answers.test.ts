import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { recordingFetch } from '../../src/cli/evidence.ts';
import { httpAuditFiles } from '../../src/client/audit/audit-files.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { Transport } from '../../src/client/transport.ts';
import { platformFetch } from '../../src/core/net/bounded-fetch.ts';
import { canonicalIdentity } from '../../src/identity/canonical-identity.ts';
import { DEFAULT_IDENTITY_RULES } from '../../src/identity/identity.ts';
import { deliverHead, fetchHead } from '../../src/service/auditor/deliver-head.ts';
import { smtpMailer } from '../../src/delivery/mailer.ts';
import { IssuerKeys } from '../../src/service/evidence/oidc/issuer-keys.ts';
import { Webhook } from '../../src/service/evidence/webhook/webhook.ts';
import { httpLogSource } from '../../src/service/publish/log-source.ts';
import { S3Target } from '../../src/service/publish/s3-target.ts';
import { askWitness } from '../../src/service/witnessing/ask-witness.ts';
import { fetchSeen } from '../../src/service/witnessing/seen-checkpoint.ts';
import { TricklingServer } from '../support/trickling-server.ts';

/** Longer than every deadline of the program. */
const LONG_MS = 120_000;
const bucket = { bucket: 'b', prefix: '', region: 'r', accessKeyId: 'k', secretAccessKey: 's' };
const head = { timestampMs: 1, treeSize: 1, signature: new Uint8Array(64) };
const { signal } = new AbortController();

const place = (url: string) => ({ url, mediaType: 'application/octet-stream', fetch: platformFetch, signal });
const witness = (url: string) => ({ url, fetch: platformFetch, timeoutMs: 5_000 });
const client = (server: string) => new Transport({ server, fetch: recordingFetch, timeoutMs: 30_000 });
const source = (prefix: string) => ({ prefix, fetch: platformFetch, timeoutMs: 60_000 });
const fails = (code: string) => ({ failed: expect.objectContaining({ code }) as unknown });

/** Asks for the keys of an OpenID provider. */
function askProvider(jwksUri: string): Promise<unknown> {
  const keys = new IssuerKeys({ issuer: 'https://id.example', jwksUri }, platformFetch, Date.now);
  return Promise.resolve(keys.get({ alg: 'ES256' }, { payload: '', signature: '' }));
}

/** Tells a webhook that a recovery is pending. */
function tellWebhook(url: string): Promise<unknown> {
  const settings = { url, secret: 's', timeoutMs: 5_000, operations: ['recover'] } as const;
  const webhook = new Webhook(settings, platformFetch, { now: Date.now, random: (length) => new Uint8Array(length) });
  const evidence = { type: 'email', address: 'alice@example.com' } as const;
  const identity = canonicalIdentity('alice@example.com', DEFAULT_IDENTITY_RULES);
  return webhook.tellRecovery({ identity, evidence, spkiSha256: new Uint8Array(32), version: 1, effectiveMs: 0 });
}

/** Sends a mail through an SMTP server. */
function sendMail(url: string): Promise<unknown> {
  const smtp = { host: '127.0.0.1', port: Number(new URL(url).port), tls: false, user: undefined, password: undefined };
  const mailer = smtpMailer({ smtp, from: 'ca@example.com', subject: 'hello' }, () => undefined);
  return mailer.send({ to: 'alice@example.com', text: 'hello' });
}

/** Every kind of outgoing request, and what it comes to if the answer never ends. */
const REQUESTS: readonly (readonly [kind: string, ask: (url: string) => Promise<unknown>, outcome: unknown])[] = [
  ['a client that opens', (server) => KeyDirectory.open({ server, state: new MemoryState() }), fails('network-failed')],
  ['a question of a client', (url) => client(url).postJson('/x', {}), fails('network-failed')],
  ['a file of an audit', (url) => httpAuditFiles(source(url)).read('/checkpoint', 1e6), fails('network-failed')],
  ['the keys of an OpenID provider', askProvider, fails('issuer-unavailable')],
  ['a notice to the webhook', tellWebhook, fails('webhook-unavailable')],
  [
    'a witness',
    (url) => askWitness({ oldSize: 0, proof: [], checkpoint: 'x\n' }, witness(url)),
    { gave: expect.objectContaining({ type: 'failed', outcome: 'unreachable' }) as unknown },
  ],
  [
    'what a witness has seen',
    (url) => fetchSeen(witness(url), { origin: 'log.example', vkeys: [] }),
    { gave: undefined },
  ],
  ["an auditor's head", (url) => fetchHead(place(url)), fails('network-failed')],
  ['the delivery of a head', (url) => deliverHead(head, place(url)), fails('network-failed')],
  ['a file to publish', (url) => httpLogSource(source(url)).read('/checkpoint', 1e6), fails('network-failed')],
  ['a bucket', (endpoint) => S3Target.open({ ...bucket, endpoint }), fails('storage-failed')],
];

let server: TricklingServer | undefined;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await server?.close();
});

const COLUMNS = REQUESTS.flatMap(([kind, ask, outcome]) =>
  (['head', 'body'] as const).map((trickle) => ({ kind, trickle, ask, outcome })),
);

const MAIL = {
  kind: 'a mail',
  trickle: 'reply of SMTP',
  ask: sendMail,
  outcome: fails('mail-unavailable'),
} as const;

it.each([...COLUMNS, MAIL])('$kind ends at its deadline where the $trickle trickles', async (row) => {
  server = await TricklingServer.start(row.trickle);
  const asked = row.ask(server.url).then(
    (gave) => ({ gave }),
    (failed: unknown) => ({ failed }),
  );
  await server.trickled();
  vi.advanceTimersByTime(LONG_MS);
  expect(await asked).toEqual(row.outcome);
  // The mailer gives a connection some time to close.
  vi.advanceTimersByTime(LONG_MS);
  await server.abandoned();
});
