import type { Command } from 'commander';
import { DATABASE_HELP } from '../../database-option.ts';
import { EXIT } from '../../exit-code.ts';
import { printJson, printLines } from '../../output/print.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, administrator, withOpenLog } from './admin-options.ts';

interface EndFlags extends AdminFlags {
  readonly successor?: string;
  readonly reason: string;
  readonly acceptClockGap?: boolean;
}

/** `admin log end`: appends the last entry of the log; the bundle key must be in the folder. */
export function adminLogCommand(admin: Command, run: RunServer): void {
  admin
    .command('log')
    .description('end the log')
    .command('end')
    .description(
      'end the log for ever: appends a last, signed entry that names the successor.\n' +
        'Stop the servers first. They can serve the log again afterwards, but nothing is appended any more',
    )
    .requiredOption('--data <dir>', 'data folder, with keys/bundle.pem')
    .option('--database <url>', DATABASE_HELP)
    .option('--successor <file>', 'trust bundle of the log that continues this one; default: none')
    .option('--reason <text>', 'why, for people to read: up to 255 ASCII characters', '')
    .option('--accept-clock-gap', 'end it although its last entry is over a day old; check the clock first')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ glasskey admin log end --successor next/trust.json --reason "new keys" --data /srv/glasskey',
    )
    .action((flags: EndFlags) =>
      run(async () => {
        const { endLogOfFolder } = await import('../../../server/end-log.ts');
        let isReleased = false;
        await withOpenLog(flags, async ({ context }) => {
          const who = administrator();
          const { position, released } = await endLogOfFolder(context, { ...flags, who });
          isReleased = released;
          if (flags.json === true) printJson({ origin: context.origin, position, released });
          else printLines(`log ${context.origin} has ended with entry ${position}`, ...(released ? [] : [WAITS]));
        });
        return isReleased ? EXIT.fine : EXIT.refused;
      }),
    );
}

const WAITS = '  witnesses have not cosigned it yet. Next: start a server, which releases the entry once they have';
