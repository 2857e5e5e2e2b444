import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEYTRANS_MEDIA_TYPE } from '../../src/contract/media-types.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { history } from '../../src/client/operations/history.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { Transport } from '../../src/client/transport.ts';
import { type Fetch, platformFetch } from '../../src/core/net/bounded-fetch.ts';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import { chainRequestCodec, chainResponseCodec } from '../../src/core/keytrans/messages.ts';
import { updateRequestCodec, updateResponsesCodec } from '../../src/core/keytrans/update-messages.ts';
import { MAX_RECORD_BYTES_SHOWN } from '../../src/service/prover/answer-budget.ts';
import { appendFatVersions } from '../support/fat-records.ts';
import { LyingOperator, refusal } from '../support/lying-operator.ts';
import { readState } from '../support/victims.ts';
import { identityOf } from '../support/owner.ts';

const FAT = 'fat@example.com';
const VERSIONS = 65;
/** More than a client reads of one answer, if it had all versions. */
const RECORD_BYTES = 140_000;
/** Openings and proofs beside the records. */
const SLACK_BYTES = 64 * 1024;

let operator: LyingOperator;
let label: Uint8Array;
beforeAll(async () => {
  operator = await LyingOperator.start();
  ({ label } = identityOf(FAT));
  await appendFatVersions(operator, FAT, { count: VERSIONS, bytes: RECORD_BYTES });
});
afterAll(() => operator.stop());

async function post(path: string, body: Uint8Array): Promise<Uint8Array> {
  const headers = { 'content-type': KEYTRANS_MEDIA_TYPE };
  const response = await fetch(operator.server.url + path, { method: 'POST', headers, body: new Uint8Array(body) });
  expect(response.status).toBe(200);
  return new Uint8Array(await response.arrayBuffer());
}

/** A `fetch` that counts the answers about chains and keeps the length of the longest. */
function counting(): { readonly fetch: Fetch; pages: number; longest: number } {
  const counts = {
    pages: 0,
    longest: 0,
    fetch: async (url: string, init: RequestInit): Promise<Response> => {
      const response = await fetch(url, init);
      if (!url.endsWith(PATHS.chain)) return response;
      const body = new Uint8Array(await response.arrayBuffer());
      counts.pages++;
      counts.longest = Math.max(counts.longest, body.length);
      return new Response(body, response);
    },
  };
  return counts;
}

describe('a small question about fat versions', () => {
  it('has an answer within the budget, and the rest is asked for', async () => {
    const { configuration } = operator.server.log.context;
    let next = 0;
    let answers = 0;
    while (next < VERSIONS) {
      const request = { label, first: next, last: Math.min(next + 63, VERSIONS - 1) };
      const body = await post(PATHS.chain, encode(chainRequestCodec, request));
      expect(body.length).toBeLessThanOrEqual(MAX_RECORD_BYTES_SHOWN + SLACK_BYTES);
      next += decode(chainResponseCodec(configuration), body).links.length;
      answers++;
    }
    expect(answers).toBe(Math.ceil(VERSIONS / Math.floor(MAX_RECORD_BYTES_SHOWN / (RECORD_BYTES + 10_000))));
  });

  it('has an answer within the budget for an owner, too', async () => {
    const { configuration } = operator.server.log.context;
    const request = { last: undefined, label, greatestVersion: 3, values: [] };
    const body = await post(PATHS.update, encode(updateRequestCodec, request));
    expect(body.length).toBeLessThanOrEqual(MAX_RECORD_BYTES_SHOWN + SLACK_BYTES);
    const responses = decode(updateResponsesCodec(configuration), body);
    expect(responses.flatMap(({ values }) => values).length).toBeGreaterThan(1);
  });

  it('keeps nobody from reading the whole history', async () => {
    const counts = counting();
    const client = await operator.client({ fetch: counts.fetch });
    const { versions } = await client.history(FAT);
    expect(versions.map(({ version }) => version)).toEqual(Array.from({ length: VERSIONS }, (_, i) => i));
    expect(counts.pages).toBeGreaterThan(8);
    expect(counts.longest).toBeLessThanOrEqual(MAX_RECORD_BYTES_SHOWN + SLACK_BYTES);
  });

  it('is read part by part where it is longer than a client reads at once, and each part says so', async () => {
    const state = new MemoryState();
    const { trust } = await operator.client({ state });
    const { url: server, log } = operator.server;
    const transport = new Transport({ server, fetch: platformFetch, timeoutMs: 60_000 });
    const operation = { transport, trust, now: log.clock.now, ending: { end: undefined } };
    const bounds = { bytes: 4 * 1024 * 1024, versions: 4_096, requests: 256 };
    const read: number[] = [];
    let before: number | undefined;
    let looks = 0;
    do {
      const { result } = await history(operation, await readState(state), identityOf(FAT), { before }, bounds);
      expect(result.latest).toBe(VERSIONS - 1);
      expect(result.versions.every(({ fault }) => fault === undefined)).toBe(true);
      read.unshift(...result.versions.map(({ version }) => version));
      if (result.unread !== undefined) expect(result.unread).toEqual({ last: (read[0] ?? 0) - 1, why: 'bound' });
      before = result.unread && result.unread.last + 1;
      looks++;
    } while (before !== undefined);
    expect(read).toEqual(Array.from({ length: VERSIONS }, (_, i) => i));
    expect(looks).toBeGreaterThan(1);
  });

  it('is shown as far as the log shows it, and the rest is said to be missing', async () => {
    const client = await operator.client({
      fetch: async (url, init) => {
        const isOld =
          url.endsWith(PATHS.chain) && decode(chainRequestCodec, new Uint8Array(init.body as Uint8Array)).first < 40;
        return isOld ? refusal('erased')() : fetch(url, init);
      },
    });
    const { versions, unread } = await client.history(FAT);
    expect(unread).toEqual({ last: 39, why: 'not-shown' });
    expect(versions.map(({ version }) => version)).toEqual(Array.from({ length: VERSIONS - 40 }, (_, i) => 40 + i));
    expect(versions.slice(0, 2)).toMatchObject([{ link: undefined, fault: undefined }, { link: 'operator' }]);
  });

  it('is not asked on after a page that breaks the chain', async () => {
    const { configuration: config } = operator.server.log.context;
    let pages: number | undefined;
    const client = await operator.client({
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        if (!url.endsWith(PATHS.chain) || pages === undefined) return response;
        pages++;
        const codec = chainResponseCodec(config);
        const { links } = decode(codec, new Uint8Array(await response.arrayBuffer()));
        const [one, ...rest] = links.toReversed();
        return new Response(
          new Uint8Array(encode(codec, { links: one === undefined ? rest : [...rest, one] })),
          response,
        );
      },
    });
    // A first look has its own bounds.
    await client.lookup(FAT);
    pages = 0;
    await expect(client.history(FAT)).rejects.toMatchObject({ code: 'bad-chain' });
    expect(pages).toBe(1);
  });
});
