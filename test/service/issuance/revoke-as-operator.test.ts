import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import { readTrail } from '../../../src/service/admin/read-trail.ts';
import { readLabelState } from '../../../src/service/log/label-state.ts';
import { csrFor, type DeviceKey, identityOf, newDeviceKey } from '../../support/owner.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

let log: TestLog;
beforeAll(async () => {
  log = await createTestLog();
});
afterAll(() => log.close());

const ORDER = { reason: 1, why: 'the phone was stolen', who: 'admin:eve' } as const;

async function register(identity: string): Promise<{ serial: string; key: DeviceKey }> {
  const key = await newDeviceKey();
  const order = { identity, csr: await csrFor(key, identity), token: log.token, change: undefined, last: undefined };
  return { serial: (await log.service.issue(order)).serial, key };
}

async function stateOf(identity: string) {
  const labelKey = await log.context.vrf.labelKey(identityOf(identity).label);
  return { ...(await readLabelState(log.context, labelKey))!, labelKey };
}

describe("an administrator's revocation", () => {
  it('is a version by the operator, with its reason on the CRL and in the trail', async () => {
    const identity = 'alice@example.com';
    const { serial } = await register(identity);
    const order = { ...ORDER, identity, which: { serials: [serial] } };
    const revoked = await log.service.revokeAsOperator(order);
    expect(revoked).toMatchObject({ identity, version: 1, revoked: [serial] });
    expect((await stateOf(identity)).record).toMatchObject({
      certificates: [],
      authorization: { type: 'operator', reason: 'the phone was stolen' },
    });
    const listed = await log.context.store.listRevoked(log.clock.nowMs);
    expect(listed).toContainEqual(expect.objectContaining({ serial, reason: 1 }));
    let last: unknown;
    for await (const act of readTrail(log.context)) last = act;
    expect(last).toMatchObject({
      act: 'certificates-revoked',
      who: 'admin:eve',
      removed: [serial],
      reason: 1,
      why: 'the phone was stolen',
    });
    // The same command again finds that it is done.
    expect(await log.service.revokeAsOperator(order)).toMatchObject({ version: 1, revoked: [] });
  });

  it('is by key, or of everything, and says what it cannot find', async () => {
    const identity = 'bob@example.com';
    const { serial, key } = await register(identity);
    const common = { ...ORDER, identity };
    const keySha256 = formatHex(key.spkiSha256);
    for (const [which, code] of [
      [{ keySha256: 'ab'.repeat(32) }, 'no-such-certificate'],
      [{ serials: ['00ff'] }, 'no-such-certificate'],
      [{ serials: ['nonsense'] }, 'invalid-request'],
    ] as const) {
      await expect(log.service.revokeAsOperator({ ...common, which })).rejects.toMatchObject({ code });
    }
    for (const bad of [{ why: '' }, { why: 'x'.repeat(256) }, { reason: 8 }]) {
      const refused = log.service.revokeAsOperator({ ...common, which: 'all', ...bad });
      await expect(refused).rejects.toMatchObject({ code: 'invalid-request' });
    }
    const nobody = log.service.revokeAsOperator({ ...common, identity: 'nobody@example.com', which: 'all' });
    await expect(nobody).rejects.toMatchObject({ code: 'identity-not-found' });
    const byKey = await log.service.revokeAsOperator({ ...common, which: { keySha256 } });
    expect(byKey).toMatchObject({ version: 1, revoked: [serial] });
    expect(await log.service.revokeAsOperator({ ...common, which: 'all' })).toMatchObject({ version: 1, revoked: [] });
  });

  it('cancels a pending recovery only if that is asked for', async () => {
    const identity = 'carol@example.com';
    const { serial } = await register(identity);
    const csr = await csrFor(await newDeviceKey(), identity);
    await log.service.recover({ identity, csr, token: log.token, last: undefined });
    const order = { ...ORDER, identity, which: 'all' } as const;
    await expect(log.service.revokeAsOperator(order)).rejects.toMatchObject({ code: 'recovery-pending' });
    expect((await stateOf(identity)).version).toBe(1);
    const revoked = await log.service.revokeAsOperator({ ...order, cancelsRecovery: true });
    expect(revoked).toMatchObject({ version: 2, revoked: [serial] });
    expect((await stateOf(identity)).record.pending).toBeUndefined();
    const labelKey = await log.context.vrf.labelKey(identityOf(identity).label);
    expect(await log.context.store.findRecovery(labelKey)).toBeUndefined();
  });

  it('does not use up a grant unsaid', async () => {
    const identity = 'dave@example.com';
    await register(identity);
    const { store, trail } = log.context;
    const { labelKey, version, commitment } = await stateOf(identity);
    // As after too many vetoes: the claim is there, and nothing is pending in the log.
    const other = 'erin@example.com';
    await register(other);
    const csr = await csrFor(await newDeviceKey(), other);
    await log.service.recover({ identity: other, csr, token: log.token, last: undefined });
    const claim = (await store.findRecovery((await stateOf(other)).labelKey))!;
    await store.addRecovery({ ...claim, identity, labelKey, state: 'undecided' });
    const undecided = (await store.findRecovery(labelKey))!;
    const grant = { reason: 'why', version, commitment };
    const act = { act: 'recovery-granted', who: 'admin:eve' } as const;
    await trail.record([act], (record) => store.grantRecovery(undecided, grant, record));
    const order = { ...ORDER, identity, which: 'all' } as const;
    await expect(log.service.revokeAsOperator(order)).rejects.toMatchObject({ code: 'recovery-pending' });
    await log.service.revokeAsOperator({ ...order, cancelsRecovery: true });
    expect(await store.findRecovery(labelKey)).toBeUndefined();
  });
});
