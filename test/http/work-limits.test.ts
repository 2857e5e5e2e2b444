import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEYTRANS_MEDIA_TYPE } from '../../src/contract/media-types.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { distinguishedRequestCodec } from '../../src/core/keytrans/distinguished-messages.ts';
import { lookupBatchRequestCodec } from '../../src/core/keytrans/lookup-batch-messages.ts';
import { chainRequestCodec } from '../../src/core/keytrans/messages.ts';
import { LyingOperator } from '../support/lying-operator.ts';
import { identityOf } from '../support/owner.ts';

const FAT = 'fat@example.com';
const THIN = 'thin@example.com';
const BURST = 40;

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start({
    rateLimits: {
      perClient: undefined,
      perApplication: undefined,
      trustedProxies: ['127.0.0.1'],
      perAsker: { perSecond: 0.001, burst: BURST },
    },
  });
  await operator.appendVersions(THIN, [{ version: 0, value: new Uint8Array(100) }]);
  // Nine units of 16 KiB beyond the first.
  await operator.appendVersions(FAT, [{ version: 0, value: new Uint8Array(9.5 * 16 * 1024) }]);
});
afterAll(() => operator.stop());

let hosts = 0;
const somebody = (): string => `192.0.2.${(hosts += 1)}`;

/** Returns the status, or the code of a refusal. */
async function post(path: string, body: Uint8Array, from: string): Promise<number | string> {
  const headers = { 'content-type': KEYTRANS_MEDIA_TYPE, 'x-forwarded-for': from };
  const response = await fetch(operator.server.url + path, { method: 'POST', headers, body: new Uint8Array(body) });
  if (response.status === 429) return ((await response.json()) as { code: string }).code;
  await response.arrayBuffer();
  return response.status;
}

const chainOf = (name: string) => encode(chainRequestCodec, { label: identityOf(name).label, first: 0, last: 0 });

/** How often somebody is answered before it is too often. */
async function answered(path: string, body: Uint8Array, from = somebody()): Promise<number> {
  for (let count = 0; ; count++) {
    const status = await post(path, body, from);
    if (status === 'rate-limited') return count;
    expect(status).toBe(200);
  }
}

describe('an answer', () => {
  it('is charged by its length', async () => {
    expect(await answered(PATHS.chain, chainOf(THIN))).toBe(BURST);
    expect(await answered(PATHS.chain, chainOf(FAT))).toBe(BURST / 10);
  });

  it('about the log counts, too', async () => {
    const request = encode(distinguishedRequestCodec, { last: undefined, stop: undefined });
    expect(await answered(PATHS.distinguished, request)).toBe(BURST);
  });

  it('costs nothing for a name that is put off', async () => {
    const from = somebody();
    const { label } = identityOf(FAT);
    // Six have room in 1 MiB, and leave a debt; the seventh to the tenth are put off.
    const request = encode(lookupBatchRequestCodec, { last: undefined, labels: Array<Uint8Array>(10).fill(label) });
    expect(await post(PATHS.lookupBatch, request, from)).toBe(200);
    operator.server.log.clock.advance((60 - BURST + 5) * 1_000_000);
    expect(await answered(PATHS.chain, chainOf(THIN), from)).toBe(5);
  });
});
