import { EXIT } from '../../exit-code.ts';
import type { OpenServer, OpenServerOptions } from '../../../server/open-server.ts';

/** Options that every `admin` command has. */
export interface AdminFlags {
  readonly data: string;
  readonly database?: string;
  readonly json?: boolean;
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
