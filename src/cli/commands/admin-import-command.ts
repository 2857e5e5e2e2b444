import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { ensure } from '../../core/errors.ts';
import type { OpenServer } from '../server/open-server.ts';
import type { ImportCounts } from '../server/import-file.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output.ts';
import { type AdminFlags, withLog } from '../server/with-log.ts';
import { adminOptions } from './admin-list-commands.ts';
import { administrator } from './admin-record-commands.ts';
import type { RunServer } from './server-commands.ts';

const loadService = () => import('../../service/log-service.ts');
const loadImport = () => import('../server/import-file.ts');

/** The embedded database has no other writer: an append waits until all of a round is there. */
const ROUND_MS = 5 * 60_000;

interface ImportFlags extends AdminFlags {
  readonly report?: string;
}

/** `admin import`: the users that an application has already. */
export function importCommand(admin: Command, run: RunServer): void {
  const command = admin
    .command('import <file>')
    .description('register many identities: JSON lines with "identity", and "csr" or "publicKey" in PEM');
  adminOptions(command, 'glasskey admin import users.jsonl --data /srv/glasskey')
    .option('--report <file>', 'file for the lines that are refused; default: FILE.refused')
    .action((file: string, flags: ImportFlags) =>
      run(async () => {
        let refused = 0;
        await withLog(flags, async (open) => {
          ({ refused } = await importAll(open, file, flags));
        });
        return refused === 0 ? EXIT.fine : EXIT.refused;
      }),
    );
}

async function importAll({ context, store }: OpenServer, file: string, flags: ImportFlags): Promise<ImportCounts> {
  ensure(existsSync(file), 'usage', `there is no file ${file}`);
  const [{ LogService }, { importFile }] = await Promise.all([loadService(), loadImport()]);
  const sequence = store.kind === 'pglite';
  // A slow machine needs longer for a round than a client would wait for one request.
  const patience = { requestTimeoutMs: ROUND_MS, intentTimeoutMs: 2 * ROUND_MS };
  const limits = { ...context.limits, ...patience, ...(sequence ? { batchIntervalMs: ROUND_MS } : {}) };
  const service = new LogService({ ...context, limits }, { sequence, acceptClockGap: true });
  await service.start();
  const report = flags.report ?? `${file}.refused`;
  const startMs = performance.now();
  const perSecond = ({ imported }: ImportCounts) => Math.round((imported * 1000) / (performance.now() - startMs));
  try {
    const counts = await importFile({
      file,
      report,
      who: administrator(),
      importOne: (order) => service.import(order),
      progress: (so) => process.stderr.write(`${textOf(so)}, ${perSecond(so)}/s\n`),
    });
    const told = counts.refused === 0 ? undefined : report;
    if (flags.json === true) printJson({ ...counts, perSecond: perSecond(counts), report: told });
    else printLines(textOf(counts), ...(told === undefined ? [] : [`  refused lines, with reasons: ${told}`]));
    return counts;
  } finally {
    await service.stop();
  }
}

function textOf({ imported, present, refused }: ImportCounts): string {
  return `${imported} imported, ${present} there before, ${refused} refused`;
}
