import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { OpenServer, OpenServerOptions } from '../../../server/open-server.ts';
import { EXIT } from '../../exit-code.ts';

/** Options that every `admin` command has. */
export interface AdminFlags {
  readonly data: string;
  readonly database?: string;
  readonly json?: boolean;
}

/** Adds the options that every `admin` command has. */
export function adminOptions(command: Command, example: string): Command {
  return command
    .requiredOption('--data <dir>', 'data folder')
    .option('--database <url>', 'postgres://… ; default: the embedded database')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `\nExample:\n  $ ${example}`);
}

/** Who runs an `admin` command, for the trail: the user of the machine, and not `root` where that is known. */
export function administrator(): string {
  return `admin:${process.env['SUDO_USER'] ?? userInfo().username}`;
}

/**
 * Opens the log of a data folder for one command. With the embedded database the server must be stopped: it holds the
 * folder's lock. `more`: for commands that issue.
 */
export async function withLog(
  flags: AdminFlags,
  work: (open: OpenServer) => Promise<void>,
  more: Pick<OpenServerOptions, 'profiles'> = {},
): Promise<number> {
  const { openServer } = await import('../../../server/open-server.ts');
  const open = await openServer({ data: flags.data, database: flags.database, ...more });
  try {
    await work(open);
    return EXIT.fine;
  } finally {
    await open.close();
  }
}
