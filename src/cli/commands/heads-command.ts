import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { renderSVG, renderUnicodeCompact } from 'uqr';
import { type ClientOptions, openDirectory, readInput } from '../client-options.ts';
import { recordKnown } from '../evidence.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output.ts';
import type { RunClient } from './run-command.ts';

interface HeadsOptions extends ClientOptions {
  readonly qr?: boolean;
  readonly svg?: string;
  readonly json?: boolean;
}

const TRUST = 'trust bundle to hold the server to; default: the pinned one, else the first that is seen';

/** `glasskey heads`, `glasskey heads compare`: were two people shown one log (KT §10.2)? */
export function headsCommand(program: Command, run: RunClient): void {
  const heads = program
    .command('heads')
    .description('the log as it was shown here, as a text that others can compare with theirs')
    .enablePositionalOptions();
  heads
    .command('show', { isDefault: true })
    .description('print the text')
    .requiredOption('--server <url>', 'URL of the server')
    .option('--trust <file>', TRUST)
    .option('--state <dir>', 'folder for what this client knows')
    .option('--qr', 'also print it as a QR code')
    .option('--svg <file>', 'also write it as a QR code to a picture')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey heads show --server https://keys.example --qr')
    .action((options: HeadsOptions) => run(options, () => show(options)));
  heads
    .command('compare <file>')
    .description('compare with the text of somebody else, in a file or as it is; exit 2 where the log showed two trees')
    .requiredOption('--server <url>', 'URL of the server')
    .option('--trust <file>', TRUST)
    .option('--state <dir>', 'folder for what this client knows')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey heads compare heads-of-bob.txt --server https://keys.example')
    .action((file: string, options: HeadsOptions) => run(options, () => compare(file, options)));
}

async function show(options: HeadsOptions): Promise<number> {
  const directory = await openDirectory(options);
  const text = await directory.heads();
  if (options.svg !== undefined) await writeFile(options.svg, renderSVG(text));
  if (options.json === true) printJson({ heads: text });
  else printLines(text, ...(options.qr === true ? [renderUnicodeCompact(text)] : []));
  return EXIT.fine;
}

async function compare(file: string, options: HeadsOptions): Promise<number> {
  const text = file.startsWith('glasskey-heads:') ? file : await readInput(file);
  const directory = await openDirectory(options);
  recordKnown({ heads: text });
  const agreement = await directory.compareHeads(text);
  if (options.json === true) printJson(agreement);
  else printLines(`the same log up to entry ${agreement.position}: ${agreement.common} distinguished entries agree`);
  return EXIT.fine;
}
