import { expect, it } from 'vitest';
import { nobleVrfProver } from '../../../src/core/crypto/vrf-ed25519.ts';
import type { VrfProver } from '../../../src/core/crypto/vrf-prover.ts';
import { LabelVrf } from '../../../src/service/log/label-vrf.ts';

const LABEL = new TextEncoder().encode('mailto:alice@example.com');

/** A prover that counts evaluations, and the VRF over it. */
function countingVrf() {
  const noble = nobleVrfProver(new Uint8Array(32).fill(7));
  const counted = { evaluations: 0 };
  const prove: VrfProver['prove'] = async (inputs) => {
    counted.evaluations += inputs.length;
    return noble.prove(inputs);
  };
  return { counted, vrf: new LabelVrf({ ...noble, prove }, 100) };
}

it('evaluates each version once, also for askers that come meanwhile, and gives results in the order asked for', async () => {
  const { counted, vrf } = countingVrf();
  const expected = await countingVrf().vrf.evaluate(LABEL, [0, 1, 2]);
  const at = (versions: readonly number[]) => versions.map((version) => expected[version]);
  const asked = [[1, 1, 0], [0, 2, 1], [2]];
  const results = await Promise.all(asked.map((versions) => vrf.evaluate(LABEL, versions)));
  expect(results).toEqual(asked.map(at));
  expect(await vrf.evaluate(LABEL, [2, 0])).toEqual(at([2, 0]));
  expect(counted.evaluations).toBe(3);
});

it('shares no evaluation that its asker can call off', async () => {
  const { counted, vrf } = countingVrf();
  const controller = new AbortController();
  const first = vrf.evaluate(LABEL, [0], controller.signal);
  expect(await vrf.evaluate(LABEL, [0])).toEqual(await first);
  expect(counted.evaluations).toBe(2);
  controller.abort();
  await expect(vrf.evaluate(LABEL, [1], controller.signal)).rejects.toMatchObject({ code: 'invalid-request' });
});

it('evaluates again what has failed', async () => {
  const noble = nobleVrfProver(new Uint8Array(32).fill(7));
  let failures = 1;
  const prove: VrfProver['prove'] = async (inputs) => {
    if (failures-- > 0) throw new Error('no thread');
    return noble.prove(inputs);
  };
  const vrf = new LabelVrf({ ...noble, prove }, 100);
  await expect(vrf.evaluate(LABEL, [0])).rejects.toThrow('no thread');
  expect(await vrf.evaluate(LABEL, [0])).toHaveLength(1);
});

it('knows what it was taught of a label, and what it has evaluated', async () => {
  const { counted, vrf } = countingVrf();
  expect(vrf.knownLabelKey(LABEL)).toBeUndefined();
  const [result] = await countingVrf().vrf.evaluate(LABEL, [1]);
  vrf.learn(LABEL, new Uint8Array(32).fill(1), new Map([[1, result!]]));
  expect(await vrf.labelKey(LABEL)).toEqual(new Uint8Array(32).fill(1));
  expect(await vrf.evaluate(LABEL, [1])).toEqual([result]);
  expect([vrf.knows(LABEL, [1]), vrf.knows(LABEL, [1, 2]), vrf.knows(LABEL, [])]).toEqual([true, false, true]);
  expect(counted.evaluations).toBe(0);
  const other = LABEL.slice(1);
  const labelKey = await vrf.labelKey(other);
  expect(vrf.knownLabelKey(other)).toEqual(labelKey);
});
