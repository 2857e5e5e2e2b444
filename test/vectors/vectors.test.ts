import { describe, expect, it } from 'vitest';
import { runCase } from './run-case.ts';
import { HAVE_VECTORS, vectorFiles, VECTORS } from './vector-file.ts';

describe.runIf(HAVE_VECTORS)('KEYTRANS vectors', () => {
  const files = vectorFiles(VECTORS, 'keytrans');

  it('are there, and every file has some', () => {
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter(([, { cases }]) => cases.length === 0)).toEqual([]);
  });

  for (const [name, file] of files) {
    describe(`${name} (${file.primitive})`, () => {
      it.for(file.cases)('$name', async (vector, context) => {
        const notApplicable = await runCase(file, vector);
        if (notApplicable !== undefined) context.skip(`not applicable: ${notApplicable}`);
      });
    });
  }
});

describe.skipIf(HAVE_VECTORS)('KEYTRANS vectors', () => {
  it.skipIf(process.env['CI'] === undefined)(`are at ${VECTORS}`, () => {
    expect(HAVE_VECTORS, 'in CI the vectors must be there').toBe(true);
  });
});
