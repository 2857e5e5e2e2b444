import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { EXIT } from '../exit-code.ts';
import { type LimboOutcome, parseLimbo, runLimboCase } from '../limbo-case.ts';
import { oneLine, printJson, printLines } from '../output.ts';
import { checkCommand } from './ca-check-command.ts';
import { ceremonyCommands } from './ca-ceremony-commands.ts';
import { tokenKeysCommand } from './ca-token-command.ts';
import type { RunServer } from './run-command.ts';

/** `glasskey ca …`: what concerns certificates and no log. */
export function caCommand(program: Command, run: RunServer): void {
  const ca = program.command('ca').description('work with certificates, apart from any log');
  ceremonyCommands(ca, run);
  tokenKeysCommand(ca, run);
  checkCommand(ca, run);
  ca.command('validate <file>')
    .description('validate the paths of a file of test cases in the schema of x509-limbo')
    .option('--json', 'print the results as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey ca validate limbo.json')
    .action((file: string, options: { readonly json?: boolean }) => run(() => validate(file, options.json === true)));
}

async function validate(file: string, asJson: boolean): Promise<number> {
  const cases = parseLimbo(await readFile(file, 'utf8'));
  const results: LimboOutcome[] = [];
  // One after the other: a file of test cases is judged, not served.
  for (const one of cases) results.push(await runLimboCase(one));
  const summary = summarize(results);
  if (asJson) printJson({ ...summary, results });
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
