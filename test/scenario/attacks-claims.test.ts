import { afterAll, beforeAll, describe, expect } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { appendByKey, appendByOperator, appendRecovery } from '../support/appended-records.ts';
import { LyingOperator } from '../support/lying-operator.ts';
import { BY_OPERATOR, register, warning } from '../support/victims.ts';
import { attack } from './attack.ts';

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start();
});
afterAll(() => operator.stop());

/** Registers an identity and appends a version with a stranger's key, which claims to be signed by the owner's. */
async function claimOwner(identity: string): Promise<void> {
  await register(operator, identity);
  const mallory = await generateKey();
  await appendByKey(operator, identity, mallory, mallory);
}

/** The types of the alerts that a client gets which looks an identity up for the first time. */
async function firstSight(identity: string): Promise<readonly string[]> {
  const found = await (await operator.client()).lookup(identity);
  if (!found.found) throw new Error('not found');
  const { change, alerts } = found.binding;
  expect(change.firstLook?.unjudged).toBeUndefined();
  return alerts.map(({ type }) => type);
}

describe('what a version says of itself', () => {
  attack('claim-at-first-sight', async () => {
    await claimOwner('claimed@example.com');
    return warning(await operator.client(), 'claimed@example.com');
  });

  attack('operator-before-first-sight', async () => {
    const identity = 'before@example.com';
    await register(operator, identity);
    const [mallory, next] = [await generateKey(), await generateKey()];
    const certificates = [await operator.certify(identity, mallory.spki)];
    await operator.appendRecord(identity, { certificates, authorization: BY_OPERATOR });
    await appendByKey(operator, identity, next, mallory);
    return firstSight(identity);
  });

  attack('recovery-before-first-sight', async () => {
    await register(operator, 'recovered@example.com');
    await appendRecovery(operator, 'recovered@example.com');
    return firstSight('recovered@example.com');
  });

  attack('claim-of-one-version', async () => {
    const identity = 'one@example.com';
    await claimOwner(identity);
    await appendByOperator(operator, identity);
    const found = await (await operator.client()).lookupVersion(identity, 1);
    expect(found.link).toBeUndefined();
    return found.change.type;
  });

  attack('claim-in-a-history', async () => {
    const identity = 'history@example.com';
    await claimOwner(identity);
    await appendByOperator(operator, identity);
    const { versions } = await (await operator.client()).history(identity);
    expect(versions.map(({ link }) => link)).toEqual(['initial', undefined, 'operator']);
    return versions.flatMap(({ link, fault }) => (link === undefined ? (fault?.code ?? 'nothing') : []));
  });
});
