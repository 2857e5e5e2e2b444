import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import { seededRandom } from '../support/random.ts';
import { failure, readState, register } from '../support/victims.ts';

/** Slowest refusal of one answer that is bearable, ms: many times what an honest answer takes. */
const SLOW_MS = 2_000;

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start();
  await register(operator, 'erin@example.com');
});
afterAll(() => operator.stop());

describe('a network that damages answers', () => {
  it('gets nothing accepted: 300 flipped bits, and truncations', { timeout: 120_000 }, async () => {
    const random = seededRandom(20_260_801);
    const state = new MemoryState();
    let damage: (body: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> = (body) => body;
    const fetch = lie(PATHS.lookup, async (honest) => {
      return new Response(damage(new Uint8Array(await (await honest()).arrayBuffer())));
    });
    const client = await operator.client({ state, fetch });
    await client.lookup('erin@example.com');
    const before = await readState(state);
    const refuse = async (text: string): Promise<void> => {
      const start = performance.now();
      const error = await failure(client.lookup(text));
      expect(performance.now() - start).toBeLessThan(SLOW_MS);
      expect(isGlasskeyError(error) ? error.fault : error).toMatch(/^(verification|decode)$/);
      expect(await readState(state)).toBe(before);
    };
    for (let i = 0; i < 300; i++) {
      damage = (body) => {
        const at = Math.floor(random() * body.length);
        body[at] = body[at]! ^ (1 << Math.floor(random() * 8));
        return body;
      };
      await refuse(i % 3 === 0 ? 'nobody@example.com' : 'erin@example.com');
    }
    for (let i = 0; i < 40; i++) {
      damage = (body) => body.slice(0, Math.floor(random() * body.length));
      await refuse('erin@example.com');
    }
    damage = (body) => new Uint8Array([...body, 0]);
    await refuse('erin@example.com');
    damage = (body) => body;
    await expect(client.lookup('erin@example.com')).resolves.toMatchObject({
      binding: { change: { type: 'unchanged' } },
    });
  });
});
