import type { Command } from 'commander';
import { warnOfPassword } from '../../database-option.ts';
import { EXIT } from '../../exit-code.ts';
import { printJson, printLines } from '../../output/print.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, administrator, adminOptions } from './admin-options.ts';

/** `admin move-database`: moves the log from the embedded database to PostgreSQL. */
export function moveDatabaseCommand(admin: Command, run: RunServer): void {
  adminOptions(
    admin
      .command('move-database')
      .description(
        'move the log from the embedded database to the PostgreSQL that --database, GLASSKEY_DATABASE or glasskey.toml\n' +
          'names. Stop the server first. Afterwards the old database refuses to be served',
      ),
    'glasskey admin move-database --database postgres://localhost/glasskey --data /srv/glasskey',
  ).action((flags: AdminFlags) => run(() => move(flags)));
}

async function move({ data, database, json }: AdminFlags): Promise<number> {
  warnOfPassword(database);
  const { moveDatabase } = await import('../../../server/move-database.ts');
  const moved = await moveDatabase({ data, database, who: administrator() });
  if (json === true) {
    printJson(moved);
    return EXIT.fine;
  }
  const rows = Object.values(moved.rows).reduce((sum, count) => sum + count, 0);
  printLines(
    `moved log ${moved.origin} to ${moved.place}`,
    `  ${moved.size} log entries, ${rows} rows: all compared, and the head computed again`,
    `  Next: run \`glasskey serve --data ${data}\`, back the new database up, then delete ${data}/db`,
  );
  return EXIT.fine;
}
