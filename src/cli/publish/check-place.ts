import { httpLogSource } from '../../service/publish/log-source.ts';
import { checkCopy } from '../../service/publish/check-copy.ts';
import { CheckedTarget } from '../../service/publish/checked-target.ts';
import { PUBLISHED_CHECKPOINT, type PublishTarget } from '../../service/publish/publish-target.ts';
import type { SignedTrustBundle } from '../../contract/trust-bundle.ts';
import { ensure } from '../../core/errors.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output/print.ts';
import { hasBundle, PUBLISHED_BUNDLE, publishBundle } from './publish-bundle.ts';

/** The flags of a command that can check the copy that it keeps. */
export interface CheckFlags {
  readonly check?: boolean;
  readonly repair?: boolean;
  readonly watch?: boolean;
  readonly json?: boolean;
}

/** The copy to check, and the log to check it against. */
export interface CheckPlaceOptions {
  readonly target: PublishTarget;
  /** URL of the log's prefix, with its final slash. */
  readonly prefix: string;
  /** The bundle that the server shows. */
  readonly served: SignedTrustBundle;
  /** The bundle that is trusted. Default: the published one. */
  readonly given: SignedTrustBundle | undefined;
  /** See {@link checkCopy}. */
  readonly repairCheckpoint: boolean;
}

/** Returns what the flags ask for instead of publishing. Throws `usage` if they ask for something else too. */
export function askedFor(flags: CheckFlags): 'check' | 'repair' | undefined {
  const asked = flags.repair === true ? 'repair' : flags.check === true ? 'check' : undefined;
  const isOnce = asked === undefined || flags.watch !== true;
  ensure(isOnce, 'usage', '--check and --repair run once: leave out --watch');
  return asked;
}

/**
 * Checks a copy, repairs it if asked, and prints each file that was wrong. Returns the exit code: 1 if something still
 * is. Throws `usage` if neither `given` nor the copy says whom to trust. Also throws what `publishBundle` and
 * `checkCopy` throw.
 */
export async function checkPlace(options: CheckPlaceOptions, flags: CheckFlags): Promise<number> {
  const { target, prefix, served, given, repairCheckpoint } = options;
  const repair = flags.repair === true;
  const isReadable = await hasBundle(target);
  ensure(
    isReadable || given !== undefined,
    'usage',
    `${PUBLISHED_BUNDLE} of the copy is missing or damaged: give the trust bundle with --trust`,
  );
  const unreadable = new Set(isReadable ? [] : [PUBLISHED_BUNDLE]);
  const bundle = new CheckedTarget({ target, repair, unreadable });
  const { trust } = await publishBundle(bundle, served, given);
  const source = httpLogSource({ prefix });
  const copy = await checkCopy({ source, target, trust, now: Date.now, repair, repairCheckpoint });
  const faults = [...bundle.faults, ...copy.faults].map(({ path, fault }) => ({
    path,
    fault,
    repaired: repair && (repairCheckpoint || path !== PUBLISHED_CHECKPOINT),
  }));
  const left = faults.filter(({ repaired }) => !repaired).length;
  const { origin } = trust;
  const { treeSize, files } = copy;
  if (flags.json === true) printJson({ origin, treeSize, files, faults });
  else {
    const lines = faults.map(({ path, fault, repaired }) => `${path}: ${fault}${repaired ? ', repaired' : ''}`);
    const found = faults.length === 0 ? 'whole' : `${faults.length} damaged, ${faults.length - left} of them repaired`;
    printLines(...lines, `${origin}: copy of ${treeSize} entries, ${files} files checked: ${found}`);
  }
  return left === 0 ? EXIT.fine : EXIT.refused;
}
