import { describe, expect } from 'vitest';
import { auditEvidenceOf } from '../../src/client/audit/audit-evidence.ts';
import { auditLog, type AuditOptions } from '../../src/client/audit/audit-log.ts';
import { formatEvidence, parseEvidence } from '../../src/client/evidence/evidence-text.ts';
import { verifyEvidence } from '../../src/client/evidence/verify-evidence.ts';
import type { TrustBundle } from '../../src/contract/trust-bundle.ts';
import { formatVkey } from '../../src/core/audit/vkey.ts';
import type { PrefixLeaf } from '../../src/core/keytrans/proofs.ts';
import { testCosigner } from '../core/audit/test-cosigner.ts';
import { cosign } from '../support/publishing.ts';
import { StaticLog, testLeaf } from '../support/static-log.ts';
import { failure } from '../support/victims.ts';
import { attack } from './attack.ts';

const NOW_MS = 1_800_000_000_000;

/** A log of files, with one leaf in each entry. */
async function staticLog(size: number, seed = 0): Promise<StaticLog> {
  const log = new StaticLog();
  for (let i = 0; i < size; i++) log.append([testLeaf(seed + i)], NOW_MS - 100_000 + i);
  await log.release();
  return log;
}

type Extra = Partial<Pick<AuditOptions, 'bundle' | 'held'>>;
const auditFailure = async (log: StaticLog, extra: Extra = {}): Promise<unknown> =>
  failure(auditLog({ baseUrl: 'http://log.test', bundle: log.bundle, fetch: log.fetch, now: () => NOW_MS, ...extra }));

/** The evidence file of an audit that fails. */
async function evidenceFile(log: StaticLog, extra?: Extra): Promise<string> {
  const proof = auditEvidenceOf(await auditFailure(log, extra))?.proof;
  if (proof === undefined) throw new Error('the finding is not provable');
  return formatEvidence(proof);
}

/** What somebody finds who has the file and the trust bundle, and no network. */
const verdict = (file: string, bundle: TrustBundle): string => verifyEvidence(parseEvidence(file), bundle).code;

describe('evidence that was found', () => {
  attack('finding-denied', async () => {
    const verdicts: string[] = [];
    const lies: Parameters<StaticLog['append']>[2][] = [
      { update: (update) => ({ ...update, removed: [testLeaf(3)] }) },
      {
        update: (update) => ({
          ...update,
          added: [{ ...(update.added[0] as PrefixLeaf), commitment: new Uint8Array(32) }],
        }),
      },
      { update: (update) => ({ ...update, added: [{ ...testLeaf(3), commitment: testLeaf(998).commitment }] }) },
      { entry: (entry) => entry.with(50, (entry[50] as number) ^ 1) },
    ];
    for (const lie of lies) {
      const log = await staticLog(10);
      log.append([testLeaf(999)], NOW_MS, lie);
      await log.release();
      verdicts.push(verdict(await evidenceFile(log), log.bundle));
    }
    const late = await staticLog(10);
    late.append([], NOW_MS - 2_000_000);
    await late.release();
    verdicts.push(verdict(await evidenceFile(late), late.bundle));
    const fork = await staticLog(40, 1000);
    verdicts.push(verdict(await evidenceFile(fork, { held: [(await staticLog(30)).checkpoint] }), fork.bundle));
    return verdicts;
  });

  attack('witness-equivocates', async () => {
    const witness = testCosigner('witness.example', 5);
    const [log, fork] = [await staticLog(30), await staticLog(40, 1000)];
    const bundle = { ...log.bundle, witnessPolicy: `witness w ${formatVkey(witness.vkey)}\nquorum w\n` };
    for (const one of [log, fork]) one.checkpoint = await cosign(one.checkpoint, witness, NOW_MS - 1000);
    const extra = { bundle, held: [log.checkpoint] };
    const proven = verifyEvidence(parseEvidence(await evidenceFile(fork, extra)), bundle);
    expect(proven.parties).toEqual([log.origin, 'witness.example']);
    return [await auditFailure(fork, extra), proven.code];
  });

  attack('evidence-forged', async () => {
    const honest = await staticLog(30);
    const forger = new StaticLog(honest.origin, 8);
    forger.append([testLeaf(1)], NOW_MS, { entry: (entry) => entry.with(50, (entry[50] as number) ^ 1) });
    await forger.release();
    const accuse = (file: string): Promise<unknown> =>
      failure(Promise.resolve().then(() => verdict(file, honest.bundle)));
    const made = await evidenceFile(forger);
    const { proof } = JSON.parse(made) as { proof: Record<string, unknown> };
    return [
      await accuse(made),
      await accuse(JSON.stringify({ proof: { ...proof, checkpoint: honest.checkpoint } })),
      await accuse(JSON.stringify({ proof: { ...proof, type: 'hearsay' } })),
      await accuse(JSON.stringify({ code: 'log-forked', message: 'believe me' })),
      await accuse(made.slice(0, -20)),
    ];
  });
});
