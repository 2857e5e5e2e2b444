import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DerReader, readSingle } from '../../src/ca/der-reader.ts';
import { derBitString, derSequence } from '../../src/ca/der-writer.ts';
import { issueLeaf } from '../../src/ca/issue.ts';
import { formatPem } from '../../src/ca/pem.ts';
import { leafValidity } from '../../src/ca/profile.ts';
import { newSerial } from '../../src/ca/serial.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/client-state.ts';
import { type Fetch, Transport } from '../../src/client/transport.ts';
import { verifyBinding } from '../../src/client/verify-binding.ts';
import { commit } from '../../src/core/crypto/commitment.ts';
import { formatBase64 } from '../../src/core/encoding/bytes.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { configurationCodec } from '../../src/core/keytrans/configuration.ts';
import { chainResponseCodec } from '../../src/core/keytrans/messages.ts';
import type { VerifiedSearch } from '../../src/core/keytrans/verify-search.ts';
import { signTrustBundle } from '../../src/contract/bundle-signature.ts';
import { formatTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { encodeIdentityRecord, NO_COMMITMENT } from '../../src/identity/identity-record.ts';
import { exitCodeOf } from '../../src/cli/exit-code.ts';
import { identityOf } from '../support/owner.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start();
});
afterAll(() => operator.stop());

const code = (expected: string) => expect.objectContaining({ code: expected });
const BY_OPERATOR = { type: 'operator', reason: 'because I can' } as const;

async function failure(run: Promise<unknown>): Promise<unknown> {
  try {
    await run;
  } catch (error) {
    return error;
  }
  throw new Error('nothing was noticed');
}

/** Registers an identity honestly. Gives its certificate. */
async function register(identity: string): Promise<string> {
  const owner = await operator.client();
  const { token } = operator.server.log;
  return (await owner.register(identity, { token, key: await generateKey() })).certificate;
}

/** A contact that has seen the identity. */
async function contactOf(identity: string, fetch?: Fetch) {
  const state = new MemoryState();
  const honest = await operator.client({ state });
  await honest.lookup(identity);
  const client = await operator.client({ state, ...(fetch === undefined ? {} : { fetch }) });
  const read = () => state.transact(async (current) => ({ result: current }));
  return { client, read };
}

describe('the versions between', () => {
  it('are not fetched without end', async () => {
    const identity = identityOf('many@example.com');
    let requests = 0;
    const transport = new Transport({
      server: operator.server.url,
      timeoutMs: 1000,
      fetch: async () => {
        requests++;
        return new Response(new Uint8Array());
      },
    });
    const { trust } = await operator.client();
    const certificate = await operator.certify('many@example.com', (await generateKey()).spki);
    const record = { previousCommitment: NO_COMMITMENT, pending: undefined, authorization: BY_OPERATOR };
    const value = encodeIdentityRecord({ ...record, certificates: [certificate] });
    const opening = new Uint8Array(16);
    const opened = (version: number) => {
      const commitment = commit({ opening, label: identity.label, version, update: { value, signature: undefined } });
      return { version, commitment, opening, value };
    };
    const search = { ...opened(2 ** 32 - 1), mustMonitor: false, view: { size: 1 }, logRoot: NO_COMMITMENT };
    const known = { ...opened(0), monitored: [], ladder: [], monitoredAtMs: undefined };
    const nowMs = operator.server.log.clock.now();
    const input = { transport, trust, identity, search: search as unknown as VerifiedSearch, known, nowMs };
    const { binding } = await verifyBinding(input);
    expect(binding.change.type).toBe('unexplained');
    expect(requests).toBe(0);
  });

  it('come in the number that was asked for', async () => {
    const identity = 'counted@example.com';
    await register(identity);
    const config = operator.server.log.context.configuration;
    const link = { opening: new Uint8Array(16), value: { value: new Uint8Array(3), signature: undefined } };
    const body = new Uint8Array(encode(chainResponseCodec(config), { links: [link, link, link] }));
    const { client, read } = await contactOf(
      identity,
      lie(PATHS.chain, async () => new Response(body)),
    );
    const before = await read();
    for (let i = 0; i < 2; i++) {
      const certificate = await operator.certify(identity, (await generateKey()).spki);
      await operator.appendRecord(identity, { certificates: [certificate], authorization: BY_OPERATOR });
    }
    const error = await failure(client.lookup(identity));
    expect(error).toEqual(code('bad-chain'));
    expect(exitCodeOf(error)).toBe(2);
    expect(await read()).toBe(before);
  });

  it('are missed where they are false or withheld', async () => {
    const identity = 'withheld@example.com';
    await register(identity);
    const config = operator.server.log.context.configuration;
    const link = { opening: new Uint8Array(16), value: { value: new Uint8Array(3), signature: undefined } };
    const body = new Uint8Array(encode(chainResponseCodec(config), { links: [link] }));
    const erased = JSON.stringify({ code: 'erased', status: 410, title: 'Gone', type: 'about:blank' });
    const headers = { 'content-type': 'application/problem+json' };
    const contacts = [
      await contactOf(
        identity,
        lie(PATHS.chain, async () => new Response(body)),
      ),
      await contactOf(
        identity,
        lie(PATHS.chain, async () => new Response(erased, { status: 410, headers })),
      ),
    ];
    for (let i = 0; i < 2; i++) {
      const certificate = await operator.certify(identity, (await generateKey()).spki);
      await operator.appendRecord(identity, { certificates: [certificate], authorization: BY_OPERATOR });
    }
    for (const { client } of contacts) {
      await expect(client.lookup(identity)).resolves.toMatchObject({ binding: { change: { type: 'unexplained' } } });
    }
  });
});

describe('a certificate that the authority should not have signed', () => {
  it('is misbehaviour where its name is no identity', async () => {
    const { keys, profile, urls, now, random } = operator.server.log.context;
    const { spki } = await generateKey();
    const der = await issueLeaf(keys.issuer, {
      ...leafValidity(profile, keys.issuer.certificate, now()),
      spki,
      san: { kind: 'email', value: '"bob".@example.com' },
      serial: newSerial(random),
      profile,
      urls,
    });
    const client = await operator.client();
    const error = await failure(client.verifyCertificate(formatPem('CERTIFICATE', der)));
    expect(error).toEqual(code('bad-certificate'));
    expect(exitCodeOf(error)).toBe(2);
  });

  it('is not current before it is valid', async () => {
    const identity = 'future@example.com';
    const nowMs = operator.server.log.clock.now();
    const times = { notBeforeMs: nowMs + 30 * 86_400_000, notAfterMs: nowMs + 60 * 86_400_000 };
    const certificate = await operator.certify(identity, (await generateKey()).spki, times);
    const authorization = { type: 'initial', evidence: { type: 'application' } } as const;
    await operator.appendRecord(identity, { certificates: [certificate], authorization });
    const client = await operator.client();
    expect(await failure(client.lookup(identity))).toEqual(code('bad-certificate'));
  });

  it('is misbehaviour where its key is weak', async () => {
    const identity = 'weak@example.com';
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const weak = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
    const { spki } = await generateKey();
    const strong = await operator.certify(identity, spki);
    // Only the key is replaced: lengths change, so the certificate is rebuilt by hand.
    const outer = new DerReader(readSingle(strong).content);
    const tbs = new DerReader(outer.read(0x30).content);
    const algorithm = outer.read(0x30).raw;
    const fields: Uint8Array[] = [];
    while (!tbs.done) fields.push(tbs.read().raw);
    fields[6] = weak;
    const signed = derSequence(...fields);
    const { signer } = operator.server.log.context.keys.issuer;
    const certificate = derSequence(signed, algorithm, derBitString(await signer.sign(signed)));
    const authorization = { type: 'initial', evidence: { type: 'application' } } as const;
    await operator.appendRecord(identity, { certificates: [certificate], authorization });
    const client = await operator.client();
    const error = await failure(client.lookup(identity));
    expect(isGlasskeyError(error) && error.fault).toBe('verification');
    expect(exitCodeOf(error)).toBe(2);
    const shown = await failure(client.verifyCertificate(formatPem('CERTIFICATE', certificate)));
    expect(exitCodeOf(shown)).toBe(2);
  });
});

describe('the words of a server', () => {
  it('cannot write control characters to a terminal', async () => {
    const detail = 'fine\u001b[2J\u001b[Hverified\u0007\u202e\u009b\nnext line';
    const body = JSON.stringify({ code: 'overloaded', status: 503, title: 'x', type: 'about:blank', detail });
    const headers = { 'content-type': 'application/problem+json' };
    const client = await operator.client({
      fetch: lie(PATHS.lookup, async () => new Response(body, { status: 503, headers })),
    });
    const error = await failure(client.lookup('a@example.com'));
    expect((error as Error).message).toMatch(/^fine/);
    expect((error as Error).message).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
  });
});

describe('a client', () => {
  it('does not pin a bundle with which nothing could be verified', async () => {
    const { bundle, bundleKey, url } = operator.server;
    const small = new Uint8Array(32);
    small[0] = 1;
    const { configuration } = operator.server.log.context;
    const broken = [
      { ...configuration, vrfPublicKey: small },
      { ...configuration, signaturePublicKey: small },
      { ...configuration, cipherSuite: 1 },
    ].map((config) => ({ keytransConfiguration: formatBase64(encode(configurationCodec, config)) }));
    const issuers = [formatPem('CERTIFICATE', Uint8Array.of(0x30, 0))];
    for (const change of [...broken, { issuers }]) {
      const signed = await signTrustBundle({ ...bundle.bundle, ...change }, [bundleKey]);
      const state = new MemoryState();
      const fetch = lie(PATHS.trustBundle, async () => new Response(formatTrustBundle(signed)));
      expect(await failure(KeyDirectory.open({ server: url, state, fetch }))).toEqual(code('bad-bundle'));
      expect((await state.transact(async (current) => ({ result: current }))).bundle).toBeUndefined();
    }
  });

  it('does not follow a server that sends its requests elsewhere', async () => {
    const seen: (RequestInit | undefined)[] = [];
    const client = await operator.client({
      fetch: async (url, init) => {
        seen.push(init);
        return fetch(url, init);
      },
    });
    await client.lookup('nobody@example.com');
    const posts = seen.filter((init) => init?.method === 'POST');
    expect(posts.length).toBeGreaterThan(0);
    for (const init of posts) expect(init?.redirect).toBe('error');
  });

  it('takes no credentials in a URL, and does not repeat them', async () => {
    for (const server of [
      'http://:hunter2@127.0.0.1:9',
      'http://me:hunter2@127.0.0.1:9',
      'ftp://me:hunter2@x',
      'hunter2 hunter2',
    ]) {
      const error = await failure(KeyDirectory.open({ server, state: new MemoryState() }));
      expect(error).toEqual(code('usage'));
      expect((error as Error).message).not.toContain('hunter2@');
    }
  });
});

describe('an audit', () => {
  it('uses the caller’s own fetch', async () => {
    const paths: string[] = [];
    const client = await operator.client({
      fetch: async (url, init) => {
        paths.push(new URL(url).pathname);
        return fetch(url, init);
      },
    });
    await client.audit();
    expect(paths).toContain(PATHS.checkpoint);
  });

  it('is of the log that answers lookups, not of a prettier one', async () => {
    const pretty = await LyingOperator.start();
    try {
      // Two logs of one name, signed by the same keys: one for who looks people up, one for who audits.
      const { context } = pretty.server.log;
      const own = operator.server.log.context;
      Object.assign(context.keys, own.keys);
      Object.assign(context, { configuration: own.configuration, vrf: own.vrf, noteSigner: own.noteSigner });
      Object.assign(context, { configHash: own.configHash });
      const { database } = pretty;
      await database.query('delete from entries');
      await database.query('delete from released_heads');
      await database.query(
        `update heads set size = 0, timestamp_ms = 0, prefix_root = $1, prefix_tile_position = null,
         prefix_tile_counter = null, log_edge = '', audit_edge = ''`,
        [new Uint8Array(32)],
      );
      const authorization = { type: 'initial', evidence: { type: 'application' } } as const;
      const state = new MemoryState();
      await register('audited@example.com');
      const client = await operator.client({ state });
      await client.lookup('audited@example.com');
      const seen = (await state.transact(async (current) => ({ result: current }))).view!.size;
      const auditor: Fetch = async (url, init) => {
        const { pathname } = new URL(url);
        return fetch(pathname.startsWith('/log/') ? pretty.server.url + pathname : url, init);
      };
      const audit = async () => failure((await operator.client({ state, fetch: auditor })).audit());
      for (let i = 0; i < seen + 3; i++) {
        const { spki } = await generateKey();
        const name = `pretty${i}@example.com`;
        await pretty.appendRecord(name, { certificates: [await operator.certify(name, spki)], authorization });
        const size = (await context.store.readHead()).size;
        if (size === seen - 1) expect(await audit()).toEqual(code('too-far-behind'));
        if (size === seen || size === seen + 2) {
          const error = await audit();
          expect(error).toEqual(code('log-forked'));
          expect(exitCodeOf(error)).toBe(2);
        }
      }
      await expect(client.audit()).resolves.toMatchObject({ treeSize: seen });
    } finally {
      await pretty.stop();
    }
  });
});
