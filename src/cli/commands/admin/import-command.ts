import { realpathSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { formatHex } from '../../../core/encoding/bytes.ts';
import { ensure } from '../../../core/errors.ts';
import type { OpenServer } from '../../../server/open-server.ts';
import type { ImportCounts } from '../../../server/import-file.ts';
import { EXIT } from '../../exit-code.ts';
import { printJson, printLines } from '../../output.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, administrator, adminOptions, withLog } from './admin-options.ts';

const loadService = () => import('../../../service/log-service.ts');
const loadImport = () => import('../../../server/import-file.ts');
const loadIntents = () => import('../../../service/sequencing/intent-closing.ts');
const loadSettings = () =>
  Promise.all([import('../../../server/settings/server-settings.ts'), import('../../../server/data-folder.ts')]);

/** Where this process is the writer, an append waits until all of a round is there, and no longer than this. */
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
        const report = flags.report ?? `${file}.refused`;
        assertFiles(file, report);
        const [{ readSettings }, { DataFolder }] = await loadSettings();
        const { profiles } = await readSettings(new DataFolder(flags.data));
        let refused = 0;
        const work = async (open: OpenServer): Promise<void> => {
          ({ refused } = await importAll(open, file, { ...flags, report }));
        };
        await withLog(flags, work, { profiles });
        return refused === 0 ? EXIT.fine : EXIT.refused;
      }),
    );
}

/** Throws `usage` unless there is a file to read, which is not the one that will be written over. */
function assertFiles(file: string, report: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  ensure(found !== undefined && !found.isDirectory(), 'usage', `there is no file ${file}`);
  const isThere = statSync(report, { throwIfNoEntry: false }) !== undefined;
  const isSame = isThere && realpathSync(report) === realpathSync(file);
  ensure(!isSame, 'usage', 'the report would take the place of the file');
}

async function importAll(
  { context, store }: OpenServer,
  file: string,
  flags: ImportFlags & { readonly report: string },
): Promise<ImportCounts> {
  const [{ LogService }, { importFile }, { closeLeftIntents }] = await Promise.all([
    loadService(),
    loadImport(),
    loadIntents(),
  ]);
  // Nobody else has the embedded database. A shared one has a server that appends, or we are the writer for as long as there is none.
  const isAlone = store.kind === 'pglite';
  // A slow machine needs longer for a round than a client would wait for one request.
  const patience = { requestTimeoutMs: ROUND_MS, batchIntervalMs: ROUND_MS };
  const limits = { ...context.limits, ...patience, ...(isAlone ? { intentTimeoutMs: 2 * ROUND_MS } : {}) };
  const service = new LogService({ ...context, limits }, { acceptClockGap: isAlone, keepRecoveries: false });
  // What is under way where we are alone is what an import that was killed left.
  if (isAlone) await closeLeftIntents(context);
  await service.start();
  const { report } = flags;
  const startMs = performance.now();
  const perSecond = ({ imported }: ImportCounts) => Math.round((imported * 1000) / (performance.now() - startMs));
  try {
    const counts = await importFile({
      file,
      report,
      who: administrator(),
      importOne: (order) => service.import(order),
      labelOf: (identity) => formatHex(service.labelOf(identity)),
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
