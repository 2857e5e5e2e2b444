import type { Command } from 'commander';
import type { LogStatus } from '../../../server/log-status.ts';
import { warnOfPassword } from '../../database-option.ts';
import { EXIT } from '../../exit-code.ts';
import { isoTime, printJson } from '../../output/print.ts';
import { printTable } from '../../output/table-output.ts';
import { programVersion } from '../../program-version.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, adminOptions } from './admin-options.ts';

/** `admin status`: how the log stands, beside running servers. */
export function statusCommand(admin: Command, run: RunServer): void {
  adminOptions(
    admin.command('status').description('show how the log stands; reads only, and works beside running servers'),
    'glasskey admin status --data /srv/glasskey',
  ).action((flags: AdminFlags) =>
    run(async () => {
      warnOfPassword(flags.database);
      const { readLogStatus } = await import('../../../server/log-status.ts');
      const status = await readLogStatus(flags);
      const nowMs = Date.now();
      if (flags.json === true) printJson(statusJson(status, nowMs));
      else printTable(['what', 'status'], statusRows(status, nowMs));
      return EXIT.fine;
    }),
  );
}

function statusRows(status: LogStatus, nowMs: number): { readonly what: string; readonly status: string }[] {
  const { size, releasedSize, timestampMs, queue, writer, schema, witnesses, auditor } = status;
  const since = (ms: number): string => `${isoTime(ms)}, ${ageText(nowMs - ms)} ago`;
  const oldest = queue.oldestMs === undefined ? '' : `, the oldest since ${since(queue.oldestMs)}`;
  const rows: [string, string | undefined][] = [
    ['program', programVersion()],
    ['schema', schemaText(schema)],
    ['database', status.database === 'postgres' ? 'PostgreSQL' : 'embedded, for trying out'],
    ['log', status.origin],
    ['size', `${size} entries${status.hasEnded ? '; the log has ended' : ''}`],
    ['newest head', size === 0 ? 'none' : since(timestampMs)],
    ['released', `${releasedSize} entries${releasedSize < size ? `; ${size - releasedSize} wait to be released` : ''}`],
    ['writer', writerText(status, writer && `${writer.server}, since ${since(writer.sinceMs)}`)],
    ['queue', `${queue.waiting} waiting${oldest}`],
    ...witnesses.map(({ name, last }): [string, string] => [
      `witness ${name}`,
      last === undefined
        ? 'no cosignature on the newest checkpoints'
        : `entry ${last.size}, ${since(last.timestampMs)}`,
    ]),
    ['auditor', auditor && auditorText(auditor.head, size, since)],
  ];
  return rows.flatMap(([what, text]) => (text === undefined ? [] : [{ what, status: text }]));
}

function writerText({ database }: LogStatus, writer: string | undefined): string {
  if (database === 'pglite') return 'none: no server runs';
  return writer ?? 'none: no server appends. Start one, or look at its log and at /readyz';
}

function auditorText(
  head: NonNullable<LogStatus['auditor']>['head'],
  size: number,
  since: (ms: number) => string,
): string {
  if (head === undefined) return 'has signed no head yet';
  return `${head.size} entries${head.size < size ? `, ${size - head.size} behind` : ''}, ${since(head.timestampMs)}`;
}

function schemaText({ database, program, relation, format }: LogStatus['schema']): string {
  const rows = `rows in format ${format.database}`;
  if (format.database > format.program)
    return `${rows}, and this program reads ${format.program}: update it (docs/upgrade.md)`;
  if (relation === 'same') return `${program}, ${rows}`;
  if (relation === 'newer') return `newer than ${program}, which this program has; ${rows}: an upgrade is under way`;
  return `${database ?? 'none'}, ${rows}; the next start of this program brings it to ${program}`;
}

function ageText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function statusJson(status: LogStatus, nowMs: number): Record<string, unknown> {
  const { timestampMs, writer, queue, witnesses, auditor, schema, size, releasedSize } = status;
  const time = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : isoTime(ms));
  return {
    program: programVersion(),
    schema,
    database: status.database,
    origin: status.origin,
    size,
    hasEnded: status.hasEnded,
    head: { at: time(timestampMs), ageSeconds: Math.round((nowMs - timestampMs) / 1000) },
    released: { size: releasedSize, lagEntries: size - releasedSize },
    writer: writer === undefined ? null : { server: writer.server, since: time(writer.sinceMs) },
    queue: { waiting: queue.waiting, oldest: time(queue.oldestMs) ?? null },
    witnesses: witnesses.map(({ name, last }) => ({
      name,
      last: last === undefined ? null : { size: last.size, at: time(last.timestampMs) },
    })),
    auditor: auditorJson(auditor, time),
  };
}

function auditorJson(auditor: LogStatus['auditor'], time: (ms: number) => string | undefined): unknown {
  if (auditor === undefined) return null;
  const { head } = auditor;
  return { head: head === undefined ? null : { size: head.size, at: time(head.timestampMs) } };
}
