import type { AuditReport } from '../../client/audit/audit-log.ts';
import type { Cosignature } from '../../core/audit/cosignature.ts';
import { endJson, endLines } from '../report-end.ts';

/** An audit's report for programs: times in ISO 8601. */
export function reportJson(origin: string, report: AuditReport): Record<string, unknown> {
  const { treeSize, rootHash, entries, updates, allUpdates, seconds, firstEntryMs, lastEntryMs } = report;
  return {
    origin,
    treeSize,
    rootHash,
    entries,
    updates,
    allUpdates,
    seconds,
    firstEntry: firstEntryMs === undefined ? undefined : isoTime(firstEntryMs),
    lastEntry: isoTime(lastEntryMs),
    end: report.end && endJson(report.end),
    witnesses: report.cosignatures.map(({ vkey, timestampMs }) => ({ name: vkey.name, at: isoTime(timestampMs) })),
  };
}

/** An audit's report for people, also for those who have never heard of a hash tree. */
export function reportLines(origin: string, report: AuditReport): string[] {
  const { treeSize, rootHash, entries, updates, seconds, lastEntryMs } = report;
  const rate = seconds >= 1 && updates > 0 ? ` (${Math.round(updates / seconds)} changes/s)` : '';
  return [
    `${origin}: the whole log holds`,
    ...recordedLines(report),
    `  no entry was changed, removed or moved back in time since it was made; the newest is of ${isoTime(lastEntryMs)}`,
    ...witnessLines(report.cosignatures),
    ...(report.end === undefined ? [] : endLines(report.end).map((line) => `  ${line}`)),
    `  verified now: ${entries} of ${treeSize} entries with ${updates} changes, in ${seconds.toFixed(1)} s${rate}`,
    `  root ${rootHash}`,
  ];
}

/** What a further audit of the same log has found, in one line. */
export function reportLine({ treeSize, entries, updates, lastEntryMs, rootHash, end }: AuditReport): string {
  const newest = isoTime(lastEntryMs);
  const ended = end === undefined ? '' : ['', ...endLines(end)].join('\n');
  return `${newest}: ${treeSize} entries hold, ${entries} of them new, with ${updates} changes; root ${rootHash}${ended}`;
}

/**
 * The log hides whose each change is, and whether it is somebody's first: what can be counted are the versions of all
 * identities together.
 */
function recordedLines({ allUpdates, firstEntryMs, treeSize }: AuditReport): string[] {
  if (allUpdates === undefined || firstEntryMs === undefined) return [];
  const changes = `${allUpdates} changes of keys (registrations, further keys, renewals, revocations)`;
  return [`  ${changes} in ${treeSize} entries since ${isoTime(firstEntryMs)}`];
}

function witnessLines(cosignatures: readonly Cosignature[]): string[] {
  if (cosignatures.length === 0)
    return ['  no witness is asked for: that others are shown the same log is for them to compare'];
  return cosignatures.map(
    ({ vkey, timestampMs }) => `  witness ${vkey.name} saw the same log at ${isoTime(timestampMs)}`,
  );
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
