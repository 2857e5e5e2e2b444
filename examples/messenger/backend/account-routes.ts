import { Hono } from 'hono';
import { z } from 'zod';
import type { Accounts } from './accounts.ts';
import { BODIES, readBody } from './bodies.ts';
import type { Devices } from './devices.ts';
import { allow } from './refusal.ts';
import { beginSession, endSession, type Guarded, sessionGuard } from './session-guard.ts';
import type { Sessions } from './sessions.ts';
import { TokenBuckets } from './token-buckets.ts';
import type { Vouching } from './vouching.ts';

/** Parts that the routes about accounts use. */
export interface AccountParts {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly devices: Devices;
  readonly vouching: Vouching;
}

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/** Routes below `/api`: sign up, log in and out, a grant for a device, an inbox for a device. */
export function accountRoutes({ accounts, sessions, devices, vouching }: AccountParts): Hono<Guarded> {
  const app = new Hono<Guarded>();
  const guard = sessionGuard(sessions);
  // For each name, so that nobody tries all passwords of one, and for all, since a hash costs time and memory.
  const perName = new TokenBuckets({ burst: 10, perMinute: 5 });
  const forAll = new TokenBuckets({ burst: 50, perMinute: 120, maxKeys: 1 });
  const assertPatient = (name: string): void =>
    allow(perName.take(name) && forAll.take('all'), 429, 'too-many', 'Too many tries. Wait a minute.');

  app.post('/accounts', async (c) => {
    const { name, password } = await readBody(c, BODIES.credentials);
    assertPatient(name);
    await accounts.create(name, password);
    beginSession(c, sessions, name);
    return c.json({ account: name }, 201);
  });
  app.post('/session', async (c) => {
    const { name, password } = await readBody(c, BODIES.credentials);
    assertPatient(name);
    await accounts.assertPassword(name, password);
    beginSession(c, sessions, name);
    return c.json({ account: name });
  });
  app.get('/session', guard, (c) => c.json({ account: c.get('account') }));
  app.post('/logout', async (c) => {
    await readBody(c, z.strictObject({}));
    endSession(c, sessions);
    return c.json({});
  });
  // The name comes from the session, never from the request.
  app.post('/grants', guard, async (c) => {
    const { keyHash } = await readBody(c, BODIES.grant);
    return c.json({ grant: await vouching.grantFor(c.get('account'), keyHash) });
  });
  app.post('/devices', guard, async (c) => {
    const { spki, signature } = await readBody(c, BODIES.device);
    const proof = { spki: bytesOf(spki), signature: bytesOf(signature) };
    return c.json({ device: await devices.add(c.get('account'), proof) });
  });
  return app;
}
