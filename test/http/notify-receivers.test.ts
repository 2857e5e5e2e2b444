import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { notifyWorld, type NotifyWorld } from '../support/notify-world.ts';
import { identityOf } from '../support/owner.ts';
import { until } from '../support/until.ts';

const NAME = 'slow@example.com';
const MAIL = 'slow@example.net';

let world: NotifyWorld;
/** Webhooks that wait for an answer. */
const hanging: ServerResponse[] = [];
beforeAll(async () => {
  world = await notifyWorld({ limits: { maxClockAheadMs: Infinity } });
});
afterAll(() => world.close());

it('a webhook that hangs delays no mail and no round, and is not asked again meanwhile', async () => {
  const { notifications } = world.server.log.service;
  const { egress } = world.settings;
  notifications.reconfigure({ ...world.settings, egress: { ...egress, timeoutMs: 120_000 } });
  const { directory, key } = await world.owner(NAME);
  await directory.notices(NAME, key, { add: world.hook('/slow') });
  await world.addMail(NAME, MAIL, key);
  await world.tend();
  world.receiver.answer = (response) => void hanging.push(response);
  const asked = (): number => world.receiver.received.filter(({ path }) => path === '/slow').length;
  const before = asked();

  const next = await generateKey();
  await directory.rotate(NAME, key, next);
  const first = world.tend();
  await until(() => world.mailsTo(MAIL, 'Version 1').length === 1);
  await until(() => hanging.length === 1);

  // The time at which the webhook would be asked again is over, and it hangs still.
  world.server.log.clock.advance(3_600_000);
  // The log shows by an entry that it has not stood still.
  await vi.waitFor(() => directory.lookup(NAME), 20_000);
  await directory.rotate(NAME, next, await generateKey());
  const second = world.tend();
  await until(() => world.mailsTo(MAIL, 'Version 2').length === 1);
  expect([asked() - before, hanging[0]?.destroyed]).toEqual([1, false]);

  world.receiver.answer = (response) => void response.end('ok');
  hanging[0]?.end('ok');
  await Promise.all([first, second]);
  await world.tend();
  await until(() => asked() - before === 2);
  const [, last] = world.receiver.received.filter(({ path }) => path === '/slow').slice(-2);
  expect(last?.body.toString()).toContain('"version');
});

it('a channel that the operator switched off loses no notice', async () => {
  const { notifications } = world.server.log.service;
  const [name, address] = ['off@example.com', 'off@example.net'];
  const { directory, key } = await world.owner(name);
  await world.addMail(name, address, key);
  notifications.reconfigure({ ...world.settings, mail: undefined });
  await directory.rotate(name, key, await generateKey());
  for (let i = 0; i < 3; i++) await world.tend();
  notifications.reconfigure(world.settings);
  await world.tend();
  expect(world.mailsTo(address, 'Version 1')).toEqual([]);
  world.server.log.clock.advance(3_600_001);
  await world.tend();
  expect(world.mailsTo(address, 'Version 1')).toHaveLength(1);
});

it('the address of an erased name goes at once if its channel is off', async () => {
  const { context, service } = world.server.log;
  const name = 'erased@example.com';
  const { key } = await world.owner(name);
  await world.addMail(name, 'erased@example.net', key);
  service.notifications.reconfigure({ ...world.settings, mail: undefined });
  await service.erase({ identity: name, who: 'admin:test' });
  for (let i = 0; i < 2; i++) await world.tend();
  const labelKey = await context.vrf.labelKey(identityOf(name).label);
  expect(await context.store.readNotifyBook(labelKey)).toBeUndefined();
  service.notifications.reconfigure(world.settings);
});
