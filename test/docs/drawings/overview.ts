import { drawing, line, type Point, rect, text } from './svg.ts';

/** Returns the picture of the README: who gives what to whom, and who watches. */
export function overview(): string {
  const box = ({ x, y }: Point, width: number, words: readonly string[], kind = 'plain'): string[] => [
    rect({ x, y }, width, 56, kind),
    ...words.map((one, i) => text({ x: x + width / 2, y: y + 24 + 18 * i }, one, i === 0 ? '' : 'small')),
  ];
  return drawing(
    'Who gives what to whom, and who watches',
    "Bob's device registers a key at Glasskey and monitors his name. Alice's device gets Bob's certificate with a proof, and checks it. " +
      'Auditors replay the whole log, and witnesses cosign its tree heads.',
    232,
    [
      ...box({ x: 12, y: 36 }, 140, ["Bob's device", 'makes the key']),
      ...box({ x: 290, y: 36 }, 140, ['Glasskey', 'authority and log'], 'box'),
      ...box({ x: 562, y: 36 }, 148, ["Alice's device", 'checks every answer']),
      ...box({ x: 130, y: 152 }, 180, ['auditors', 'replay every entry']),
      ...box({ x: 410, y: 152 }, 180, ['witnesses', 'cosign the tree heads']),
      ...arrow({ x: 152, y: 52 }, { x: 290, y: 52 }, 'registers a key'),
      ...arrow({ x: 152, y: 82 }, { x: 290, y: 82 }, 'monitors his name', 18),
      ...arrow({ x: 430, y: 64 }, { x: 562, y: 64 }, 'certificate, proof'),
      ...arrow({ x: 250, y: 152 }, { x: 330, y: 92 }),
      text({ x: 218, y: 128 }, 'fetch all its files', 'small'),
      ...arrow({ x: 470, y: 152 }, { x: 390, y: 92 }),
      text({ x: 492, y: 128 }, 'cosignatures', 'small'),
    ],
  );
}

/** Distance of an arrow's tip from the border that it points to. */
const GAP = 4;

/** An arrow with words above or, with `below`, under it. */
function arrow(from: Point, to: Point, words = '', below = -7): string[] {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const [dx, dy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  // A slanted arrow ends at a level border.
  const gap = dy === 0 ? GAP : GAP / Math.abs(dy);
  const tip = { x: to.x - gap * dx, y: to.y - gap * dy };
  const barb = (side: number): Point => ({ x: tip.x - 7 * dx - side * 5 * dy, y: tip.y - 7 * dy + side * 5 * dx });
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 + below };
  const parts = [line(from, tip, 'way'), line(barb(1), tip, 'way'), line(barb(-1), tip, 'way')];
  return words === '' ? parts : [...parts, text(middle, words, 'small')];
}
