// The epoch of a group of ts-mls, as media keys need it (docs/calls.md#group-calls).
import { mlsExporter } from 'ts-mls';

export function epochOf(state, suite) {
  const members = state.ratchetTree.flatMap((node, i) => (node?.nodeType === 'leaf' ? [i / 2] : []));
  const { exporterSecret } = state.keySchedule;
  const exporter = (label, context, length) => mlsExporter(exporterSecret, label, context, length, suite);
  return { epoch: state.groupContext.epoch, members, own: state.privatePath.leafIndex, exporter };
}
