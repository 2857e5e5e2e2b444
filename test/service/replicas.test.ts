import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LogService } from '../../src/service/log-service.ts';
import { openLog } from '../../src/service/log/open-log.ts';
import { checkInvariants } from '../support/invariants.ts';
import { csrFor, identityOf, newDeviceKey } from '../support/owner.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { createTestLog, type TestLog } from '../support/test-log.ts';

let log: TestLog;
let replica: LogService;
beforeAll(async () => {
  log = await createTestLog({ target: await createTestDatabase() });
  replica = new LogService(await openLog(log.options), { sequence: false });
  await replica.start();
});
afterAll(async () => {
  await replica.stop();
  await log.close();
});

async function order(identity: string) {
  const csr = await csrFor(await newDeviceKey(), identity);
  return { identity, csr, token: log.token, change: undefined, last: undefined };
}

const signed = (): number => log.events.filter(({ type }) => type === 'signed').length;

describe('two processes on one PostgreSQL', () => {
  it('serve registrations through either, while one of them writes', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `user${i}@example.com`);
    const issued = await Promise.all(
      names.map(async (name, i) => (i % 2 === 0 ? replica : log.service).issue(await order(name))),
    );
    expect(issued.every(({ version }) => version === 0)).toBe(true);
    await checkInvariants(
      log.context,
      names.map((name) => identityOf(name).label),
    );
  });

  it('sign one certificate for one name, whatever is asked where', async () => {
    const before = signed();
    const orders = await Promise.all(Array.from({ length: 60 }, () => order('contested@example.com')));
    const results = await Promise.allSettled(orders.map((one, i) => (i % 2 === 0 ? replica : log.service).issue(one)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(signed() - before).toBe(1);
  });

  it('give the same answer to the same request', async () => {
    const before = signed();
    const asked = await order('same@example.com');
    const answers = await Promise.all([replica, log.service, replica].map((service) => service.issue(asked)));
    expect(new Set(answers.map(({ serial }) => serial)).size).toBe(1);
    expect(signed() - before).toBe(1);
  });

  it('hand the log over', async () => {
    await log.service.sequencer.stop();
    const successor = new LogService(await openLog(log.options));
    await successor.start();
    await replica.issue(await order('later@example.com'));
    expect(successor.sequencer.isWriter).toBe(true);
    await successor.stop();
  });
});
