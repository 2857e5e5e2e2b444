import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseLimbo, runLimboCase } from '../../src/cli/commands/ca/limbo-case.ts';
import { VECTORS } from './vector-file.ts';

const FILES = [join(VECTORS, 'limbo/limbo-native.json'), resolve(VECTORS, '../cases/x509/constraints-and-limits.json')];

/** Cases that the validator judges otherwise on purpose, and why. */
const OTHERWISE: Readonly<Record<string, string>> = {
  'extra::aki-ski-mismatch': 'a certificate that names another key as its signer is of another issuer, as for OpenSSL',
  'extra::leaf-is-anchor': 'an anchor is a CA: trust in one end entity is the business of the caller',
};

describe.each(FILES)('path validation: %s', (file) => {
  const present = existsSync(file);

  it.skipIf(!present && process.env['CI'] === undefined)(
    'agrees with every case, except where the table says why not',
    async () => {
      const cases = parseLimbo(readFileSync(file, 'utf8'));
      const disagreeing: string[] = [];
      for (const one of cases) {
        // eslint-disable-next-line no-await-in-loop -- one validation at a time, as with `ca validate`
        const { id, expected, outcome, reason } = await runLimboCase(one);
        const agrees = outcome === 'skipped' || (outcome === 'accepted') === (expected === 'SUCCESS');
        if (agrees === id in OTHERWISE) disagreeing.push(`${id}: ${outcome}, ${reason ?? 'no reason'}`);
      }
      expect(cases.length).toBeGreaterThan(0);
      expect(disagreeing).toEqual([]);
    },
  );
});
