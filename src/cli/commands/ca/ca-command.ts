import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { EXIT } from '../../exit-code.ts';
import { type LimboOutcome, parseLimbo, runLimboCase } from './limbo-case.ts';
import { oneLine, printJson, printLines } from '../../output/print.ts';
import type { PathProfile } from '../../../ca/path/path-certificate.ts';
import { checkCommand, profileOption } from './check-command.ts';
import { issuingCaCommands } from './issuing-ca-commands.ts';
import { offlineRootCommands } from './offline-root-commands.ts';
import { tokenKeysCommand } from './token-keys-command.ts';
import type { RunServer } from '../run-command.ts';

interface ValidateOptions {
  readonly profile?: PathProfile;
  readonly json?: boolean;
}

/** `ca …`: the commands about certificates alone, apart from any log. */
export function caCommand(program: Command, run: RunServer): void {
  const ca = program
    .command('ca')
    .description('create and check certificate authorities and certificates, apart from any log');
  offlineRootCommands(ca, run);
  issuingCaCommands(ca, run);
  tokenKeysCommand(ca, run);
  checkCommand(ca, run);
  ca.command('validate <file>')
    .description('run the path validator on a file of x509-limbo test cases')
    .addOption(profileOption())
    .option('--json', 'print the results as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey ca validate limbo.json')
    .action((file: string, options: ValidateOptions) => run(() => validate(file, options)));
}

async function validate(file: string, { profile, json }: ValidateOptions): Promise<number> {
  const cases = parseLimbo(await readFile(file, 'utf8'));
  const results: LimboOutcome[] = [];
  // One at a time: nobody waits for the cases, so speed does not matter.
  for (const one of cases) results.push(await runLimboCase(one, profile));
  const summary = summarize(results);
  if (json === true) printJson({ ...summary, results });
  else {
    for (const result of results) printLines(line(result));
    printLines(`${summary.agree} agree, ${summary.disagree} disagree, ${summary.skipped} skipped`);
  }
  return summary.disagree === 0 ? EXIT.fine : EXIT.misbehaviour;
}

function agrees({ outcome, expected }: LimboOutcome): boolean {
  return outcome === (expected === 'SUCCESS' ? 'accepted' : 'refused');
}

function summarize(results: readonly LimboOutcome[]): { agree: number; disagree: number; skipped: number } {
  const skipped = results.filter(({ outcome }) => outcome === 'skipped').length;
  const agree = results.filter(agrees).length;
  return { agree, disagree: results.length - skipped - agree, skipped };
}

function line(result: LimboOutcome): string {
  const { id, outcome, code, reason } = result;
  const mark = outcome === 'skipped' || agrees(result) ? ' ' : '!';
  const why = reason === undefined ? '' : ` (${code === undefined ? '' : `${code}: `}${reason})`;
  return `${mark} ${oneLine(id)}: ${outcome}${oneLine(why)}`;
}
