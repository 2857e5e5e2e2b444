import type { Command } from 'commander';
import { printJson, printLines } from '../../output/print.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, administrator, adminOptions, withOpenLog } from './admin-options.ts';

interface UpgradeFlags extends AdminFlags {
  readonly finish?: boolean;
}

/** `admin upgrade`: the second step of an upgrade, after which older programs refuse the database. */
export function upgradeCommand(admin: Command, run: RunServer): void {
  adminOptions(
    admin
      .command('upgrade')
      .description('show in which format rows are written; with --finish, let servers write the newest one')
      .option('--finish', 'raise the format: no server of an older release may run, and none starts afterwards'),
    'glasskey admin upgrade --finish --data /srv/glasskey',
  ).action((flags: UpgradeFlags) =>
    run(() =>
      withOpenLog(
        flags,
        async ({ context, store }) => {
          const { finishUpgrade, readUpgrade } = await import('../../../server/upgrade.ts');
          const isDone = flags.finish === true && (await finishUpgrade(context, store, administrator()));
          const { format, newest } = await readUpgrade(context, store);
          if (flags.json === true) return printJson({ format, newest, raised: isDone });
          if (isDone) printLines(`rows may have format ${format} from now on. Next: restart every server of the log`);
          else if (format < newest)
            printLines(
              `rows have format ${format}, this program knows ${newest}`,
              '  Next: once every server runs this release, `glasskey admin upgrade --finish`',
            );
          else printLines(`rows have format ${format}, the newest that this program knows: nothing is left to do`);
        },
        { onlyReads: flags.finish === undefined },
      ),
    ),
  );
}
