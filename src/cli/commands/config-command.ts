import type { Command } from 'commander';
import { EXIT } from '../exit-code.ts';
import { oneLine, printJson, printLines } from '../output/print.ts';
import { DataFolder } from '../../server/data-folder.ts';
import type { RunServer } from './run-command.ts';

interface CheckFlags {
  readonly data: string;
  readonly json?: boolean;
}

/** `config check`: reports what `serve` would say about the settings, without serving. */
export function configCommand(program: Command, run: RunServer): void {
  program
    .command('config')
    .description('work with the settings of a server')
    .command('check')
    .description(
      'check glasskey.toml of a data folder; lists every problem with its line and exits with 1 if there is one',
    )
    .requiredOption('--data <dir>', 'data folder')
    .option('--json', 'print the problems as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey config check --data /srv/glasskey')
    .action((flags: CheckFlags) => run(() => check(flags)));
}

async function check({ data, json }: CheckFlags): Promise<number> {
  const { checkSettings, problemText, settingFiles } = await import('../../server/settings/server-settings.ts');
  const folder = new DataFolder(data);
  const text = await folder.read(folder.settings);
  const { problems } = checkSettings(text ?? '', settingFiles(folder));
  if (json === true) printJson({ file: folder.settings, exists: text !== undefined, problems });
  else if (problems.length > 0) printLines(...problems.map((one) => oneLine(problemText(folder.settings, one))));
  else
    printLines(
      text === undefined
        ? `no ${folder.settings}: all settings have their defaults`
        : `${folder.settings}: no problems`,
    );
  return problems.length > 0 ? EXIT.refused : EXIT.fine;
}
