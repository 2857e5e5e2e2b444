import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const PROJECT = resolve(import.meta.dirname, '../..');

interface Journal {
  readonly entries: { idx: number; version: string; when: number; tag: string; breakpoints: boolean }[];
}

/** A copy of the built package that stands for the next release. */
export interface NextRelease {
  /** Its `glasskey`. */
  readonly program: string;
  remove(): void;
}

/**
 * Makes a release that is one step ahead: it has one more migration, of the kind that an upgrade permits, and knows one
 * more format of rows.
 */
export function makeNextRelease(): NextRelease {
  const folder = mkdtempSync(join(tmpdir(), 'glasskey-next-'));
  for (const part of ['dist', 'migrations', 'package.json']) {
    cpSync(join(PROJECT, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  const path = join(folder, 'migrations/meta/_journal.json');
  const journal = JSON.parse(readFileSync(path, 'utf8')) as Journal;
  const last = journal.entries.at(-1);
  if (last === undefined) throw new Error('there are no migrations');
  const tag = `${String(last.idx + 1).padStart(4, '0')}_next_release`;
  journal.entries.push({ ...last, idx: last.idx + 1, when: last.when + 1, tag });
  writeFileSync(path, JSON.stringify(journal));
  const statements = [
    'ALTER TABLE "certificates" ADD COLUMN "of_the_next_release" text;',
    'CREATE TABLE "of_the_next_release" ("log_id" integer PRIMARY KEY NOT NULL);',
  ];
  writeFileSync(join(folder, `migrations/${tag}.sql`), statements.join('--> statement-breakpoint\n'));
  raiseFormat(join(folder, 'dist/cli'));
  return { program: join(folder, 'dist/cli/main.js'), remove: () => rmSync(folder, { recursive: true }) };
}

/** Has the program in a folder know one more format of rows. */
function raiseFormat(folder: string): void {
  const constant = /(\/\/ src\/store\/stored-format\.ts\nvar NEWEST_FORMAT = )(\d+)/;
  const files = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => join(folder, name))
    .filter((file) => constant.test(readFileSync(file, 'utf8')));
  const [file] = files;
  if (file === undefined || files.length > 1) throw new Error('the format has another name');
  const known = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    known.replace(constant, (_, before: string, format: string) => before + String(Number(format) + 1)),
  );
}
