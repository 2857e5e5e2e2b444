import type { OwnersRecord } from '../../identity/continuity.ts';
import { findOwnersRecord } from '../../identity/owners-record.ts';
import type { HeadRow } from '../../store/ports.ts';
import { readLinksOf } from '../log/label-state.ts';
import type { LogContext } from '../log/log-context.ts';
import { recoveryWaitedBefore } from '../log/recovery-wait.ts';
import { continuityPorts } from './continuity-ports.ts';

/**
 * Returns the search for the owner's record of a label in the committed log before `head`. Issuance and sequencer use
 * the same search. The stored versions are untrusted; each must open the commitment that its successor
 * names.
 */
export function ownersRecordBefore(
  context: LogContext,
  head: HeadRow,
  { label, labelKey }: { readonly label: Uint8Array; readonly labelKey: Uint8Array },
): OwnersRecord {
  const { origin, issued } = context;
  return findOwnersRecord({
    origin,
    label,
    ports: continuityPorts(issued),
    recoveryWaited: recoveryWaitedBefore(context, head, { label, labelKey }),
    read: readLinksOf(context, labelKey),
  });
}
