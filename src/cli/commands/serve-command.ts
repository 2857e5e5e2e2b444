import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { EXIT } from '../exit-code.ts';
import { printLines } from '../output/print.ts';
import { stopSignal } from '../stop-signal.ts';
import { hasPassword } from '../../server/database-url.ts';
import { DATABASE_HELP, PASSWORD_WARNING } from '../database-option.ts';
import type { RunServer } from './run-command.ts';

interface ServeFlags {
  readonly data: string;
  readonly listen: string;
  readonly adminListen?: string;
  readonly database?: string;
  readonly embedded?: boolean;
  readonly dev?: boolean;
  readonly acceptClockGap?: boolean;
  readonly acceptMissingCheckpoint?: boolean;
  readonly auditor?: string;
}

/** Growth of the heap since the last collection, in percent, at which V8 collects again. */
const HEAP_GROWTH_PERCENT = 30;

/** `serve`: runs the server of a data folder until a signal stops it; SIGHUP reloads the settings. */
export function serveCommand(program: Command, run: RunServer): void {
  program
    .command('serve')
    .description('serve the log of a data folder')
    .requiredOption('--data <dir>', 'data folder')
    .option('--listen <address>', 'address and port', '127.0.0.1:8080')
    .option(
      '--admin-listen <address>',
      'address and port for operators: /metrics and the reasons of /readyz, which --listen then does not show',
    )
    .option('--database <url>', DATABASE_HELP)
    .option('--embedded', 'use an embedded database in the data folder, to try Glasskey out')
    .option('--dev', 'for development: initialise an empty folder, with the address as public URL; implies --embedded')
    .option(
      '--auditor <url>',
      'URL to fetch the heads of the third-party auditor from; default: the auditor posts them',
    )
    .option('--accept-clock-gap', 'append although the last entry is over a day old; check the clock first')
    .option(
      '--accept-missing-checkpoint',
      'sign although last-signed.checkpoint is missing; check first that the database is the newest',
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ export GLASSKEY_DATABASE=postgres://localhost/glasskey\n  $ glasskey serve --data /srv/glasskey',
    )
    .action((flags: ServeFlags) => run(() => serveUntilStopped(flags)));
}

async function serveUntilStopped(flags: ServeFlags): Promise<number> {
  // V8 lets a heap double or treble between collections: several hundred MB of garbage for caches of 200 MB.
  // Collecting more often costs a few percent of processor time.
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  const stopped = stopSignal();
  const { startServer } = await import('../../server/start-server.ts');
  const { stderrLogger } = await import('../../server/service-logger.ts');
  const logger = stderrLogger();
  if (flags.database !== undefined && hasPassword(flags.database)) logger.warn(PASSWORD_WARNING);
  const running = await startServer({ ...flags, logger });
  const reload = (): void => void running.reload();
  process.on('SIGHUP', reload);
  printLines(
    `listening on ${running.url}`,
    ...(running.adminUrl === undefined ? [] : [`serving operators on ${running.adminUrl}`]),
    `fingerprint of the trust bundle: ${running.fingerprint}`,
    `Next: clients run \`glasskey bootstrap ${flags.dev === true ? running.url : '<public URL>'} --fingerprint ${running.fingerprint}\``,
  );
  await stopped;
  process.off('SIGHUP', reload);
  await running.stop();
  return EXIT.fine;
}
