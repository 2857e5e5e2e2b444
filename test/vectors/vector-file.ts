import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A case of a vector file: see the README of the vectors' folder. */
export interface VectorCase {
  readonly name: string;
  // Each file has its own shape; a checker reads the fields that its file's notes name.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly input: any;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly expect: any;
}

/** A file of vectors for one primitive. */
export interface VectorFile {
  readonly primitive: string;
  readonly cases: readonly VectorCase[];
}

/** Checks one case; returns the reason where the case does not apply to us. */
export type Checker = (vector: VectorCase, file: VectorFile) => { readonly notApplicable: string } | void;

/** The vectors' folder: GLASSKEY_VECTORS, or `../shared/vectors` beside the checkout. */
export const VECTORS = process.env['GLASSKEY_VECTORS'] ?? resolve(import.meta.dirname, '../../../shared/vectors');

/** Whether the vectors are there. */
export const HAVE_VECTORS = existsSync(VECTORS);

/** Every vector file of one folder, by file name. */
export function vectorFiles(folder: string): [string, VectorFile][] {
  if (!HAVE_VECTORS) return [];
  const path = join(VECTORS, folder);
  return readdirSync(path)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => [name, JSON.parse(readFileSync(join(path, name), 'utf8')) as VectorFile]);
}
