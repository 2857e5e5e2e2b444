import { formatBase64, parseBase64 } from '../../core/encoding/bytes.ts';
import { viewRoot } from '../../core/keytrans/tree-view.ts';
import { auditLog, type AuditReport } from '../audit/audit-log.ts';
import { decodeAuditState, encodeAuditState } from '../audit/audit-state.ts';
import type { ClientState, StateChange } from '../client-state.ts';
import type { Operation } from './operation.ts';

/** What an audit can be told. */
export interface AuditRun {
  readonly onProgress?: (done: number, total: number) => void;
}

/** Audits the log from where the last audit of this state ended, and holds it to the tree head that was shown. */
export async function audit(
  { transport, trust, now }: Operation,
  state: ClientState,
  options: AuditRun,
): Promise<StateChange<AuditReport>> {
  const report = await auditLog({
    baseUrl: transport.server,
    bundle: trust.bundle,
    state: state.audit === undefined ? undefined : decodeAuditState(parseBase64(state.audit)),
    seen: state.view && { size: state.view.size, logRoot: viewRoot(state.view) },
    fetch: transport.fetch,
    now,
    ...options,
  });
  return { next: { ...state, audit: formatBase64(encodeAuditState(report.state)) }, result: report };
}
