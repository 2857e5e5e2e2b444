import { monitoringBinaryLadder } from '../../core/keytrans/binary-ladder.ts';
import type { OwnerMonitorRequest, OwnerMonitorResponse } from '../../core/keytrans/owner-monitor-messages.ts';
import { planOwnerMonitor } from '../../core/keytrans/plan-owner.ts';
import { verifyOwnerMonitor } from '../../core/keytrans/verify-owner-monitor.ts';
import { askLabel } from './asked-label.ts';
import { askLog } from './asked-log.ts';
import type { ProverParts } from './prover-parts.ts';
import { ownerOf, readVersionKeys } from './version-keys.ts';

/**
 * Answers an untrusted OwnerMonitorRequest (KT §13.4). Throws `too-far-behind`, `invalid-request` for one that does not
 * fit the label's history, `version-expired` if it concerns log entries past the maximum lifetime.
 */
export async function answerOwnerMonitor(
  parts: ProverParts,
  request: OwnerMonitorRequest,
): Promise<OwnerMonitorResponse> {
  const { context, proofs, verifier } = parts;
  const log = await askLog(parts, request.last);
  const asked = await askLabel(parts, request.label, log.size);
  const { configuration: config } = context;
  const options = { ...log, config, versionPositions: asked.positions, request };
  const plan = await proofs.plan((source) => planOwnerMonitor({ ...options, source }));
  const { entries, start, greatestVersion } = request;
  const needed = new Set([
    ...plan.lookups.flatMap(({ versions }) => versions),
    ...entries.flatMap(({ version }) => monitoringBinaryLadder(version)),
  ]);
  const keys = await readVersionKeys(parts, asked, needed);
  const answer = { fullTreeHead: log.fullTreeHead, monitor: await proofs.prove(plan, keys, log) };
  await verifier.sample(log, (client) => {
    const owner = ownerOf(asked, { start, greatestVersion, entries, ladder: keys.known(needed) });
    verifyOwnerMonitor(client, answer, owner);
  });
  return answer;
}
