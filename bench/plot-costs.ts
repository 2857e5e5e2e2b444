import type { Timing } from './load.ts';

/** Seconds of an audit over HTTP, of making a copy, and of an audit of that copy. */
export interface AuditTimes {
  readonly audit: number;
  readonly publish: number;
  readonly copyAudit: number;
}

/** Rounds of lookups of random names. A server has just started in the first; the last asks for compressed answers. */
export const LOOKUP_ROUNDS = ['cold', 'warm', 'packed'] as const;

/** Costs at one size. */
export interface CostsAtSize {
  readonly labels: number;
  /** Names that the import added in a second. */
  readonly importedPerSecond: number;
  /** Bytes on disk in PostgreSQL for a binding, with indexes. */
  readonly storedBytes: number;
  /** From the start of the process to the line "listening". */
  readonly readyMs: number;
  readonly cold: Timing;
  readonly warm: Timing;
  readonly packed: Timing;
  readonly audits: AuditTimes | undefined;
  readonly peakMb: number;
}

const WIDTH = 640;
const HEIGHT = 300;
const LEFT = 60;
const RIGHT = 150;
const TOP = 40;
const BOTTOM = 40;

interface Line {
  readonly name: string;
  readonly color: string;
  readonly value: (size: CostsAtSize) => number;
}

/** Costs per lookup in ms of processor. Colours are told apart in grey, too. */
const LINES: readonly Line[] = [
  { name: 'server, cold', color: '#b45309', value: ({ cold }) => cold.cpuMs['server'] ?? 0 },
  { name: 'server, warm', color: '#0f766e', value: ({ warm }) => warm.cpuMs['server'] ?? 0 },
  { name: 'PostgreSQL, warm', color: '#64748b', value: ({ warm }) => warm.cpuMs['postgres'] ?? 0 },
];

/** Draws the processor time of a lookup against the number of labels, on a logarithmic axis, as SVG. */
export function plotCosts(sizes: readonly CostsAtSize[]): string {
  const exponents = sizes.map(({ labels }) => Math.log10(labels));
  const [least, most] = [Math.min(...exponents), Math.max(...exponents)];
  const highest = Math.ceil(Math.max(...LINES.flatMap(({ value }) => sizes.map(value))) * 1.1) || 1;
  const x = (labels: number): number =>
    LEFT + (most === least ? 0.5 : (Math.log10(labels) - least) / (most - least)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => HEIGHT - BOTTOM - (value / highest) * (HEIGHT - TOP - BOTTOM);
  const steps = Array.from({ length: 5 }, (_, i) => (highest * i) / 4);
  const grid = steps.map(
    (step) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(step)}" y2="${y(step)}" stroke="#cbd5e1"/>` +
      `<text x="${LEFT - 8}" y="${y(step) + 4}" text-anchor="end">${step.toFixed(1)}</text>`,
  );
  const ticks = sizes.map(
    ({ labels }) =>
      `<text x="${x(labels)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${labels.toLocaleString('en')}</text>`,
  );
  const lines = LINES.map(({ name, color, value }) => {
    const points = sizes.map((size) => `${x(size.labels).toFixed(1)},${y(value(size)).toFixed(1)}`);
    const last = sizes.at(-1);
    const end = last === undefined ? '' : `x="${WIDTH - RIGHT + 8}" y="${(y(value(last)) + 4).toFixed(1)}"`;
    return (
      `<polyline points="${points.join(' ')}" fill="none" stroke="${color}" stroke-width="2"/>` +
      `<text ${end} fill="${color}">${name}</text>`
    );
  });
  const title = 'Processor time of a lookup, ms, by the number of labels';
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}" ` +
    'font-family="system-ui, sans-serif" font-size="12" fill="#334155">' +
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/><text x="${LEFT}" y="22" font-size="14">${title}</text>` +
    `${[...grid, ...ticks, ...lines].join('')}</svg>\n`
  );
}
