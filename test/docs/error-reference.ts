import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { exitCodeOf } from '../../src/cli/exit-code.ts';
import { adviceOf } from '../../src/contract/error-advice.ts';
import { STATUS_OF_CODE } from '../../src/contract/problem.ts';
import { ERROR_CODES, type ErrorCode, type Fault } from '../../src/core/error-codes.ts';
import { GlasskeyError } from '../../src/core/errors.ts';
import { importsOf, sourceFiles, withoutComments } from '../house/import-table.ts';

const SRC = resolve(import.meta.dirname, '../../src');

const HEAD = `# Error codes

For whoever meets a code in a log, in a program or on a screen: what happened, and what to do next.
A test writes this page: \`GLASSKEY_UPDATE_README=1 npx vitest run test/docs/error-reference.test.ts\`.

A code is stable and its message is not, so programs test \`code\`.
A server answers with problem details (RFC 9457) that hold the code, under the HTTP status below.
From status 500 on the message stays in the server's log.
A client that a server refuses throws an error with the server's code and words.
No server answers with the codes of clients and commands, and each of these says so.

The exit code is that of \`glasskey\` when it finds the fault itself.
A refusal by a server proves nothing, so it ends with 1.
\`glasskey verify\` ends with 2 for a certificate that has expired.
A name or a device that is not there ends with 3, without an error.

| fault | means |
|---|---|
`;

/** Returns the reference page of all error codes, made from the source. */
export function errorReference(): string {
  const faults = [...faultMeanings()];
  const table = faults.map(([fault, means]) => `| [${fault}](#${fault}) | ${means} |\n`).join('');
  return [`${HEAD}${table}`, ...faults.map(([fault]) => section(fault))].join('\n');
}

/** Returns the codes that no file of the source names, beside the lists of all codes. */
export function unusedCodes(): readonly ErrorCode[] {
  const used = codesNamedIn(sourceFiles(SRC));
  return allCodes().filter((code) => !used.has(code));
}

function allCodes(): readonly ErrorCode[] {
  return Object.keys(ERROR_CODES) as ErrorCode[];
}

/** Reads what each fault means from the comment of the type. */
function faultMeanings(): ReadonlyMap<Fault, string> {
  const source = readFileSync(join(SRC, 'core/error-codes.ts'), 'utf8');
  const [comment = ''] = source.split('*/', 1);
  const lines = [...comment.matchAll(/^ \* - `(\w+)`: (.+)\.$/gm)];
  return new Map(lines.map(([, fault, means]) => [fault as Fault, means as string]));
}

function section(fault: Fault): string {
  const codes = allCodes().filter((code) => ERROR_CODES[code] === fault);
  return [`## ${fault}\n`, ...codes.toSorted().map(entry)].join('\n');
}

function entry(code: ErrorCode): string {
  const { means, next } = adviceOf(code);
  const status = servedCodes().has(code) ? `HTTP ${STATUS_OF_CODE[code]}` : 'No server answers with it';
  return `### ${code}\n\n${means}\n**Next:** ${next}\n\n${status} · exit code ${exitCodeOf(new GlasskeyError(code, ''))}\n`;
}

/** The files where the code of a request begins: routes, and what they get at run time rather than by an import. */
const ROOTS =
  /^(?:http\/(?!witness|auditor)|store\/|ca\/pkcs11\/|service\/(?:log-service|est\/|revocation\/|threads\/))/;

let served: ReadonlySet<ErrorCode> | undefined;

/** Returns the codes that a server can answer with: those that a file names which a request can reach. */
function servedCodes(): ReadonlySet<ErrorCode> {
  return (served ??= codesNamedIn(reachedFrom(sourceFiles(SRC).filter((file) => ROOTS.test(file)))));
}

/** Returns files and everything that they import, but for types. */
function reachedFrom(files: readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>();
  const todo = [...files];
  for (let file = todo.pop(); file !== undefined; file = todo.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    todo.push(...importsOf(SRC, file).flatMap(({ to, external, typeOnly }) => (external || typeOnly ? [] : [to])));
  }
  return reached;
}

/** Files that name every code, whoever raises it. */
const LISTS = /^(?:core\/error-codes|contract\/problem|contract\/advice\/.*)\.ts$/;

function codesNamedIn(files: Iterable<string>): ReadonlySet<ErrorCode> {
  const texts = [...files]
    .filter((file) => !LISTS.test(file))
    .map((file) => withoutComments(readFileSync(join(SRC, file), 'utf8')));
  return new Set(allCodes().filter((code) => texts.some((text) => text.includes(`'${code}'`))));
}
