import { type Child, svgEl } from './dom.ts';

/** A path from a root down to its end, for a drawing. */
export interface DrawnPath {
  /** The drawing in words, for those who do not see it. */
  readonly title: string;
  /** The turns from the root to the end: true for right. */
  readonly turns: readonly boolean[];
  readonly rootLabel: string;
  readonly endLabel: string;
  /** `found`: the end is there. `empty`: an empty place. `other`: something else is there. */
  readonly end: 'found' | 'empty' | 'other';
}

const WIDTH = 320;
const ROW = 24;
const TOP = 34;
const MARGIN = 26;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Draws a path through a tree, root at the top. Each turn has the hash of the other side, which the proof brings. */
export function drawPath({ title, turns, rootLabel, endLabel, end }: DrawnPath): SVGElement {
  const points = pointsOf(turns);
  const last = points.at(-1) as Point;
  const height = last.y + 40;
  const lines = points.slice(1).map((point, i) => line(points[i] as Point, point, 'path'));
  const siblings = turns.flatMap((isRight, i) => sibling(points[i] as Point, points[i + 1] as Point, isRight));
  const nodes = points.slice(0, -1).map(({ x, y }) => svgEl('circle', { cx: x, cy: y, r: 4, class: 'node' }));
  const [first] = points as [Point];
  return svgEl(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', class: 'drawing' },
    svgEl('title', {}, title),
    ...siblings,
    ...lines,
    ...nodes,
    svgEl('circle', { cx: last.x, cy: last.y, r: 7, class: `end ${end}` }),
    label(rootLabel, first.x, 16),
    label(endLabel, last.x, last.y + 26),
  );
}

/** Places the nodes: each turn goes to its side, less far the deeper it is, so that the path stays in the drawing. */
function pointsOf(turns: readonly boolean[]): readonly Point[] {
  const xs = [0];
  turns.forEach((isRight, i) => xs.push((xs[i] as number) + (isRight ? 1 : -1) * (1 / Math.sqrt(i + 1))));
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  const scale = Math.min(46, (WIDTH - 2 * MARGIN) / Math.max(1, most - least));
  const middle = (least + most) / 2;
  return xs.map((x, i) => ({ x: WIDTH / 2 + (x - middle) * scale, y: TOP + i * ROW }));
}

function sibling(from: Point, to: Point, isRight: boolean): readonly Child[] {
  const x = from.x + (isRight ? -1 : 1) * Math.max(10, Math.abs(to.x - from.x));
  const at: Point = { x: Math.min(WIDTH - 8, Math.max(8, x)), y: to.y };
  return [
    line(from, at, 'twig'),
    svgEl('rect', { x: at.x - 4, y: at.y - 4, width: 8, height: 8, rx: 2, class: 'hash' }),
  ];
}

function line(from: Point, to: Point, kind: string): SVGElement {
  return svgEl('line', { x1: from.x, y1: from.y, x2: to.x, y2: to.y, class: kind });
}

/** Writes a label that stays within the drawing. */
function label(text: string, x: number, y: number): SVGElement {
  const half = text.length * 3.9;
  const at = Math.min(WIDTH - half - 2, Math.max(half + 2, x));
  return svgEl('text', { x: at, y, 'text-anchor': 'middle' }, text);
}
