import { expect, it } from 'vitest';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { type AttackId, CATALOGUE } from './catalogue.ts';

/**
 * Carries out a row of the {@link CATALOGUE}: a test of its name. `carryOut` gives what the victims noticed: errors, or the
 * words in which a client tells how keys changed. Each must have a code of the row: which one can depend on where search
 * keys, which are random, lie in the prefix tree.
 */
export function attack(id: AttackId, carryOut: () => unknown, timeoutMs?: number): void {
  const row = CATALOGUE[id];
  const run = async (): Promise<void> => {
    const noticed = [await carryOut()].flat();
    expect(noticed.length).toBeGreaterThan(0);
    for (const one of noticed) expect(row.codes).toContain(codeOf(one));
  };
  it(row.attack, run, timeoutMs);
}

function codeOf(noticed: unknown): string {
  if (typeof noticed === 'string') return noticed;
  if (isGlasskeyError(noticed)) return noticed.code;
  throw new Error('nothing that a victim could notice', { cause: noticed });
}
