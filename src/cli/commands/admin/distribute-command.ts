import type { Command } from 'commander';
import { warnOfPassword } from '../../database-option.ts';
import { EXIT } from '../../exit-code.ts';
import { wholeNumber } from '../../number-option.ts';
import { printJson, printLines } from '../../output/print.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, adminOptions } from './admin-options.ts';

const parseShards = wholeNumber('a number of shards', 1, 4096);

interface DistributeFlags extends AdminFlags {
  readonly shards?: number;
}

/** `admin distribute`: spreads the large tables of a PostgreSQL with Citus over its workers. */
export function distributeCommand(admin: Command, run: RunServer): void {
  adminOptions(
    admin
      .command('distribute')
      .description(
        'spread the large tables of a PostgreSQL with Citus over its workers, while servers run; what is distributed stays\n' +
          'as it is (docs/operations.md#a-distributed-postgresql)',
      )
      .option('--shards <number>', 'shards of each table that is not distributed yet (default: 32)', parseShards),
    'glasskey admin distribute --shards 64 --data /srv/glasskey',
  ).action((flags: DistributeFlags) => run(() => distribute(flags)));
}

async function distribute({ data, database, shards, json }: DistributeFlags): Promise<number> {
  warnOfPassword(database);
  const { distributeDatabase } = await import('../../../server/distribute-database.ts');
  const { place, tables } = await distributeDatabase({ data, database, shards });
  if (json === true) {
    printJson({ place, tables });
    return EXIT.fine;
  }
  printLines(`the large tables of ${place} are distributed`);
  for (const { table, column, isNew } of tables) {
    printLines(`  ${table} by ${column}${isNew ? '' : ' (as it was)'}`);
  }
  printLines('  Next: servers that run use them at once. A new worker gets its share by rebalancing the cluster');
  return EXIT.fine;
}
