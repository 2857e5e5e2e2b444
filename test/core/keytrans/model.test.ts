import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { KT_128_SHA256_ED25519, KT_128_SHA256_P256 } from '../../../src/core/crypto/cipher-suite.ts';
import { LABELS } from '../../support/histories.ts';
import { type ModelStep, ModelWorld } from '../../support/model/model-world.ts';
import { rememberVerified } from '../../support/remember-verified.ts';
import { runs } from '../../support/random-histories.ts';

beforeAll(() => {
  for (const suiteId of [KT_128_SHA256_ED25519, KT_128_SHA256_P256]) rememberVerified(suiteId);
});

const people = fc.nat({ max: 2 });
const steps: fc.Arbitrary<ModelStep> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      gapMs: fc.oneof(fc.constant(0), fc.nat({ max: 60 }), fc.nat({ max: 60 }), fc.integer({ min: 800, max: 2500 })),
      labels: fc.array(fc.constantFrom(...LABELS), { maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('lookup' as const), person: people, choice: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('version' as const), person: people, choice: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('monitor' as const), person: people, choice: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('walk' as const), person: people, choice: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('own' as const), person: people, choice: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('owner-monitor' as const), person: people, choice: fc.nat() }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('credential' as const), person: people, choice: fc.nat() }) },
);

/** Reasonable Monitoring Windows, and lifetimes in the same unit: a lifetime is longer than the window (KT §7.1). */
const settings = fc.record({
  windowMs: fc.constantFrom(0, 50, 1000, 1000, 5000),
  lifetimeMs: fc.option(fc.integer({ min: 1, max: 6000 }), { nil: undefined, freq: 3 }),
  mode: fc.constantFrom('contactMonitoring', 'contactMonitoring', 'thirdPartyAuditing', 'p256'),
});

describe('a directory and its users', () => {
  it('are what a list of versions says, whatever happens in whatever order', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(settings, fc.array(steps, { minLength: 20, maxLength: 90, size: 'max' }), (setting, history) => {
        const { windowMs, lifetimeMs, mode } = setting;
        const lifetime = lifetimeMs === undefined ? undefined : windowMs + lifetimeMs;
        const world = new ModelWorld({ windowMs, lifetimeMs: lifetime, mode });
        for (const step of history) {
          const outcome = world.take(step);
          seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
        }
        world.everybodyComesBack();
      }),
      runs(40),
    );
    for (const outcome of [
      'found',
      'absent',
      'version',
      'monitored',
      'heads',
      'owned',
      'updated',
      'owner',
      'credential',
    ]) {
      expect([outcome, seen.get(outcome) ?? 0]).toEqual([outcome, expect.toSatisfy((count: number) => count > 2)]);
    }
  });
});
