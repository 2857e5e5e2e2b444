import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseLimbo, runLimboCase } from '../../src/cli/commands/ca/limbo-case.ts';
import { VECTORS } from './vector-file.ts';

/** Files of cases with the most that may be skipped: {@link runLimboCase} gives each its reason. */
const FILES = [
  { file: join(VECTORS, 'limbo/limbo-native.json'), maxSkipped: 16 },
  { file: resolve(VECTORS, '../cases/x509/constraints-and-limits.json'), maxSkipped: 0 },
];

/** Cases that the validator judges otherwise on purpose, and why. */
const OTHERWISE: Readonly<Record<string, string>> = {
  'extra::aki-ski-mismatch': 'a certificate that names another key as its signer is of another issuer, as for OpenSSL',
  'extra::leaf-is-anchor': 'an anchor is a CA: trust in one end entity is the business of the caller',
};

describe.each(FILES)('path validation, through the exported API: $file', ({ file, maxSkipped }) => {
  const present = existsSync(file);

  it.skipIf(!present && process.env['CI'] === undefined)(
    'agrees with every case, except where the table says why not',
    async () => {
      const cases = parseLimbo(readFileSync(file, 'utf8'));
      const disagreeing: string[] = [];
      let skipped = 0;
      for (const one of cases) {
        // eslint-disable-next-line no-await-in-loop -- one validation at a time, as with `ca validate`
        const { id, expected, outcome, reason } = await runLimboCase(one);
        if (outcome === 'skipped') skipped += 1;
        const agrees = outcome === 'skipped' || (outcome === 'accepted') === (expected === 'SUCCESS');
        if (agrees === id in OTHERWISE) disagreeing.push(`${id}: ${outcome}, ${reason ?? 'no reason'}`);
      }
      expect(cases.length).toBeGreaterThan(0);
      expect(disagreeing).toEqual([]);
      expect(skipped).toBeLessThanOrEqual(maxSkipped);
    },
  );
});
