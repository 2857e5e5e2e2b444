import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { Transport } from '../../client/transport.ts';
import { readingFrom } from '../../client/audit/damaged-copy.ts';
import { fetchBundle } from '../../client/trust.ts';
import { canonicalBundle, fingerprint } from '../../contract/bundle-signature.ts';
import { LOG_PREFIX } from '../../contract/paths.ts';
import type { SignedTrustBundle } from '../../contract/trust-bundle.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { httpLogSource } from '../../service/publish/log-source.ts';
import { type Published, publishLog } from '../../service/publish/publish-log.ts';
import type { PublishTarget } from '../../service/publish/publish-target.ts';
import type { ClientOptions } from '../client-options.ts';
import { knownLogServers, readBundleFile } from '../open-directory.ts';
import { recordingFetch } from '../evidence.ts';
import { parseSeconds } from '../number-option.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output/print.ts';
import { Pauses } from '../pauses.ts';
import { openCopy, openPlace, type PlaceOptions } from '../publish/publish-place.ts';
import { askedFor, checkPlace } from '../publish/check-place.ts';
import { publishBundle } from '../publish/publish-bundle.ts';
import { StandingFaults } from '../standing-faults.ts';
import type { RunClient } from './run-command.ts';

interface PublishFlags extends PlaceOptions {
  readonly trust?: string;
  readonly state?: string;
  readonly watch?: boolean;
  readonly check?: boolean;
  readonly repair?: boolean;
  readonly interval: number;
  readonly json?: boolean;
}

/** `publish`: keeps a copy of the audit log that any static web server or CDN can serve. */
export function publishCommand(program: Command, run: RunClient): void {
  program
    .command('publish <url>')
    .description(
      'copy everything that an audit reads to a folder or a bucket, for a static web server or a CDN; never overwrites',
    )
    .requiredOption('--to <place>', 'a folder, or s3://bucket/prefix (keys: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)')
    .option('--endpoint <url>', 'S3-compatible server; default: AWS_ENDPOINT_URL, else Amazon’s')
    .option('--region <name>', 'region of the bucket; default: AWS_REGION, else us-east-1')
    .option(
      '--trust <file>',
      'trust bundle to hold the server to; default: the published one, else the first one that it shows',
    )
    .option('--state <dir>', 'folder for evidence if the log misbehaves; default: one for each server')
    .option('--watch', 'keep publishing as the log grows')
    .option('--check', 'compare every file of the copy with the log, and name what is missing, truncated or wrong')
    .option('--repair', 'like --check, and fetch again what is damaged')
    .option('--interval <seconds>', 'pause between the rounds of --watch', parseSeconds, 10)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey publish https://keys.example --to /var/www/log --watch')
    .action((url: string, flags: PublishFlags) => {
      const { trust, state } = flags;
      const options = {
        server: url,
        ...(trust === undefined ? {} : { trust }),
        ...(state === undefined ? {} : { state }),
      };
      return run(options, () => publish(options, flags));
    });
}

async function publish(options: ClientOptions, flags: PublishFlags): Promise<number> {
  const { trust } = options;
  const given = trust === undefined ? undefined : await readBundleFile(trust);
  const asked = askedFor(flags);
  const transport = new Transport({ server: options.server, fetch: recordingFetch, timeoutMs: 30_000 });
  const known = (): Promise<readonly string[]> => knownLogServers(options);
  const publishNow = (): Promise<void> =>
    readingFrom(transport, known, () => publishOnce(place.target, transport, given, flags));
  const place = await (asked === undefined ? openPlace(flags) : openCopy(flags, asked));
  try {
    if (asked !== undefined)
      return await readingFrom(transport, known, () => checkOnce(place.target, transport, given, flags));
    const pauses = flags.watch === true ? new Pauses() : undefined;
    await publishNow();
    const standing = new StandingFaults();
    while ((await pauses?.wait(flags.interval * 1000)) === true) {
      try {
        await publishNow();
        standing.succeeded();
      } catch (error) {
        assertPassing(error);
        standing.failed(error);
      }
    }
    return EXIT.fine;
  } finally {
    await place.close();
  }
}

async function checkOnce(
  target: PublishTarget,
  transport: Transport,
  given: SignedTrustBundle | undefined,
  flags: PublishFlags,
): Promise<number> {
  const served = await fetchBundle(transport);
  const prefix = transport.server + LOG_PREFIX;
  return checkPlace({ target, prefix, served, given, repairCheckpoint: true }, flags);
}

/** Throws unless a failure of the server or the target may pass, as misbehaviour and a changed copy do not. */
function assertPassing(error: unknown): void {
  const passes = isGlasskeyError(error) && ['network', 'storage', 'overload'].includes(error.fault);
  if (!passes && !isGlasskeyError(error, 'head-moved')) throw error;
}

/** Attempts, a second apart, to publish under a bundle that the log has just begun to show. */
const ATTEMPTS = 15;

/**
 * Publishes once. A server that starts with another auditor or other witnesses shows the new bundle before its first
 * entry under it is released: then the newest checkpoint does not fit the bundle for a moment, which is no
 * misbehaviour.
 */
async function publishOnce(
  target: PublishTarget,
  transport: Transport,
  given: SignedTrustBundle | undefined,
  flags: PublishFlags,
): Promise<void> {
  const source = httpLogSource({ prefix: transport.server + LOG_PREFIX });
  let isYoung = false;
  for (let attempt = 1; ; attempt++) {
    const served = await fetchBundle(transport);
    const { trust, firstUse, isNew } = await publishBundle(target, served, given);
    if (firstUse) {
      process.stderr.write(`trusting ${trust.origin} on first use: fingerprint ${fingerprint(served.bundle)}\n`);
    }
    isYoung ||= isNew;
    try {
      const published = await publishLog({ source, target, trust, now: Date.now, onProgress: showProgress });
      return report(published, trust.origin, flags);
    } catch (error) {
      const mayPass = isGlasskeyError(error, 'not-witnessed') || isGlasskeyError(error, 'bad-audit-entry');
      if (!mayPass || attempt === ATTEMPTS) throw error;
      const now = await fetchBundle(transport).catch(() => served);
      isYoung ||= canonicalBundle(now.bundle) !== canonicalBundle(served.bundle);
      if (!isYoung) throw error;
      await sleep(1000);
    }
  }
}

function report({ treeSize, rootHash, entries, files }: Published, origin: string, flags: PublishFlags): void {
  if (flags.json === true) printJson({ origin, treeSize, rootHash, entries, files });
  else if (entries > 0 || flags.watch !== true) {
    printLines(`${origin}: ${treeSize} entries published, ${entries} of them now, in ${files} new files`);
  }
}

/** Shows progress on a terminal, so that long work is seen to go on. */
function showProgress(done: number, total: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\rcopied ${done} of ${total} entries${done === total ? '\n' : ''}`);
}
