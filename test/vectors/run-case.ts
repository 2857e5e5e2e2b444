import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Checker, suiteOf, type VectorCase, type VectorFile } from './vector-file.ts';

/** Returns the checker of a primitive: the default export of `checkers/<primitive>.ts`. Throws if there is none. */
async function loadChecker(primitive: string): Promise<Checker> {
  const path = join(import.meta.dirname, 'checkers', `${primitive}.ts`);
  if (!/^[a-z0-9-]+$/.test(primitive) || !existsSync(path)) throw new Error(`no checker for ${primitive}`);
  return ((await import(path)) as { default: Checker }).default;
}

/**
 * Checks one case of a file. Returns the reason if the case does not apply to us. Throws if the case fails, and if
 * nothing here can check it: a primitive without a checker, a cipher suite that is not implemented.
 */
export async function runCase(file: VectorFile, vector: VectorCase): Promise<string | undefined> {
  const check = await loadChecker(file.primitive);
  if (file.cipher_suite !== undefined) suiteOf(file);
  return check(vector, file)?.notApplicable;
}
