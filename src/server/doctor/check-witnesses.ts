import { disjointQuorums } from '../../core/audit/disjoint-quorums.ts';
import { isQuorum, parsePolicy } from '../../core/audit/policy.ts';
import { NO_QUORUM, type PolicyWitness } from '../../core/audit/policy-parts.ts';
import { failing, fine, type Finding, reasonOf, warning } from './finding.ts';
import { judgeClock } from './judge-clock.ts';
import { probe, type ProbeTools } from './probe.ts';

/** Checks the witness policy: its quorums overlap, enough witnesses can be reached, and their clocks are ours. */
export async function checkWitnesses(policyText: string, tools: ProbeTools): Promise<readonly Finding[]> {
  const policy = parsePolicy(policyText);
  if (policy.quorum === NO_QUORUM)
    return [
      warning('quorum', 'no witnesses: only this log remembers what it showed', 'see docs: Let witnesses cosign'),
    ];
  const disjoint = disjointQuorums(policy);
  const probed = await Promise.all(policy.witnesses.map((witness) => reach(witness, tools)));
  const reached = new Set(probed.flatMap(({ name, isReached }) => (isReached ? [name] : [])));
  const missing = probed.flatMap(({ name, isReached, detail }) => (isReached ? [] : [`${name}: ${detail}`]));
  return [
    disjoint === undefined
      ? fine('quorum', 'any two quorums share a witness')
      : warning(
          'quorum',
          `(${disjoint[0].join(', ')}) and (${disjoint[1].join(', ')}) share no witness`,
          'raise a threshold: glasskey admin witness-policy',
        ),
    judgeReached(missing, isQuorum(policy, reached)),
    ...probed.flatMap(({ name, aheadMs }) =>
      aheadMs === undefined ? [] : [judgeClock(`clock of witness ${name}`, aheadMs)],
    ),
  ];
}

function judgeReached(missing: readonly string[], isEnough: boolean): Finding {
  const check = 'witnesses';
  if (missing.length === 0) return fine(check, 'all can be reached');
  const next = 'ask their operators; look at the way there (DNS, firewall, TLS)';
  const detail = `out of reach: ${missing.join('; ')}`;
  return isEnough ? warning(check, detail, next) : failing(check, `${detail}. Nothing can be released`, next);
}

interface ProbedWitness {
  readonly name: string;
  readonly isReached: boolean;
  readonly detail: string;
  readonly aheadMs: number | undefined;
}

/** Asks a witness for anything: any answer shows that it is there. */
async function reach({ name, url }: PolicyWitness, tools: ProbeTools): Promise<ProbedWitness> {
  if (url === undefined) return { name, isReached: false, detail: 'has no URL', aheadMs: undefined };
  try {
    const { aheadMs } = await probe(tools, url);
    return { name, isReached: true, detail: '', aheadMs };
  } catch (error) {
    return { name, isReached: false, detail: reasonOf(error), aheadMs: undefined };
  }
}

/** Checks the third-party auditor that serves its heads at `url`. */
export async function checkAuditor(url: string, tools: ProbeTools): Promise<readonly Finding[]> {
  try {
    const { status, aheadMs } = await probe(tools, url);
    const found =
      status === 200
        ? fine('auditor', 'serves a head')
        : failing('auditor', `answers ${status}`, 'ask the auditor: without its head, clients get not-audited');
    return [found, ...(aheadMs === undefined ? [] : [judgeClock('clock of the auditor', aheadMs)])];
  } catch (error) {
    return [failing('auditor', reasonOf(error), 'look at the way there (DNS, firewall, TLS)')];
  }
}
