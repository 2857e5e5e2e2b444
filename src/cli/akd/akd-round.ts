import { setTimeout as sleep } from 'node:timers/promises';
import type { AkdConfiguration } from '../../akd/akd-configuration.ts';
import type { AkdSource } from '../../akd/akd-source.ts';
import { type AkdPosition, auditEpochs } from '../../akd/audit-epochs.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { type AkdAuditor, compareWithAuditor } from './akd-auditor.ts';
import { akdProgress } from './akd-progress.ts';
import type { AkdReport } from './akd-report.ts';
import { type AkdKind, AkdStateFolder, MAX_UNSIGNED, type UnsignedEpoch } from './akd-state.ts';

/** The task of an audit of an AKD log, in every round. */
export interface AkdTask {
  readonly source: AkdSource;
  readonly configuration: AkdConfiguration;
  readonly kind: AkdKind;
  /** Folder of the state. */
  readonly folder: string;
  readonly maxNodes: number;
  /** The epoch that the first proof leads to. */
  readonly from: number | undefined;
  /** The root that the first proof must start from, 32 bytes. */
  readonly startRoot: Uint8Array | undefined;
  readonly to: number | undefined;
  readonly auditor: AkdAuditor | undefined;
}

/** Time in which an epoch that is not there, where a later one is, may still appear, ms. */
const MISSING_MS = 30_000;

/**
 * Audits what is new since the last round, stores after every epoch how far it came, and compares the roots with what
 * the auditor signed. Throws as `auditEpochs` and {@link compareWithAuditor} do; `usage` for a log without epochs, or
 * for a start that contradicts the state.
 */
export async function auditAkdRound(task: AkdTask): Promise<AkdReport> {
  const { source, configuration, auditor } = task;
  const state = await AkdStateFolder.open(task.folder, task.kind);
  const progress = akdProgress();
  const startMs = performance.now();
  let epochs = 0;
  let inserted = 0;
  try {
    const before = await state.read();
    assertSameStart(task, before?.position);
    let unsigned: readonly UnsignedEpoch[] = before?.unsigned ?? [];
    const position = await auditEpochs({
      ...task,
      namedEpoch: task.kind.namedEpoch,
      position: before?.position,
      pause: () => sleep(MISSING_MS),
      onEpoch: async (reached, size) => {
        epochs++;
        inserted += size.inserted;
        const root = { epoch: reached.endEpoch, root: reached.endRoot };
        if (auditor !== undefined) unsigned = [...unsigned, root].slice(-MAX_UNSIGNED);
        await state.write({ position: reached, unsigned });
        progress.verified(reached.endEpoch, inserted);
      },
    });
    if (position === undefined) throw new GlasskeyError('usage', `no epochs in ${source.place}: check the address`);
    const seconds = (performance.now() - startMs) / 1000;
    if (auditor !== undefined) {
      // The last root vouches for those that an earlier run did not ask about, since nobody had named an auditor.
      if (unsigned.length === 0) unsigned = [{ epoch: position.endEpoch, root: position.endRoot }];
      unsigned = await compareWithAuditor(auditor, unsigned);
      await state.write({ position, unsigned });
    }
    const { name, emptyRoot } = configuration;
    const isStartGiven = task.startRoot !== undefined;
    const report = { place: source.place, configuration: name, emptyRoot, position, epochs, inserted, seconds };
    const signing = auditor && { namespace: auditor.namespace, unsigned: unsigned.length };
    return { ...report, isStartGiven, auditor: signing };
  } finally {
    progress.stop();
    await state.close();
  }
}

/** The start that the caller names must be the one that the state rests on. */
function assertSameStart({ from, startRoot, folder }: AkdTask, position: AkdPosition | undefined): void {
  if (position === undefined) return;
  const isSame =
    (from === undefined || from === position.startEpoch + 1) &&
    (startRoot === undefined || equalBytes(startRoot, position.startRoot));
  ensure(isSame, 'usage', `the audit in ${folder} began at another epoch or root: give another --state`);
}
