import { join } from 'node:path';
import type { Command } from 'commander';
import type { AuditProgress } from '../../client/audit/audit-log.ts';
import type { KeyDirectory } from '../../client/key-directory.ts';
import { serverBase, ServerRefusal, Transport } from '../../client/transport.ts';
import { readingFrom } from '../../client/audit/damaged-copy.ts';
import { fetchBundle } from '../../client/trust.ts';
import { LOG_PREFIX } from '../../contract/paths.ts';
import type { SignedTrustBundle } from '../../contract/trust-bundle.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { type AuditSource } from '../audit/audit-source.ts';
import { auditThreads } from '../audit/audit-threads.ts';
import { assertSameBundle, type Mirror, openMirror } from '../audit/audit-mirror.ts';
import { type ProgressDisplay, progressDisplay } from '../audit/audit-progress.ts';
import { type AuditedLog, reportJson, reportLine, reportLines } from '../audit/audit-report.ts';
import { PUBLISHED_LOG } from '../../service/publish/publish-target.ts';
import { type ClientOptions, settleOptions } from '../client-options.ts';
import { knownLogServers, openDirectory, readBundleFile } from '../open-directory.ts';
import { recordingFetch } from '../evidence.ts';
import { parseSeconds } from '../number-option.ts';
import { EXIT, exitCodeOf } from '../exit-code.ts';
import { printJson, printLines } from '../output/print.ts';
import { Pauses } from '../pauses.ts';
import { askedFor, checkPlace } from '../publish/check-place.ts';
import { openCopy, type OpenPlace, openPlace } from '../publish/publish-place.ts';
import { StandingFaults } from '../standing-faults.ts';
import type { RunClient } from './run-command.ts';

interface AuditFlags {
  readonly trust?: string;
  readonly state?: string;
  readonly earlierTrust?: readonly string[];
  readonly mirror?: string;
  readonly watch?: boolean;
  readonly check?: boolean;
  readonly repair?: boolean;
  readonly interval: number;
  readonly json?: boolean;
}

/** `audit`: verifies the whole log; anybody can. */
export function auditCommand(program: Command, run: RunClient): void {
  program
    .command('audit [url]')
    .description('verify the whole log: every entry, every change, every hash; continues where the last audit ended')
    .option(
      '--trust <file>',
      'trust bundle to hold the server to; default: the pinned one, else the first one that it shows',
    )
    .option('--earlier-trust <files...>', 'earlier trust bundles, under which older entries were made')
    .option('--state <dir>', 'folder for the state of this auditor; default: one for each server')
    .option('--mirror <dir>', 'keep a verified copy that any static web server can serve and anybody can audit')
    .option('--check', 'compare every file of the mirror with the log, and name what is missing, truncated or wrong')
    .option('--repair', 'like --check, and fetch again what is damaged')
    .option('--watch', 'keep auditing as the log grows, until something is wrong')
    .option('--interval <seconds>', 'pause between the rounds of --watch', parseSeconds, 60)
    .option('--json', 'print the report as JSON; with --watch, one line per round')
    .addHelpText('after', '\nExample:\n  $ glasskey audit https://keys.example --mirror /var/www/mirror --watch')
    .action(async (url: string | undefined, flags: AuditFlags) => {
      const options = await settleOptions({ server: url, trust: flags.trust, state: flags.state });
      return run(options, () => audit(options, flags));
    });
}

async function audit(options: ClientOptions, flags: AuditFlags): Promise<number> {
  const asked = askedFor(flags);
  ensure(
    asked === undefined || flags.mirror !== undefined,
    'usage',
    '--check and --repair need --mirror: the copy to check',
  );
  const files = [...(options.trust === undefined ? [] : [options.trust]), ...(flags.earlierTrust ?? [])];
  const earlier = await Promise.all(files.map((file) => readBundleFile(file)));
  const place = flags.mirror === undefined ? undefined : await openMirrorPlace(flags.mirror, asked);
  try {
    if (asked !== undefined && place !== undefined) return await checkMirror(place, options, flags);
    const pauses = flags.watch === true ? new Pauses() : undefined;
    print(await auditOnce(options, earlier, place), flags, true);
    const standing = new StandingFaults();
    while ((await pauses?.wait(flags.interval * 1000)) === true) {
      try {
        print(await auditOnce(options, earlier, place), flags, false);
        standing.succeeded();
      } catch (error) {
        assertPassing(error);
        standing.failed(error);
      }
    }
    return EXIT.fine;
  } finally {
    await place?.close();
  }
}

function openMirrorPlace(folder: string, asked: ReturnType<typeof askedFor>): Promise<OpenPlace> {
  return asked === undefined ? openPlace({ to: folder }) : openCopy({ to: folder }, asked);
}

/** Checks a mirror. A damaged checkpoint is left alone: only an audit may write one. */
async function checkMirror({ target }: OpenPlace, options: ClientOptions, flags: AuditFlags): Promise<number> {
  const transport = transportTo(options);
  return readingFrom(
    transport,
    () => knownLogServers(options),
    async () => {
      const { trust } = await openDirectory(options);
      const served = await fetchBundle(transport);
      assertSameBundle(trust.bundle, served);
      const prefix = transport.server + LOG_PREFIX;
      return checkPlace({ target, prefix, served, given: served, repairCheckpoint: false }, flags);
    },
  );
}

async function auditOnce(
  options: ClientOptions,
  earlierBundles: readonly SignedTrustBundle[],
  place: OpenPlace | undefined,
): Promise<AuditedLog> {
  const known = (): Promise<readonly string[]> => knownLogServers(options);
  const directory = await readingFrom(transportTo(options), known, () => openDirectory(options));
  const display = progressDisplay();
  const threads = auditThreads(sourceOf(options, place));
  try {
    const mirror = place && (await mirrorOf(place, options, directory, display));
    const onProgress = (now: AuditProgress): void => display.audited(now);
    const { verifyUpdates, jobs } = threads;
    const report = await directory.audit({ earlierBundles, ...mirror, verifyUpdates, jobs, onProgress });
    const { bundle, witnessing } = directory.trust;
    return { origin: bundle.origin, witnessing, report };
  } finally {
    display.stop();
    await threads.close();
  }
}

function transportTo({ server }: Pick<ClientOptions, 'server'>): Transport {
  return new Transport({ server, fetch: recordingFetch, timeoutMs: 30_000 });
}

/** Returns where threads read AuditorUpdates: from the mirror, whose own files are audited, or from the server. */
function sourceOf({ server }: ClientOptions, place: OpenPlace | undefined): AuditSource {
  if (place?.folder !== undefined) return { type: 'folder', folder: join(place.folder, PUBLISHED_LOG) };
  return { type: 'http', prefix: serverBase(server) + LOG_PREFIX };
}

async function mirrorOf(
  { target }: OpenPlace,
  { server }: ClientOptions,
  directory: KeyDirectory,
  display: ProgressDisplay,
): Promise<Mirror> {
  const served = await fetchBundle(transportTo({ server }));
  const onProgress = (done: number, total: number): void => display.copied(done, total);
  return openMirror({ target, served, bundle: directory.trust.bundle, now: Date.now, onProgress });
}

/** Throws unless a failure of the server or the disk may pass, as misbehaviour and a changed copy do not. */
function assertPassing(error: unknown): void {
  const isStateLost = isGlasskeyError(error, 'state-corrupt') || isGlasskeyError(error, 'state-too-new');
  if (exitCodeOf(error) === EXIT.misbehaviour || isStateLost) throw error;
  const passes = isGlasskeyError(error) && ['network', 'storage', 'overload', 'verification'].includes(error.fault);
  if (!passes && !(error instanceof ServerRefusal) && !isGlasskeyError(error, 'head-moved')) throw error;
}

function print(log: AuditedLog, flags: AuditFlags, isFirst: boolean): void {
  if (flags.json === true) {
    if (flags.watch === true) printLines(JSON.stringify(reportJson(log)));
    else printJson(reportJson(log));
  } else if (isFirst) printLines(...reportLines(log));
  else if (log.report.entries > 0) printLines(reportLine(log.report));
}
