import type { Witnessing } from '../../core/audit/disjoint-quorums.ts';

const COMPARE = 'Next: compare `glasskey heads` with others, to see that they are shown the same log';

/** Returns one line on what the witnesses of a log's trust bundle do for its readers. */
export function witnessingLine(witnessing: Witnessing): string {
  switch (witnessing) {
    case 'none':
      return `no witness cosigns this log. ${COMPARE}`;
    case 'overlapping':
      return 'witnesses cosign this log; any two of their quorums share a witness';
    case 'disjoint':
      return `warning: two quorums of witnesses of this log need not share one, so that honest witnesses can cosign a fork. ${COMPARE}`;
  }
}
