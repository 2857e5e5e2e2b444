import { hasPassword } from '../server/database-url.ts';

/** Help of `--database`. */
export const DATABASE_HELP =
  'postgres://…; default: what GLASSKEY_DATABASE, [database] of glasskey.toml or log.json names';

/** Warns that other users of the machine see a password in `ps`. */
export const PASSWORD_WARNING =
  'every user of this machine can see the password in --database: ' +
  'put the URL into GLASSKEY_DATABASE or [database] of glasskey.toml instead';

/** Warns on stderr if a database URL on the command line holds a password. */
export function warnOfPassword(database: string | undefined): void {
  if (database !== undefined && hasPassword(database)) process.stderr.write(`glasskey: ${PASSWORD_WARNING}\n`);
}
