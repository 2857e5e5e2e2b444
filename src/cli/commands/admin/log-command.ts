import type { Command } from 'commander';
import { EXIT } from '../../exit-code.ts';
import { printJson, printLines } from '../../output.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, administrator, withLog } from './admin-options.ts';

interface EndFlags extends AdminFlags {
  readonly successor?: string;
  readonly reason: string;
  readonly acceptClockGap?: boolean;
}

/** `admin log end`: the last entry of the log, for which the bundle key has to be in the folder. */
export function adminLogCommand(admin: Command, run: RunServer): void {
  admin
    .command('log')
    .description('the log itself')
    .command('end')
    .description(
      'end the log for ever: appends a last, signed entry that names the successor; nothing is appended after it.\n' +
        'Servers are stopped meanwhile, and serve reads afterwards',
    )
    .requiredOption('--data <dir>', 'data folder, with keys/bundle.pem')
    .option('--database <url>', 'postgres://… ; default: the embedded database')
    .option('--successor <file>', 'trust bundle of the log that continues this one; default: there is none')
    .option('--reason <text>', 'why, for people: up to 255 characters of ASCII', '')
    .option('--accept-clock-gap', 'end it though its last entry is more than a day old; look at the clock first')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ glasskey admin log end --successor next/trust.json --reason "moved to new keys" --data /srv/glasskey',
    )
    .action((flags: EndFlags) =>
      run(async () => {
        const { endLogOfFolder } = await import('../../../server/end-log.ts');
        let isReleased = false;
        await withLog(flags, async ({ context }) => {
          const who = administrator();
          const { position, released } = await endLogOfFolder(context, { ...flags, who });
          isReleased = released;
          if (flags.json === true) printJson({ origin: context.origin, position, released });
          else printLines(`entry ${position} ends the log ${context.origin}`, ...(released ? [] : [WAITS]));
        });
        return isReleased ? EXIT.fine : EXIT.refused;
      }),
    );
}

const WAITS = '  its witnesses have not cosigned it yet: start a server, which releases it once they have';
