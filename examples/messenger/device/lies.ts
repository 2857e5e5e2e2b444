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
  const isNowNamed = ({ code, about }: Notice): boolean =>
    code !== undefined && about === undefined && seen.some(isNamed);
  const rest = kept.filter(
    (one) => !seen.some(({ title }) => title === one.title) && (isOfAll(one) || !isNowNamed(one)),
  );
  const isOver = isComplete && found.length === 0;
  return [...(isOver ? rest.map((one) => overAt(one, nowMs)) : rest), ...seen];
}

function seenAt(notice: Notice, lastSeenMs: number): Notice {
  return { ...notice, lastSeenMs, overSinceMs: undefined };
}

function overAt(notice: Notice, overSinceMs: number): Notice {
  return { ...notice, overSinceMs: notice.overSinceMs ?? overSinceMs };
}
