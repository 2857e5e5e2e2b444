import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatPem, parsePem } from '../../src/ca/der/pem.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import { failure } from '../support/victims.ts';

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start();
});
afterAll(() => operator.stop());

const code = (expected: string) => expect.objectContaining({ code: expected });

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
  it('does not follow a server that sends its requests elsewhere', async () => {
    const seen: (string | undefined)[] = [];
    const client = await operator.client({
      fetch: async (url, init) => {
        seen.push(init.redirect);
        return fetch(url, init);
      },
    });
    await client.lookup('nobody@example.com');
    expect(seen.length).toBeGreaterThan(1);
    expect(new Set(seen)).toEqual(new Set(['manual']));
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

  it('audits with the caller’s own fetch', async () => {
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
});

describe('an owner', () => {
  it('is given the chain of its trust bundle, whatever chain the server hands out', async () => {
    const identity = 'chain@example.com';
    const [own, other] = await Promise.all([generateKey(), generateKey()]);
    const fetch = lie(PATHS.certificates, async (honest) => {
      const answer = (await (await honest()).json()) as object;
      const certificate = formatPem('CERTIFICATE', await operator.certify(identity, other.spki));
      return Response.json({ ...answer, chain: [certificate] }, { status: 201 });
    });
    const client = await operator.client({ fetch });
    const { chain } = await client.register(identity, { token: operator.server.log.token, key: own });
    const { issuer } = operator.server.log.context.keys;
    expect(chain.map((pem) => parsePem('CERTIFICATE', pem))).toEqual([issuer.certificate.der, ...issuer.chain]);
  });

  it('gets rid of the old key also where the new one is in the record already', async () => {
    const identity = 'both@example.com';
    const [old, next] = await Promise.all([generateKey(), generateKey()]);
    const client = await operator.client();
    await client.register(identity, { token: operator.server.log.token, key: old });
    await client.register(identity, { credentials: old, key: next });
    const { binding } = await client.rotate(identity, old, next);
    expect(binding.certificates.some(({ spki }) => Buffer.from(spki).equals(old.spki))).toBe(false);
    const again = await client.rotate(identity, old, next);
    expect(again.binding.version).toBe(binding.version);
  });
});
