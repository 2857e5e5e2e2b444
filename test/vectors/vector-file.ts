import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type CipherSuite, cipherSuite } from '../../src/core/crypto/cipher-suite.ts';

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
  /** The number of the KEYTRANS cipher suite. Absent where the primitive is the same in all suites. */
  readonly cipher_suite?: number;
  readonly cases: readonly VectorCase[];
}

/** Checks one case; returns the reason where the case does not apply to us. */
export type Checker = (vector: VectorCase, file: VectorFile) => { readonly notApplicable: string } | void;

/** The vectors' folder: GLASSKEY_VECTORS, or `../shared/vectors` beside the checkout. */
export const VECTORS = process.env['GLASSKEY_VECTORS'] ?? resolve(import.meta.dirname, '../../../shared/vectors');

/** Whether the vectors are there. */
export const HAVE_VECTORS = existsSync(VECTORS);

/** Returns the vector files in the folders of `root` whose names begin with `prefix`, by `folder/file`. */
export function vectorFiles(root: string, prefix: string): [string, VectorFile][] {
  if (!existsSync(root)) return [];
  const folders = readdirSync(root).filter((name) => name.startsWith(prefix));
  const names = folders.flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`));
  return names
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => [name, JSON.parse(readFileSync(join(root, name), 'utf8')) as VectorFile]);
}

/** Returns the cipher suite of a file. Throws where it names none, or one that is not implemented. */
export function suiteOf({ primitive, cipher_suite: id }: VectorFile): CipherSuite {
  if (id === undefined) throw new Error(`the vectors of ${primitive} name no cipher suite`);
  return cipherSuite(id);
}
