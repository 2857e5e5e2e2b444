import { line, mark, type Point, text } from './svg.ts';

/** A node of a hash tree, as a proof shows it. */
export interface ShownNode {
  /**
   * `made`: the client computes it. `found`: the thing that is proved. `sent`: a hash of the proof. `other`: the leaf of
   * another name. `empty`: no node is there.
   */
  readonly kind: 'made' | 'found' | 'sent' | 'other' | 'empty';
  readonly labels?: readonly string[];
  readonly children?: readonly [ShownNode, ShownNode];
  /** True for the end of a search: the way to it is drawn. */
  readonly isGoal?: boolean;
}

/** Bounds of a drawn tree. */
export interface TreeArea {
  readonly left: number;
  readonly width: number;
  readonly top: number;
  /** Distance between two levels. */
  readonly step: number;
  /** Writes the bit of each turn at its line. */
  readonly hasBits: boolean;
}

/** Draws a tree from its root down. Each node without children has columns of its own; the root's labels are above it. */
export function drawTree(root: ShownNode, area: TreeArea): string[] {
  const columns = columnsOf(root);
  const parts: string[] = [];
  let used = 0;
  const draw = (node: ShownNode, depth: number): Point => {
    const y = area.top + depth * area.step;
    const children = node.children?.map((child) => draw(child, depth + 1));
    const own = area.left + (area.width * (used + columnsOf(node) / 2)) / columns;
    if (children === undefined) used += columnsOf(node);
    const x = children === undefined ? own : (children[0]!.x + children[1]!.x) / 2;
    const lines = (children ?? []).flatMap((child, i) => turn({ x, y }, child, i, node.children![i]!, area));
    const first = children === undefined ? y + 22 : y - 14;
    const labels = (node.labels ?? []).map((words, i) => text({ x, y: first + 14 * i }, words, i === 0 ? '' : 'mono'));
    // Lines below marks.
    parts.unshift(...lines);
    parts.push(mark({ x, y }, node.kind), ...labels);
    return { x, y };
  };
  draw(root, 0);
  return parts;
}

function turn(from: Point, to: Point, bit: number, child: ShownNode, { hasBits }: TreeArea): string[] {
  const isWay = leadsToGoal(child);
  const isFlat = Math.abs(to.x - from.x) > 1.5 * Math.abs(to.y - from.y);
  const middle = { x: (from.x + to.x) / 2 + (bit === 0 ? -7 : 7), y: (from.y + to.y) / 2 - (isFlat ? 6 : 0) };
  return [line(from, to, isWay ? 'way' : ''), ...(hasBits ? [text(middle, String(bit), 'small')] : [])];
}

function leadsToGoal({ isGoal = false, children }: ShownNode): boolean {
  return isGoal || (children ?? []).some(leadsToGoal);
}

/** Columns that a node takes: one, or room for its labels. */
function columnsOf({ children, labels }: ShownNode): number {
  if (children !== undefined) return columnsOf(children[0]) + columnsOf(children[1]);
  return labels === undefined ? 1 : 1.7;
}
