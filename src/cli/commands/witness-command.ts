import type { Command } from 'commander';
import { formatVkey, parseVkey } from '../../core/audit/vkey.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { wholeNumber } from '../number-option.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output/print.ts';
import { stopSignal } from '../stop-signal.ts';
import type { RunServer } from './run-command.ts';

const loadFolder = () => import('../../server/witness-folder.ts');
const loadServe = () => import('../../server/serve-witness.ts');

interface WitnessFlags {
  readonly data: string;
  readonly json?: boolean;
}

/** `witness …`: runs a witness for any C2SP log (c2sp.org/tlog-witness). */
export function witnessCommand(program: Command, run: RunServer): void {
  const witness = program
    .command('witness')
    .description(
      'cosign the checkpoints of logs that only ever grow, other operators’ logs included (c2sp.org/tlog-witness)',
    );
  const add = (usage: string, summary: string, example: string): Command =>
    witness
      .command(usage)
      .description(summary)
      .requiredOption('--data <dir>', 'folder of the witness')
      .addHelpText('after', `\nExample:\n  $ glasskey witness ${example}`);

  add('init', 'create the folder of a witness: its keys and a list of logs', 'init --data w --name witness.example/1')
    .requiredOption('--name <name>', 'name of the keys: a URL without scheme that is yours alone')
    .option('--json', 'print the result as JSON')
    .action((flags: WitnessFlags & { readonly name: string }) =>
      run(async () => {
        const { WitnessFolder } = await loadFolder();
        await new WitnessFolder(flags.data).initialise(flags.name);
        return showKeys(flags);
      }),
    );
  add('keys', 'print the vkeys of the witness, for the policies of log operators', 'keys --data w')
    .option('--json', 'print the result as JSON')
    .action((flags: WitnessFlags) => run(() => showKeys(flags)));
  add('add-log <vkey>', 'witness a log; a running witness picks it up', 'add-log "$(cat log.vkey)" --data w')
    .option('--url <url>', 'address of the log, for people to read')
    .action((text: string, flags: WitnessFlags & { readonly url?: string }) =>
      run(async () => {
        const { WitnessFolder } = await loadFolder();
        await new WitnessFolder(flags.data).addLog(readVkey(text), flags.url);
        return EXIT.fine;
      }),
    );
  add('serve', 'serve the witness', 'serve --data w --listen 0.0.0.0:8100')
    .option('--listen <address>', 'address and port', '127.0.0.1:8100')
    .option(
      '--rate <number>',
      'requests per second that one address may make',
      wholeNumber('a number of requests', 1, 999_999),
      100,
    )
    .action((flags: WitnessFlags & { readonly listen: string; readonly rate: number }) => run(() => serve(flags)));
}

async function serve(flags: {
  readonly data: string;
  readonly listen: string;
  readonly rate: number;
}): Promise<number> {
  const stopped = stopSignal();
  const { serveWitness } = await loadServe();
  const running = await serveWitness({ data: flags.data, listen: flags.listen, perSecond: flags.rate });
  printLines(`listening on ${running.url}`);
  await stopped;
  await running.stop();
  return EXIT.fine;
}

async function showKeys({ data, json }: WitnessFlags): Promise<number> {
  const { WitnessFolder } = await loadFolder();
  const vkeys = (await new WitnessFolder(data).openCosigners()).map(({ vkey }) => formatVkey(vkey));
  if (json === true) printJson({ vkeys });
  else printLines(...vkeys);
  return EXIT.fine;
}

function readVkey(text: string): ReturnType<typeof parseVkey> {
  try {
    return parseVkey(text.trim());
  } catch (cause) {
    throw new GlasskeyError('usage', 'not a vkey: give one line, as `glasskey witness keys` prints it', { cause });
  }
}
