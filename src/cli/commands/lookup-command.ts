import type { Command } from 'commander';
import type { KeyDirectory, LookupOutcome, LookupResult } from '../../client/key-directory.ts';
import { MAXIMUM_BATCH_LABELS } from '../../core/keytrans/lookup-batch-messages.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { type ClientOptions, stateFolder } from '../client-options.ts';
import { openDirectory } from '../open-directory.ts';
import { readInput } from '../../server/user-input.ts';
import { wholeNumber } from '../number-option.ts';
import { writeEvidence } from '../evidence.ts';
import { codeOf, EXIT, exitCodeOf, isLie, reportFailure, wordsOf } from '../exit-code.ts';
import { bindingJson, bindingLines, isErased, versionJson, versionLines } from '../output/binding-output.ts';
import { printJson, printLines } from '../output/print.ts';
import { reportEnd } from '../output/report-end.ts';
import { clientCommand, type RunClient } from './run-command.ts';

interface JsonOption {
  readonly json?: boolean;
}

interface LookupOptions extends ClientOptions, JsonOption {
  readonly file?: string;
  readonly version?: number;
}

/** Exit codes from best to worst: many lookups exit with the worst of theirs. */
const RANKS: readonly number[] = [EXIT.fine, EXIT.absent, EXIT.refused, EXIT.misbehaviour];

/** `lookup`: looks up one identity, or an address book. */
export function lookupCommand(program: Command, run: RunClient): void {
  clientCommand(
    program,
    'lookup [identities...]',
    'look up identities: shows their verified certificates, or proves that an identity is not registered (exit 3)',
    'glasskey lookup bob@example.com --server https://keys.example',
  )
    .option('--file <file>', 'file with more identities to look up, one a line')
    .option('--version <n>', 'this version instead of the newest one', wholeNumber('a version', 0, 2 ** 32 - 1))
    .option('--json', 'print the result as JSON; for several identities, a list')
    .addHelpText('after', '\nSeveral lookups exit with the worst of their codes: 2, then 1, then 3, then 0.')
    .action((identities: readonly string[], options: LookupOptions) =>
      run(options, async () => {
        const names = [...identities, ...(options.file === undefined ? [] : await readNames(options.file))];
        const [only, ...more] = names;
        ensure(only !== undefined, 'usage', 'no identity to look up: name one, or a file of them with --file');
        const isOne = more.length === 0 && options.file === undefined;
        ensure(
          isOne || options.version === undefined,
          'usage',
          '--version takes one identity: look the others up without it',
        );
        const directory = await openDirectory(options);
        if (options.version !== undefined) return lookupVersion(directory, only, options.version, options);
        return isOne ? lookupOne(directory, only, options) : lookupMany(directory, names, options);
      }),
    );
}

async function readNames(file: string): Promise<readonly string[]> {
  const lines = (await readInput(file)).split(/\r?\n/);
  return lines.map((line) => line.trim()).filter((line) => line !== '');
}

async function lookupOne(directory: KeyDirectory, identity: string, options: LookupOptions): Promise<number> {
  const result = await directory.lookup(identity);
  await reportEnd(directory);
  if (options.json === true) printJson(result.found ? bindingJson(result.binding) : absentJson(result));
  else printLines(...resultLines(result));
  return exitOf(result);
}

async function lookupMany(directory: KeyDirectory, names: readonly string[], options: LookupOptions): Promise<number> {
  const found: unknown[] = [];
  let worst = 0;
  for (let i = 0; i < names.length; i += MAXIMUM_BATCH_LABELS) {
    const outcomes = await directory.lookupMany(names.slice(i, i + MAXIMUM_BATCH_LABELS));
    const codes = outcomes.map((outcome) => showOutcome(outcome, found, options));
    const rank = Math.max(...codes.map((code) => RANKS.indexOf(code)));
    const lie = outcomes.find(({ error }) => isLie(error));
    // Now, because the recorded answers are soon dropped.
    if (lie !== undefined) await writeEvidence(lie.error, stateFolder(options));
    worst = Math.max(worst, rank);
    if (names.length > MAXIMUM_BATCH_LABELS) {
      process.stderr.write(
        `looked up ${Math.min(i + MAXIMUM_BATCH_LABELS, names.length)} of ${names.length} identities\n`,
      );
    }
  }
  await reportEnd(directory);
  if (options.json === true) printJson(found);
  return RANKS[worst] ?? EXIT.refused;
}

/**
 * Adds one of many outcomes to `found`, and prints it unless all are printed as JSON at the end. Returns its exit code.
 */
function showOutcome(outcome: LookupOutcome, found: unknown[], { json }: JsonOption): number {
  const { asked, result, error } = outcome;
  if (result === undefined) {
    const message = wordsOf(error);
    found.push({ asked, error: { code: codeOf(error), message } });
    reportFailure(isGlasskeyError(error) ? new GlasskeyError(error.code, `${asked}: ${message}`) : error);
    return exitCodeOf(error);
  }
  found.push({ asked, ...(result.found ? { found: true, ...bindingJson(result.binding) } : absentJson(result)) });
  if (json !== true) printLines(...resultLines(result));
  return exitOf(result);
}

function absentJson({ identity, treeSize }: Extract<LookupResult, { found: false }>): Record<string, unknown> {
  return { identity, found: false, treeSize };
}

function resultLines(result: LookupResult): readonly string[] {
  if (result.found) return bindingLines(result.binding);
  return [
    `${result.identity}: not registered, as the log of ${result.treeSize} entries proves. Next: check the spelling`,
  ];
}

function exitOf(result: LookupResult): number {
  if (!result.found) return EXIT.absent;
  if (!isErased(result.binding)) return EXIT.fine;
  reportFailure(
    new GlasskeyError('erased', `the authority erased ${result.binding.identity}: it has no certificate any more`),
  );
  return EXIT.refused;
}

/** Shows one version of an identity; the server need not prove that a version does not exist. */
async function lookupVersion(
  directory: KeyDirectory,
  identity: string,
  version: number,
  { json }: JsonOption,
): Promise<number> {
  const found = await directory.lookupVersion(identity, version).catch((error: unknown) => {
    if (isGlasskeyError(error, 'search-not-found')) return undefined;
    throw error;
  });
  if (found === undefined) {
    process.stderr.write(
      `glasskey: the server shows no version ${version} of ${identity}, and gives no proof that there is none. ` +
        'Next: `glasskey lookup` without --version proves the newest one\n',
    );
    return EXIT.refused;
  }
  if (json === true) printJson(versionJson(found));
  else printLines(...versionLines(found));
  return EXIT.fine;
}
