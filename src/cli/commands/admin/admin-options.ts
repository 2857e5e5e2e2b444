import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { OpenServer, OpenServerOptions } from '../../../server/open-server.ts';
import { DATABASE_HELP, warnOfPassword } from '../../database-option.ts';
import { EXIT } from '../../exit-code.ts';

/** The options of every `admin` command that opens the log. */
export interface AdminFlags {
  readonly data: string;
  readonly database?: string;
  readonly json?: boolean;
}

/** Adds {@link AdminFlags} and an example to a command. */
export function adminOptions(command: Command, example: string): Command {
  return command
    .requiredOption('--data <dir>', 'data folder')
    .option('--database <url>', DATABASE_HELP)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `\nExample:\n  $ ${example}`);
}

/** Returns the name of this command's user for the trail: the caller of `sudo`, if known, rather than `root`. */
export function administrator(): string {
  return `admin:${process.env['SUDO_USER'] ?? userInfo().username}`;
}

/**
 * Opens the log of a data folder, which must exist, runs `work` and closes it; returns the exit code. The server of an
 * embedded database must be stopped, because it holds the folder's lock. Commands that issue pass their profiles in
 * `more`.
 */
export async function withOpenLog(
  flags: AdminFlags,
  work: (open: OpenServer) => Promise<void>,
  more: Pick<OpenServerOptions, 'profiles' | 'onlyReads'> = {},
): Promise<number> {
  warnOfPassword(flags.database);
  const { openServer } = await import('../../../server/open-server.ts');
  const open = await openServer({ data: flags.data, database: flags.database, ...more });
  try {
    await work(open);
    return EXIT.fine;
  } finally {
    await open.close();
  }
}

/** Runs `work` with an open log, as {@link withOpenLog} does, and migrates no database: `work` only reads. */
export function readOpenLog(flags: AdminFlags, work: (open: OpenServer) => Promise<void>): Promise<number> {
  return withOpenLog(flags, work, { onlyReads: true });
}
