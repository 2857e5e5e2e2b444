import { realpathSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { formatHex } from '../../../core/encoding/bytes.ts';
import { ensure } from '../../../core/errors.ts';
import type { OpenServer } from '../../../server/open-server.ts';
import type { ImportCounts } from '../../../server/import-file.ts';
import { EXIT } from '../../exit-code.ts';
import { printJson, printLines } from '../../output/print.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, administrator, adminOptions, withOpenLog } from './admin-options.ts';

const loadService = () => import('../../../service/log-service.ts');
const loadImport = () => import('../../../server/import-file.ts');
const loadIntents = () => import('../../../service/sequencing/intent-closing.ts');
const loadSettings = () =>
  Promise.all([import('../../../server/settings/server-settings.ts'), import('../../../server/data-folder.ts')]);

/** Longest time that an append waits for all requests of a round, if this process is the writer. */
const ROUND_MS = 5 * 60_000;

interface ImportFlags extends AdminFlags {
  readonly report?: string;
}

/** `admin import`: registers the users that an application already has. */
export function importCommand(admin: Command, run: RunServer): void {
  const command = admin
    .command('import <file>')
    .description('register many identities from JSON lines with "identity", and "csr" or "publicKey" in PEM');
  adminOptions(command, 'glasskey admin import users.jsonl --data /srv/glasskey')
    .option('--report <file>', 'file for refused lines; default: <file>.refused')
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
        await withOpenLog(flags, work, { profiles });
        return refused === 0 ? EXIT.fine : EXIT.refused;
      }),
    );
}

/** Throws `usage` unless `file` can be read and is not the file that the report overwrites. */
function assertFiles(file: string, report: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  ensure(found !== undefined && !found.isDirectory(), 'usage', `${file} does not exist, or is a folder`);
  const isThere = statSync(report, { throwIfNoEntry: false }) !== undefined;
  const isSame = isThere && realpathSync(report) === realpathSync(file);
  ensure(!isSame, 'usage', 'the report would overwrite the file to import: name another file with --report');
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
  // The embedded database is ours alone. A shared one usually has a server that appends; else this process appends.
  const isAlone = store.kind === 'pglite';
  // A slow machine needs longer for a round than a client waits for one request.
  const patience = { requestTimeoutMs: ROUND_MS, batchIntervalMs: ROUND_MS };
  const limits = { ...context.limits, ...patience, ...(isAlone ? { intentTimeoutMs: 2 * ROUND_MS } : {}) };
  const service = new LogService({ ...context, limits }, { acceptClockGap: isAlone, keepRecoveries: false });
  // If this process is alone, open intents are leftovers of an import that was killed.
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
    const refusals = counts.refused === 0 ? undefined : report;
    if (flags.json === true) printJson({ ...counts, perSecond: perSecond(counts), report: refusals });
    else
      printLines(
        textOf(counts),
        ...(refusals === undefined
          ? []
          : [`  Next: correct the lines that ${refusals} lists with their reasons, and import the file again`]),
      );
    return counts;
  } finally {
    await service.stop();
  }
}

function textOf({ imported, present, refused }: ImportCounts): string {
  return `${imported} imported, ${present} already registered, ${refused} refused`;
}
