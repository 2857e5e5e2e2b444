import type { Command } from 'commander';
import { printJson, printLines } from '../../output/print.ts';
import { printTable } from '../../output/table-output.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, administrator, adminOptions, withOpenLog } from './admin-options.ts';

interface SealFlags extends AdminFlags {
  readonly finish?: boolean;
}

/** `admin seal-rows`: lists rows that authorise something without a seal, and seals them once. */
export function sealRowsCommand(admin: Command, run: RunServer): void {
  adminOptions(
    admin
      .command('seal-rows')
      .description('list the rows that authorise something and that this log has not sealed')
      .option('--finish', 'seal them, and let this data folder accept no unsealed row from now on'),
    'glasskey admin seal-rows --finish --data /srv/glasskey',
  ).action((flags: SealFlags) =>
    run(() =>
      withOpenLog(flags, async ({ context }) => {
        const { listUnsealed, sealRows } = await import('../../../server/seal-rows.ts');
        const rows = await (flags.finish === true
          ? sealRows(context, flags.data, administrator())
          : listUnsealed(context));
        if (flags.json === true) return printJson(rows);
        const done = flags.finish === true ? 'sealed' : 'without a seal';
        if (rows.length > 0) printTable(['table', 'key', 'about'], rows);
        printLines(`${rows.length} rows ${done}`);
      }),
    ),
  );
}
