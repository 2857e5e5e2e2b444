import type { Command } from 'commander';
import type { ShownRow } from '../../../server/seal-rows.ts';
import { oneLine, printJson, printLines } from '../../output/print.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, administrator, adminOptions, withOpenLog } from './admin-options.ts';

interface SealFlags extends AdminFlags {
  readonly finish?: string;
}

/** `admin seal-rows`: lists rows that authorise something without a seal, and seals them once. */
export function sealRowsCommand(admin: Command, run: RunServer): void {
  adminOptions(
    admin
      .command('seal-rows')
      .description('list the rows that authorise something and that this log has not sealed, with a digest')
      .option(
        '--finish <digest>',
        'seal the rows that were listed with this digest, and let this data folder accept no unsealed row from now on',
      ),
    'glasskey admin seal-rows --finish 2c26b46b… --data /srv/glasskey',
  ).action((flags: SealFlags) =>
    run(() =>
      withOpenLog(
        flags,
        async ({ context }) => {
          const { listUnsealed, sealRows } = await import('../../../server/seal-rows.ts');
          const { finish } = flags;
          const found =
            finish === undefined
              ? await listUnsealed(context)
              : await sealRows(context, flags.data, { digest: finish.toLowerCase(), who: administrator() });
          if (flags.json === true) return printJson(found);
          const { rows, digest } = found;
          const lines = rows.map(rowLine);
          if (finish !== undefined) lines.push(`${rows.length} rows sealed; no unsealed row counts from now on`);
          else lines.push(`${rows.length} rows without a seal, digest ${digest}`, nextStep(digest));
          printLines(...lines);
        },
        { onlyReads: flags.finish === undefined },
      ),
    ),
  );
}

function nextStep(digest: string): string {
  return `Next: remove the rows that you do not know, and list again. To seal exactly these: --finish ${digest}`;
}

function rowLine({ table, key, about, identity, labelKey }: ShownRow): string {
  const unnamed = labelKey === undefined ? '' : ` for label ${labelKey}, whose name the database does not say`;
  return oneLine(`${table} ${key}: ${about}${identity === undefined ? unnamed : ` for ${identity}`}`);
}
