import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { EXIT } from '../exit-code.ts';
import { printLines } from '../output/print.ts';
import { wholeNumber } from '../number-option.ts';
import { stopSignal } from '../stop-signal.ts';
import { hasPassword } from '../../server/database-url.ts';
import { DATABASE_HELP, PASSWORD_WARNING } from '../database-option.ts';
import { countProcesses, MAX_PROCESSES } from '../../server/processes/count-processes.ts';
import { Member, memberPart } from '../../server/processes/member.ts';
import type { Logger } from '../../server/service-logger.ts';
import type { RunningServer } from '../../server/start-server.ts';
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
  readonly processes?: number | 'auto';
}

/** Parses the number of processes. */
function parseProcesses(text: string): number | 'auto' {
  return text === 'auto' ? text : wholeNumber('auto, or a number of processes', 1, MAX_PROCESSES)(text);
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
    .option(
      '--processes <number>',
      'processes that serve on the address, or auto: one for each processor; needs PostgreSQL (default: 1)',
      parseProcesses,
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
  const part = memberPart();
  if (part === undefined && countProcesses(flags.processes) > 1) return serveBySeveral(flags);
  let leave!: () => void;
  const told = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const member = part && new Member(part, leave);
  const stopped = Promise.race([stopSignal(), told]);
  const { startServer } = await import('../../server/start-server.ts');
  const { stderrLogger } = await import('../../server/service-logger.ts');
  const logger = stderrLogger();
  if (member === undefined) warnOfListedPassword(flags, logger);
  const running = await startServer({ ...flags, logger, member });
  const reload = (): void => void running.reload();
  if (member === undefined) {
    process.on('SIGHUP', reload);
    printServing(running, flags);
  } else {
    // The parent passes signals on; a terminal sends them to all.
    process.on('SIGHUP', () => undefined);
    member.serves(running, reload);
  }
  await stopped;
  process.off('SIGHUP', reload);
  await running.stop();
  member?.leave();
  return EXIT.fine;
}

/** Serves by several processes, of which this one is the parent. */
async function serveBySeveral(flags: ServeFlags): Promise<number> {
  const stopped = stopSignal();
  const { startProcesses } = await import('../../server/processes/serve-processes.ts');
  const { stderrLogger } = await import('../../server/service-logger.ts');
  const logger = stderrLogger();
  warnOfListedPassword(flags, logger);
  const running = await startProcesses({ ...flags, logger, processes: countProcesses(flags.processes) });
  const reload = (): void => running.reload();
  process.on('SIGHUP', reload);
  printServing(running, flags);
  await stopped;
  process.off('SIGHUP', reload);
  await running.stop();
  return EXIT.fine;
}

function warnOfListedPassword({ database }: ServeFlags, logger: Logger): void {
  if (database !== undefined && hasPassword(database)) logger.warn(PASSWORD_WARNING);
}

function printServing(running: Pick<RunningServer, 'url' | 'adminUrl' | 'fingerprint'>, flags: ServeFlags): void {
  printLines(
    `listening on ${running.url}`,
    ...(running.adminUrl === undefined ? [] : [`serving operators on ${running.adminUrl}`]),
    `fingerprint of the trust bundle: ${running.fingerprint}`,
    `Next: clients run \`glasskey bootstrap ${flags.dev === true ? running.url : '<public URL>'} --fingerprint ${running.fingerprint}\``,
  );
}
