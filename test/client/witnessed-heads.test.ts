import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { KeyDirectory, type KeyDirectoryOptions } from '../../src/client/key-directory.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import { parseTlogProof, formatTlogProof } from '../../src/core/audit/tlog-proof.ts';
import { formatNote, parseNote } from '../../src/core/audit/note.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';
import { TestWitnesses } from '../support/test-witnesses.ts';
import { readState } from '../support/victims.ts';

describe('a client whose bundle has a witness policy', () => {
  let server: TestServer;
  let witnesses: TestWitnesses;
  /** Paths below `/log/proof/` that were asked for. */
  let proofs: string[];

  beforeAll(async () => {
    witnesses = await TestWitnesses.create({ keys: 'both', count: 2 });
    server = await createTestServer({ witnesses, limits: { heartbeatMs: 500_000 } });
    const alice = await server.client();
    await alice.register('alice@example.com', { token: server.log.token, key: await generateKey() });
  });
  beforeEach(() => {
    proofs = [];
  });
  afterAll(async () => {
    await server.close();
    await witnesses.remove();
  });

  /** A client that counts proofs, and whose proofs may be replaced on the way. */
  function open(
    options: Partial<KeyDirectoryOptions> = {},
    replace: (text: string) => string | undefined = (text) => text,
  ): Promise<KeyDirectory> {
    const send: Fetch = async (url, init) => {
      const response = await fetch(url, init);
      const { pathname } = new URL(url);
      if (!pathname.startsWith('/log/proof/')) return response;
      proofs.push(pathname);
      const text = replace(await response.text());
      const problem = { type: 'about:blank', title: 'Not Found', status: 404, code: 'not-found' };
      const headers = { 'content-type': 'application/problem+json' };
      return text === undefined ? new Response(JSON.stringify(problem), { status: 404, headers }) : new Response(text);
    };
    const state = options.state ?? new MemoryState();
    return KeyDirectory.open({ server: server.url, now: server.log.clock.now, fetch: send, ...options, state });
  }

  /** What a lookup fails with; nothing of its answer is kept. */
  async function refused(options: Partial<KeyDirectoryOptions>, replace?: (text: string) => string | undefined) {
    const state = new MemoryState();
    const client = await open({ state, ...options }, replace);
    const before = await readState(state);
    const error = await client.lookup('alice@example.com').catch((caught: unknown) => caught);
    expect(await readState(state)).toBe(before);
    return error;
  }

  /** The proof with other signature lines. */
  const withLines = (text: string, keep: (name: string) => boolean): string => {
    const proof = parseTlogProof(text);
    const { text: body, signatures } = parseNote(proof.checkpoint);
    const checkpoint = formatNote({ text: body, signatures: signatures.filter(({ name }) => keep(name)) });
    return formatTlogProof({ ...proof, checkpoint });
  };

  it('takes heads that the witnesses have seen, and asks once for each', async () => {
    const client = await open();
    expect(await client.lookup('alice@example.com')).toMatchObject({ found: true });
    expect(await client.lookup('nobody@example.com')).toMatchObject({ found: false });
    expect(proofs).toEqual(['/log/proof/2']);
    await client.register('bob@example.com', { token: server.log.token, key: await generateKey() });
    expect(proofs).toEqual(['/log/proof/2', '/log/proof/3']);
    await client.monitor();
    await client.acknowledge();
    expect(proofs).toHaveLength(2);
  });

  it.each([
    ['one witness of two', 'not-witnessed', (name: string) => name !== 'witness.example/w1'],
    ['the log alone', 'not-witnessed', (name: string) => name === 'log.example'],
    ['not even the log', 'bad-checkpoint', (name: string) => name !== 'log.example'],
  ] as const)('refuses a head that was signed by %s', async (_, code, keep) => {
    expect(await refused({}, (text) => withLines(text, keep))).toMatchObject({ code });
  });

  it('refuses a head of which the server has no proof', async () => {
    expect(await refused({}, () => undefined)).toMatchObject({ code: 'not-witnessed' });
  });

  it.each([
    ['another entry', 'bad-tlog-proof', (text: string) => text.replace(/^index \d+/m, 'index 0')],
    ['no entry', 'bad-tlog-proof', (text: string) => text.replace(/^extra .*\n/m, '')],
    ['another leaf', 'bad-tlog-proof', (text: string) => text.replace(/^extra AQ/m, 'extra AR')],
    ['no proof', 'bad-tlog-proof', () => 'nonsense'],
  ] as const)('refuses a proof of %s', async (_, code, replace) => {
    expect(await refused({}, replace)).toMatchObject({ code });
  });

  it('refuses cosignatures that are older than it was told to accept', async () => {
    server.log.clock.advance(400_000);
    expect(await refused({ witnessMaxAgeMs: 300_000 })).toMatchObject({ code: 'not-witnessed' });
    expect(await (await open()).lookup('alice@example.com')).toMatchObject({ found: true });
  });
});
