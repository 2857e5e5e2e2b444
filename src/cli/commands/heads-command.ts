import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { renderSVG, renderUnicodeCompact } from 'uqr';
import { parseHeads } from '../../client/heads-text.ts';
import { clientOptions, type ClientOptions } from '../client-options.ts';
import { openDirectory } from '../open-directory.ts';
import { asUserInput, readInput } from '../../server/user-input.ts';
import { recordKnown } from '../evidence.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output/print.ts';
import { clientCommand, type RunClient } from './run-command.ts';

interface HeadsOptions extends ClientOptions {
  readonly qr?: boolean;
  readonly svg?: string;
  readonly json?: boolean;
}

/** `heads`, `heads compare`: lets two people check that the log showed both the same tree (KT §10.2). */
export function headsCommand(program: Command, run: RunClient): void {
  const heads = program
    .command('heads')
    .description('print the log as this client saw it, as a text that others can compare with theirs')
    .enablePositionalOptions();
  clientOptions(heads.command('show', { isDefault: true }).description('print the text'))
    .option('--qr', 'print it as a QR code as well')
    .option('--svg <file>', 'write it as a QR code to an SVG file as well')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey heads show --qr')
    .action((options: HeadsOptions) => run(options, () => show(options)));
  clientCommand(
    heads,
    'compare <file>',
    'compare with the text of somebody else, given as a file or verbatim; exit 2 if the log showed two trees',
    'glasskey heads compare heads-of-bob.txt --server https://keys.example',
  )
    .option('--json', 'print the result as JSON')
    .action((file: string, options: HeadsOptions) => run(options, () => compare(file, options)));
}

async function show(options: HeadsOptions): Promise<number> {
  const directory = await openDirectory(options);
  const text = await directory.heads();
  if (options.svg !== undefined) await writeFile(options.svg, renderSVG(text));
  if (options.json === true) printJson({ heads: text });
  else {
    printLines(text, ...(options.qr === true ? [renderUnicodeCompact(text)] : []));
    process.stderr.write('Next: give this to somebody, who runs `glasskey heads compare <file>`\n');
  }
  return EXIT.fine;
}

async function compare(file: string, options: HeadsOptions): Promise<number> {
  const text = file.startsWith('glasskey-heads:') ? file : await readInput(file);
  await asUserInput('the text to compare with', () => parseHeads(text));
  const directory = await openDirectory(options);
  recordKnown({ heads: text });
  const agreement = await directory.compareHeads(text);
  if (options.json === true) printJson(agreement);
  else printLines(`same log up to entry ${agreement.position}: ${agreement.common} distinguished entries agree`);
  return EXIT.fine;
}
