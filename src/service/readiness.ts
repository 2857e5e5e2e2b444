import { isGlasskeyError } from '../core/errors.ts';
import type { LogHealth, LogService } from './log-service.ts';

/** Codes of a sequencer's trouble that do not go away by themselves at the next turn. */
const LASTING = ['release-stalled', 'clock-skew', 'hsm-unavailable'] as const;

/**
 * Returns why a log cannot be served or does not move, for its operator; undefined if all is well. Only reads. Throws
 * if a lookup cannot be proved, or the database does not answer.
 */
export async function findUnreadiness(service: LogService): Promise<string | undefined> {
  const health = await service.health();
  const { failure, trouble } = health;
  if (failure !== undefined) return `${describe(failure)} (nothing is signed any more)`;
  const loss = service.progress.findLoss((await service.progress.released()).released.size);
  if (loss !== undefined) return describe(loss);
  if (LASTING.some((code) => isGlasskeyError(trouble, code))) return describe(trouble);
  service.sequencer.assertSteadyClock();
  await proveSomething(service);
  return findStandstill(service, health) ?? findWrongTime(service, health);
}

async function proveSomething({ ownProver }: LogService): Promise<void> {
  const label = new TextEncoder().encode('urn:glasskey:readiness');
  await ownProver.lookup({ last: undefined, label }).catch((error: unknown) => {
    // The auditor delivers its heads through this server, which must stay reachable for it.
    if (!isGlasskeyError(error, 'not-audited')) throw error;
  });
}

function findStandstill({ context }: LogService, { standstill, trouble, hasEnded }: LogHealth): string | undefined {
  const { queueMs, releaseMs, troubleMs } = standstill;
  const { standstillMs } = context.limits;
  const why = trouble === undefined ? '' : `: ${describe(trouble)}`;
  if (releaseMs > standstillMs) return `entries wait to be released for ${seconds(releaseMs)} s${why}`;
  if (hasEnded) return undefined;
  if (queueMs > standstillMs) return `submissions wait for ${seconds(queueMs)} s, and the head stands still${why}`;
  if (troubleMs > standstillMs) return `nothing could be appended for ${seconds(troubleMs)} s${why}`;
  return undefined;
}

/** Compares the newest entry with this server's clock, as clients will. */
function findWrongTime({ context }: LogService, { timestampMs, hasEnded, trouble }: LogHealth): string | undefined {
  const { configuration, now } = context;
  const behindMs = now() - timestampMs;
  if (-behindMs > configuration.maxAheadMs) {
    return `the newest entry is ${seconds(-behindMs)} s ahead of this server's clock, which clients refuse`;
  }
  if (hasEnded || behindMs <= configuration.maxBehindMs) return undefined;
  const why = trouble === undefined ? '' : `: ${describe(trouble)}`;
  return `the newest entry is ${seconds(behindMs)} s old, which clients refuse${why}`;
}

/** Says what an error is. The message of one that is not ours may hold anything. */
function describe(error: unknown): string {
  return isGlasskeyError(error) ? `${error.code}: ${error.message}` : 'an error of the program, which its log shows';
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
