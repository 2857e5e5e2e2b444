import type { Finding, Notice } from './notice.ts';

/** Title of the alarm that the log contradicts what it showed before. */
export const REWRITTEN = 'The service has rewritten its record of everybody’s keys.';

/** Title of the alarm that the service shows another log altogether. */
export const OTHER_LOG = 'This device knows another log.';

/** True for a lie about the log as a whole: false proofs of names follow from it. */
const isOfAll = ({ title }: Notice): boolean => title === REWRITTEN || title === OTHER_LOG;
const isNamed = ({ about }: Notice): boolean => about !== undefined;

/**
 * Returns the alarms of one round, each once. Only the one about the whole log is told, if there is one. A false key of
 * "somebody" is that of a name, if one is known. `standing` are the lies from before that go on.
 */
export function distinctLies(found: readonly Notice[], standing: readonly Notice[] = []): readonly Notice[] {
  // An alarm without an error is no lie: nobody watches the name, perhaps because nothing answers.
  const lies = found.filter(({ code }) => code !== undefined);
  const others = found.filter(({ code }) => code === undefined);
  return [...others, ...(lies.length === 0 ? [] : causesOf(lies, standing))];
}

function causesOf(lies: readonly Notice[], standing: readonly Notice[]): readonly Notice[] {
  const ofAll = lies.find(isOfAll) ?? standing.find(isOfAll);
  if (ofAll !== undefined) return [ofAll];
  const named = lies.filter(isNamed);
  const before = named.length > 0 ? named : standing.filter(isNamed);
  const told = before.length > 0 ? before : lies;
  return told.filter((one, i) => told.findIndex(({ title }) => title === one.title) === i);
}

/** True if a lie that was seen now is the cause of one from before, or names it. */
function explains(seen: Notice, before: Notice): boolean {
  if (seen.code === undefined || before.code === undefined || isOfAll(before)) return false;
  return isOfAll(seen) ? before.overSinceMs === undefined : isNamed(seen) && !isNamed(before);
}

/**
 * Joins the lies that this device has kept with those of a round, in ms since the epoch. One lie stays one alarm. A lie
 * is over only if a complete round has found none.
 */
export function mergeLies(
  kept: readonly Notice[],
  { notices: found, isComplete }: Finding,
  nowMs: number,
): readonly Notice[] {
  const standing = kept.filter(({ overSinceMs }) => overSinceMs === undefined);
  const seen = distinctLies(found, standing).map((one) => seenAt(one, nowMs));
  const rest = kept.filter((one) => !seen.some((other) => other.title === one.title || explains(other, one)));
  const isOver = isComplete && found.length === 0;
  return [...seen, ...(isOver ? rest.map((one) => overAt(one, nowMs)) : rest)];
}

function seenAt(notice: Notice, lastSeenMs: number): Notice {
  return { ...notice, lastSeenMs, overSinceMs: undefined };
}

function overAt(notice: Notice, overSinceMs: number): Notice {
  return { ...notice, overSinceMs: notice.overSinceMs ?? overSinceMs };
}
