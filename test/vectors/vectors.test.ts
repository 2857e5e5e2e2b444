import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Checker, HAVE_VECTORS, vectorFiles, VECTORS } from './vector-file.ts';

const CHECKERS = join(import.meta.dirname, 'checkers');

/** The checker of a primitive: the default export of `checkers/<primitive>.ts`. */
async function loadChecker(primitive: string): Promise<Checker | undefined> {
  if (!/^[a-z0-9-]+$/.test(primitive)) return undefined;
  const path = join(CHECKERS, `${primitive}.ts`);
  return existsSync(path) ? ((await import(path)) as { default: Checker }).default : undefined;
}

describe.runIf(HAVE_VECTORS)('KEYTRANS vectors', async () => {
  for (const [name, file] of vectorFiles('keytrans')) {
    const checker = await loadChecker(file.primitive);
    describe(`${name} (${file.primitive})`, () => {
      if (checker === undefined) {
        it.skip(`not covered: no checker for this primitive, ${file.cases.length} cases`);
        return;
      }
      it.for(file.cases)('$name', (vector, context) => {
        const outcome = checker(vector, file);
        if (outcome !== undefined) context.skip(`not applicable: ${outcome.notApplicable}`);
      });
    });
  }
});

describe.skipIf(HAVE_VECTORS)('KEYTRANS vectors', () => {
  it.skipIf(process.env['CI'] === undefined)(`are at ${VECTORS}`, () => {
    expect(HAVE_VECTORS, 'in CI the vectors must be there').toBe(true);
  });
});
