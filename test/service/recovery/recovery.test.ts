import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encode } from '../../../src/core/encoding/codec.ts';
import type { Authorization } from '../../../src/identity/authorization.ts';
import { evidenceCodec } from '../../../src/identity/evidence.ts';
import type { IdentityRecord } from '../../../src/identity/identity-record.ts';
import { readLabelState } from '../../../src/service/log/label-state.ts';
import { claimIntent } from '../../../src/service/issuance/make-version.ts';
import { leafRequest, lint, sign } from '../../../src/service/issuance/sign.ts';
import { submit } from '../../../src/service/issuance/submit.ts';
import { leafValidity } from '../../../src/ca/profile.ts';
import { csrFor, type DeviceKey, identityOf, newDeviceKey } from '../../support/owner.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';
import { profileOf } from '../../../src/service/log/profile-table.ts';

const DELAY_MS = 7 * 86_400_000;

let log: TestLog;
beforeAll(async () => {
  log = await createTestLog({ limits: { maxClockAheadMs: 400 * 86_400_000 } });
});
afterAll(() => log.close());

async function pass(ms: number): Promise<void> {
  const { size } = await log.context.store.readHead();
  log.clock.advance(ms);
  await log.service.progress.waitForRelease(size + 1, 30_000);
}

/** An identity with a recovery that waits. */
async function pending(text: string): Promise<{ key: DeviceKey; csr: Uint8Array; position: number }> {
  const { service, token } = log;
  const common = { identity: text, token, last: undefined };
  await service.issue({ ...common, csr: await csrFor(await newDeviceKey(), text), change: undefined });
  const key = await newDeviceKey();
  const csr = await csrFor(key, text);
  const outcome = await service.recover({ ...common, csr });
  if (outcome.state !== 'pending') throw new Error(outcome.state);
  return { key, csr, position: outcome.position };
}

/** Queues the next version of an identity for `key`, as a program that was broken into would: what the sequencer makes of it. */
async function queue(text: string, csr: Uint8Array, authorization: Authorization): Promise<string> {
  const { context, service } = log;
  const identity = identityOf(text);
  const labelKey = await context.vrf.labelKey(identity.label);
  const state = (await readLabelState(context, labelKey))!;
  const version = state.version + 1;
  const requestHash = new Uint8Array(32).fill(version);
  await claimIntent(context, { labelKey, version, requestHash });
  const settings = context.reloadable.at(context.now());
  const validity = leafValidity(profileOf(settings.profiles, identity), context.keys.issuer.certificate, context.now());
  const request = await leafRequest(context, settings, await context.parseCsr(csr), identity, validity);
  const { der } = lint(context, settings, await sign(context, settings, request), request);
  const record: IdentityRecord = {
    previousCommitment: state.commitment,
    certificates: [der],
    pending: undefined,
    authorization,
  };
  const claim = { label: identity.label, labelKey, version, requestHash };
  const act = { act: 'recovery-effective', who: 'service' } as const;
  const id = await submit(context, claim, { record, certificate: undefined, act });
  const outcome = await service.progress.waitForOutcome(id, 30_000);
  return outcome.state === 'sequenced' ? 'sequenced' : outcome.code;
}

describe('the sequencer', () => {
  const effective = (firstPosition: number, lastPosition: number): Authorization => {
    return { type: 'recovery', phase: 'effective', pendingVersion: 1, firstPosition, lastPosition };
  };

  it('takes no recovery that did not wait, or whose wait is not in the log', async () => {
    const text = 'early@example.com';
    const { csr, position } = await pending(text);
    await pass(DELAY_MS - 1);
    const last = (await log.context.store.readHead()).size - 1;
    expect(await queue(text, csr, effective(position, last))).toBe('change-rejected');
    expect(await queue(text, csr, effective(position - 1, last))).toBe('change-rejected');
    expect(await queue(text, csr, effective(position, last + 1))).toBe('change-rejected');
    await pass(120_000);
    expect(await queue(text, csr, effective(position, last + 9))).toBe('change-rejected');
    expect(await queue(text, csr, effective(position, (await log.context.store.readHead()).size - 1))).toBe(
      'sequenced',
    );
  });

  it('takes no word of the operator that was not given for this key', async () => {
    const text = 'granted@example.com';
    const { csr } = await pending(text);
    const { store, vrf, trail } = log.context;
    const labelKey = await vrf.labelKey(identityOf(text).label);
    const operator: Authorization = { type: 'operator', reason: 'because' };
    expect(await queue(text, csr, operator)).toBe('change-rejected');
    const claim = (await store.findRecovery(labelKey))!;
    await store.dropRecovery(claim);
    const other = await csrFor(await newDeviceKey(), text);
    const evidence = encode(evidenceCodec, { type: 'application' });
    await store.addRecovery({ ...claim, evidence, state: 'undecided' });
    expect(await queue(text, csr, operator)).toBe('change-rejected');
    const act = { act: 'recovery-granted', who: 'admin:test' } as const;
    const { version, commitment } = (await readLabelState(log.context, labelKey))!;
    const undecided = (await store.findRecovery(labelKey))!;
    const grant = { reason: 'why', version, commitment };
    await trail.record([act], (record) => store.grantRecovery(undecided, grant, record));
    expect(await queue(text, other, operator)).toBe('change-rejected');
    expect(await queue(text, csr, operator)).toBe('sequenced');
  });
});

it('a claim whose version was never logged is forgotten, and stands in nobody’s way', async () => {
  const text = 'crashed@example.com';
  const { service, context, token } = log;
  await service.issue({
    identity: text,
    token,
    last: undefined,
    csr: await csrFor(await newDeviceKey(), text),
    change: undefined,
  });
  const csr = await csrFor(await newDeviceKey(), text);
  const { spkiSha256 } = await context.parseCsr(csr);
  const labelKey = await context.vrf.labelKey(identityOf(text).label);
  const evidence = encode(evidenceCodec, { type: 'application' });
  const requestedMs = context.now();
  await context.store.addRecovery({
    labelKey,
    identity: text,
    csr,
    spkiSha256,
    evidence,
    state: 'waiting',
    requestedMs,
  });
  await service.recoveries.tend();
  expect(await context.store.findRecovery(labelKey)).toBeDefined();
  await pass(2 * context.limits.intentTimeoutMs + 1);
  await service.recoveries.tend();
  expect(await context.store.findRecovery(labelKey)).toBeUndefined();
  const other = await csrFor(await newDeviceKey(), text);
  const asked = await Promise.all(
    [1, 2, 3].map(() => service.recover({ identity: text, token, last: undefined, csr: other })),
  );
  expect(asked.map((one) => one.state === 'pending' && one.version)).toEqual([1, 1, 1]);
});
