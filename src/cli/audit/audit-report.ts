import type { AuditReport } from '../../client/audit/audit-log.ts';
import type { Cosignature } from '../../core/audit/cosignature.ts';
import type { Witnessing } from '../../core/audit/disjoint-quorums.ts';
import { isoTime } from '../output/print.ts';
import { witnessingLine } from '../output/witnessing-output.ts';
import { endJson, endLines } from '../output/report-end.ts';

/** The report of an audit, and the log that it is about. */
export interface AuditedLog {
  readonly origin: string;
  readonly witnessing: Witnessing;
  readonly report: AuditReport;
}

/** Returns the report of an audit as JSON, with times in ISO 8601. */
export function reportJson({ origin, witnessing, report }: AuditedLog): Record<string, unknown> {
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
    witnessing,
    witnesses: report.cosignatures.map(({ vkey, timestampMs }) => ({ name: vkey.name, at: isoTime(timestampMs) })),
  };
}

/** Returns the report of an audit for people, who need not know what a hash tree is. */
export function reportLines({ origin, witnessing, report }: AuditedLog): string[] {
  const { treeSize, rootHash, entries, updates, seconds, lastEntryMs } = report;
  const rate = seconds >= 1 && updates > 0 ? ` (${Math.round(updates / seconds)} changes/s)` : '';
  return [
    `${origin}: the whole log holds`,
    ...recordedLines(report),
    `  no entry was changed, removed or backdated after it was made; the newest one is from ${isoTime(lastEntryMs)}`,
    `  ${witnessingLine(witnessing)}`,
    ...witnessLines(report.cosignatures),
    ...(report.end === undefined ? [] : endLines(report.end).map((line) => `  ${line}`)),
    `  verified now: ${entries} of ${treeSize} entries with ${updates} changes, in ${seconds.toFixed(1)} s${rate}`,
    `  root ${rootHash}`,
  ];
}

/** Returns the report of a further audit of the same log in one line. */
export function reportLine({ treeSize, entries, updates, lastEntryMs, rootHash, end }: AuditReport): string {
  const newest = isoTime(lastEntryMs);
  const ended = end === undefined ? '' : ['', ...endLines(end)].join('\n');
  const added = `${entries} of them new, with ${updates} changes`;
  return `${newest}: ${treeSize} entries hold, ${added}; root ${rootHash}${ended}`;
}

/**
 * Counts the versions of all identities together: the log hides to whom a change belongs, and whether it is the first.
 */
function recordedLines({ allUpdates, firstEntryMs, treeSize }: AuditReport): string[] {
  if (allUpdates === undefined || firstEntryMs === undefined) return [];
  const changes = `${allUpdates} changes of keys (registrations, further keys, renewals, revocations)`;
  return [`  ${changes} in ${treeSize} entries since ${isoTime(firstEntryMs)}`];
}

function witnessLines(cosignatures: readonly Cosignature[]): string[] {
  return cosignatures.map(
    ({ vkey, timestampMs }) => `  witness ${vkey.name} saw the same log at ${isoTime(timestampMs)}`,
  );
}
