import { monitoringBinaryLadder } from '../../core/keytrans/binary-ladder.ts';
import type { ContactMonitorRequest, ContactMonitorResponse } from '../../core/keytrans/contact-monitor-messages.ts';
import { assertContactMonitorRequest, planContactMonitor } from '../../core/keytrans/plan-contact-monitor.ts';
import { verifyContactMonitor } from '../../core/keytrans/verify-contact-monitor.ts';
import { askLabel } from './asked-label.ts';
import { askLog } from './asked-log.ts';
import type { ProverParts } from './prover-parts.ts';
import { readVersionKeys } from './version-keys.ts';

/**
 * Answers an untrusted ContactMonitorRequest (KT §13.2). Throws `invalid-request`, `too-far-behind`, and
 * `version-expired` if it concerns log entries past the maximum lifetime.
 */
export async function answerContactMonitor(
  parts: ProverParts,
  request: ContactMonitorRequest,
): Promise<ContactMonitorResponse> {
  const { context, proofs, verifier } = parts;
  const log = await askLog(parts, request.last);
  const asked = await askLabel(parts, request.label, log.size);
  const { positions: versionPositions } = asked;
  const { configuration: config } = context;
  const { entries } = request;
  assertContactMonitorRequest({ size: log.size, versionPositions, request });
  const plan = await proofs.plan((source) => planContactMonitor({ ...log, config, entries, versionPositions, source }));
  const ladder = new Set(entries.flatMap(({ version }) => monitoringBinaryLadder(version)));
  const keys = await readVersionKeys(parts, asked, ladder);
  const answer = { fullTreeHead: log.fullTreeHead, monitor: await proofs.prove(plan, keys, log) };
  await verifier.sample(log, (client) => {
    // A client that has seen no tree has nothing to monitor, and cannot verify the answer.
    if (client.view !== undefined) verifyContactMonitor(client, request, answer, keys.known(ladder));
  });
  return answer;
}
