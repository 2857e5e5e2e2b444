import { expect, it, vi } from 'vitest';
import { MAX_STANDING_ROUNDS, StandingFaults } from '../../src/cli/standing-faults.ts';
import type { ErrorCode } from '../../src/core/error-codes.ts';
import { GlasskeyError } from '../../src/core/errors.ts';

it.each([
  ['copy-damaged', true],
  ['storage-failed', true],
  ['network-failed', false],
  ['overloaded', false],
] as const)('--watch, of which each round ends with %s, ends: %s', (name: ErrorCode, ends) => {
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const faults = new StandingFaults();
    const fault = new GlasskeyError(name, 'a reason');
    const fail = (): void => faults.failed(fault);
    for (let round = 1; round < MAX_STANDING_ROUNDS; round++) fail();
    // One good round in between, or a failure of another kind, and the count begins anew.
    faults.succeeded();
    for (let round = 1; round < MAX_STANDING_ROUNDS; round++) fail();
    faults.failed(new GlasskeyError('network-failed', 'away'));
    for (let round = 1; round < MAX_STANDING_ROUNDS; round++) fail();
    expect(written).toHaveBeenCalledTimes(3 * MAX_STANDING_ROUNDS - 2);
    if (ends) expect(fail).toThrow(fault);
    else expect(fail).not.toThrow();
  } finally {
    written.mockRestore();
  }
});
