import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PATHS, UPDATES_PREFIX } from '../../src/contract/paths.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const SIZE = 8;
/** Updates that a client may have read at once: those of an idle log have less than a kilobyte. */
const BURST = 4;
let server: TestServer;

beforeAll(async () => {
  server = await createTestServer({
    loop: false,
    limits: {
      heartbeatMs: 1,
      updateKilobytesPerSecond: 1,
      updateBurstKilobytes: BURST,
      maxWaitingOfOne: 3,
      patienceMs: 2_500,
    },
    rateLimits: { perClient: undefined, perApplication: undefined, trustedProxies: ['127.0.0.1'] },
  });
  for (let i = 1; i < SIZE; i++) {
    server.log.clock.advance(1);
    await server.log.service.sequencer.step();
  }
});
afterAll(() => server.close());

const get = (path: string, address: string): Promise<Response> =>
  fetch(server.url + path, { headers: { 'x-forwarded-for': address } });
const update = (position: number): string => `${UPDATES_PREFIX}00${position}`;
/** Takes all that a client may have at once. */
async function spend(address: string): Promise<void> {
  for (let i = 0; i < BURST; i++) expect((await get(update(i), address)).status).toBe(200);
}

describe('the pace at which a client reads updates', () => {
  it('has a client that read more than its share wait, and not for longer than the server has patience', async () => {
    await spend('192.0.2.1');
    const late = await get(update(7), '192.0.2.1');
    expect([late.status, late.headers.get('retry-after'), await late.json()]).toMatchObject([
      429,
      '1',
      { code: 'rate-limited' },
    ]);
    // Others have their own, and what costs nothing is there for all.
    expect((await get(update(7), '192.0.2.2')).status).toBe(200);
    expect((await get(PATHS.checkpoint, '192.0.2.1')).status).toBe(200);
    server.log.clock.advance(1_000);
    expect((await get(update(7), '192.0.2.1')).status).toBe(200);
  });

  it('lets those on that wait a little, as many of one client as may wait', async () => {
    await spend('192.0.2.3');
    const refused: number[] = [];
    const waiting = Array.from({ length: 5 }, async () => {
      const { status } = await get(update(6), '192.0.2.3');
      if (status !== 200) refused.push(status);
      return status;
    });
    await vi.waitFor(() => expect(refused).toEqual([429, 429]), { timeout: 2_000 });
    server.log.clock.advance(5_000);
    const statuses = await Promise.all(waiting);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 200, 429, 429]);
  });
});
