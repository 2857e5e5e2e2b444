import { expect, it } from 'vitest';
import { longerPatience } from '../../../src/service/sequencing/writer-lease.ts';

it('the patience with a step doubles after one that hung, up to two minutes', () => {
  const patience = [8_000];
  while (patience.length < 7) patience.push(longerPatience(patience.at(-1)!));
  expect(patience).toEqual([8_000, 16_000, 32_000, 64_000, 120_000, 120_000, 120_000]);
});
