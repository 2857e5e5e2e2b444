import { formatBase64, parseBase64 } from '../../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { viewRoot } from '../../core/keytrans/tree-view.ts';
import { parseTrustBundle } from '../../contract/parse-trust-bundle.ts';
import type { SignedTrustBundle } from '../../contract/trust-bundle.ts';
import { auditLog, type AuditOptions, type AuditReport } from '../audit/audit-log.ts';
import { decodeAuditState, encodeAuditState } from '../audit/audit-state.ts';
import { fileServer } from '../audit/damaged-copy.ts';
import { knownServers, withLogServer } from '../log-servers.ts';
import { assertGivenBefore, excusingBundle, previousBundle, withSettledBundle } from '../trust.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import { updateHeads } from './heads.ts';
import type { Operation } from './operation.ts';

/** Options of an audit that the caller of `KeyDirectory.audit` chooses; see `AuditOptions`. */
export interface AuditRun extends Pick<
  AuditOptions,
  'held' | 'jobs' | 'keepCopy' | 'onAdded' | 'onProgress' | 'timeoutMs' | 'verifyUpdates'
> {
  /** Earlier bundles of this log, for the entries that were made under them. */
  readonly earlierBundles?: readonly SignedTrustBundle[] | undefined;
}

/**
 * Audits the log from where the last audit of this state ended, and holds it to the tree head that lookups have shown.
 * Throws `usage` if the pinned bundle does not succeed an earlier one, and what `auditLog` throws.
 */
export async function audit(
  operation: Operation,
  state: ClientState,
  options: AuditRun,
): Promise<StateChange<AuditReport>> {
  const { transport, trust, now } = operation;
  const { earlierBundles = [], ...run } = options;
  const previous = previousBundle(state);
  const report = await auditLog({
    baseUrl: transport.server,
    bundle: trust.bundle,
    previousBundle: excusingBundle(state),
    earlierConfigurations: [
      ...earlierBundles.map((earlier) => configurationBefore(state, earlier)),
      ...(previous === undefined ? [] : [parseBase64(previous.keytransConfiguration)]),
    ],
    state: state.audit === undefined ? undefined : decodeAuditState(parseBase64(state.audit)),
    seen: state.view && {
      size: state.view.size,
      logRoot: viewRoot(state.view),
      signature: state.view.treeHead.signature,
    },
    fetch: transport.fetch,
    signal: transport.signal,
    fileServer: () => fileServer(transport, knownServers(state)),
    now,
    ...run,
  });
  const audited = { ...withSettledBundle(state), audit: formatBase64(encodeAuditState(report.state)) };
  const isLog = state.logServers.includes(transport.server) || (await answersSigned(operation, state));
  return { next: isLog ? withLogServer(audited, transport.server) : audited, result: report };
}

/**
 * Returns true if the server answers a question with a tree head that the log has signed. An auditor remembers that, so
 * that the server cannot pass for a damaged copy later. A copy does not answer, which is no fault.
 */
async function answersSigned(operation: Operation, state: ClientState): Promise<boolean> {
  try {
    await updateHeads(operation, state);
    return true;
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    return false;
  }
}

function configurationBefore({ bundle: pinned }: ClientState, earlier: SignedTrustBundle): Uint8Array {
  ensure(pinned !== undefined, 'usage', 'no trust bundle is pinned yet');
  assertGivenBefore(earlier, parseTrustBundle(pinned));
  return parseBase64(earlier.bundle.keytransConfiguration);
}
