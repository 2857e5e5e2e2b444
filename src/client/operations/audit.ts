import { formatBase64, parseBase64 } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { viewRoot } from '../../core/keytrans/tree-view.ts';
import { verifyBundleSignatures } from '../../contract/bundle-signature.ts';
import { assertSuccessor } from '../../contract/bundle-successor.ts';
import { parseTrustBundle } from '../../contract/parse-trust-bundle.ts';
import type { SignedTrustBundle } from '../../contract/trust-bundle.ts';
import { auditLog, type AuditOptions, type AuditReport } from '../audit/audit-log.ts';
import { decodeAuditState, encodeAuditState } from '../audit/audit-state.ts';
import { fileServer } from '../audit/damaged-copy.ts';
import type { ClientState, StateChange } from '../state/client-state.ts';
import type { Operation } from './operation.ts';

/** Options of an audit that the caller of `KeyDirectory.audit` chooses; see `AuditOptions`. */
export interface AuditRun extends Pick<
  AuditOptions,
  'held' | 'jobs' | 'keepCopy' | 'onProgress' | 'timeoutMs' | 'verifyUpdates'
> {
  /** Earlier bundles of this log, for the entries that were made under them. */
  readonly earlierBundles?: readonly SignedTrustBundle[] | undefined;
}

/**
 * Audits the log from where the last audit of this state ended, and holds it to the tree head that lookups have shown.
 * Throws `bundle-changed` if the pinned bundle does not succeed an earlier one, and what `auditLog` throws.
 */
export async function audit(
  { transport, trust, now }: Operation,
  state: ClientState,
  options: AuditRun,
): Promise<StateChange<AuditReport>> {
  const { earlierBundles = [], ...run } = options;
  const report = await auditLog({
    baseUrl: transport.server,
    bundle: trust.bundle,
    earlierConfigurations: earlierBundles.map((earlier) => configurationBefore(state, earlier)),
    state: state.audit === undefined ? undefined : decodeAuditState(parseBase64(state.audit)),
    seen: state.view && {
      size: state.view.size,
      logRoot: viewRoot(state.view),
      signature: state.view.treeHead.signature,
    },
    fetch: transport.fetch,
    signal: transport.signal,
    fileServer: () => fileServer(transport),
    now,
    ...run,
  });
  return { next: { ...state, audit: formatBase64(encodeAuditState(report.state)) }, result: report };
}

function configurationBefore({ bundle: pinned }: ClientState, earlier: SignedTrustBundle): Uint8Array {
  ensure(pinned !== undefined, 'usage', 'no trust bundle is pinned yet');
  verifyBundleSignatures(earlier);
  assertSuccessor(earlier.bundle, parseTrustBundle(pinned));
  return parseBase64(earlier.bundle.keytransConfiguration);
}
