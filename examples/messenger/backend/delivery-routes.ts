import { type Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { BODIES, readBody } from './bodies.ts';
import type { Devices } from './devices.ts';
import type { Groups, Sender } from './groups.ts';
import type { Inboxes } from './inboxes.ts';
import type { KeyPackages } from './key-packages.ts';
import { allow } from './refusal.ts';
import { type Guarded, sessionGuard } from './session-guard.ts';
import type { Sessions } from './sessions.ts';
import { TokenBuckets } from './token-buckets.ts';

/** Parts that the routes for messages use. */
export interface DeliveryParts {
  readonly sessions: Sessions;
  readonly devices: Devices;
  readonly inboxes: Inboxes;
  readonly groups: Groups;
  readonly keyPackages: KeyPackages;
}

/** Pause between signs of life on a stream, ms. */
const HEARTBEAT_MS = 15_000;

/** Routes below `/api`: KeyPackages, groups, and the inbox of each device. */
export function deliveryRoutes({ sessions, devices, inboxes, groups, keyPackages }: DeliveryParts): Hono<Guarded> {
  const app = new Hono<Guarded>();
  const sending = new TokenBuckets({ burst: 300, perMinute: 600 });
  app.use(sessionGuard(sessions));

  const senderOf = (c: Context<Guarded>, device: string): Sender => {
    const account = c.get('account');
    devices.assertOwn(account, device);
    allow(sending.take(account), 429, 'too-many', 'You send too much. Wait a minute.');
    return { account, device };
  };

  app.post('/key-packages', async (c) => {
    const { device, replaces, ...upload } = await readBody(c, BODIES.keyPackages);
    senderOf(c, device);
    if (replaces) keyPackages.clear(device);
    return c.json({ left: keyPackages.add(device, upload) });
  });
  app.post('/key-packages/take', async (c) => {
    const { device } = await readBody(c, BODIES.take);
    return c.json({ keyPackage: keyPackages.take(device, c.get('account')) });
  });
  app.get('/key-packages/:device', (c) => {
    devices.assertOwn(c.get('account'), c.req.param('device'));
    return c.json({ left: keyPackages.left(c.req.param('device')) });
  });

  app.post('/groups', async (c) => {
    const { group, device } = await readBody(c, BODIES.group);
    groups.create(group, senderOf(c, device));
    return c.json({}, 201);
  });
  app.post('/groups/:id/commits', async (c) => {
    const order = await readBody(c, BODIES.commit);
    groups.commit(c.req.param('id'), senderOf(c, order.device), order);
    return c.json({});
  });
  app.post('/groups/:id/messages', async (c) => {
    const { device, body } = await readBody(c, BODIES.message);
    groups.message(c.req.param('id'), senderOf(c, device), body);
    return c.json({});
  });
  app.post('/direct', async (c) => {
    const { device, to, kind, body } = await readBody(c, BODIES.direct);
    const { account } = senderOf(c, device);
    const receiver = devices.accountOf(to);
    allow(receiver !== undefined, 404, 'no-such-device', 'This device has no inbox.');
    allow(kind === 'call' || receiver === account, 403, 'not-your-device', 'This is not a device of your account.');
    inboxes.assertRoom([to]);
    inboxes.put(to, { kind, from: account, device, body });
    return c.json({});
  });

  app.get('/inbox/:device', (c) => {
    const device = c.req.param('device');
    devices.assertOwn(c.get('account'), device);
    return streamSSE(c, async (stream) => {
      let position = Number(c.req.query('after') ?? 0) || 0;
      while (!stream.aborted && !stream.closed) {
        for (const event of inboxes.after(device, position)) {
          await stream.writeSSE({ data: JSON.stringify(event) });
          ({ position } = event);
        }
        await inboxes.waitFor(device, position, HEARTBEAT_MS);
        await stream.write(': \n\n');
      }
    });
  });
  app.post('/inbox/acknowledge', async (c) => {
    const { device, position } = await readBody(c, BODIES.acknowledge);
    devices.assertOwn(c.get('account'), device);
    inboxes.acknowledge(device, position);
    return c.json({});
  });
  return app;
}
