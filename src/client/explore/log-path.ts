import { splitPoint } from '../../core/log/tree-node.ts';

/** One step of the way from a log entry up to the root of the log tree (RFC 6962 §2.1). */
export interface LogTurn {
  /** The entries below the node that the step leads to: `start` <= i < `end`. */
  readonly start: number;
  readonly end: number;
  /** The side on which the other half of the node is: its hash is part of the proof. */
  readonly sibling: 'left' | 'right';
  /** The entries below the other half. */
  readonly siblingStart: number;
  readonly siblingEnd: number;
}

/** Returns the way from entry `position` of a log of `size` entries up to the root. Empty for a log of one entry. */
export function logPath(position: number, size: number): readonly LogTurn[] {
  const turns: LogTurn[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    const isLeft = position < middle;
    const [siblingStart, siblingEnd] = isLeft ? [middle, end] : [start, middle];
    turns.unshift({ start, end, sibling: isLeft ? 'right' : 'left', siblingStart, siblingEnd });
    [start, end] = isLeft ? [start, middle] : [middle, end];
  }
  return turns;
}
