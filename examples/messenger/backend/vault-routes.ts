import { createHash } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { getCookie } from 'hono/cookie';
import { z } from 'zod';
import type { VaultServer } from '../../vault/vault.mjs';
import { identityOf, LIMITS } from '../shared/protocol.ts';
import { readBody } from './bodies.ts';
import { allow, Refusal } from './refusal.ts';
import { type Guarded, SESSION_COOKIE, sessionGuard } from './session-guard.ts';
import type { Sessions } from './sessions.ts';

const text = z.string().min(1).max(16_384);
const message = z.strictObject({ request: text, proof: text.optional() });
const finish = z.strictObject({ run: text, message: text, proof: text.optional() });

const bytesOf = (base64 = ''): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/** Refusals of the vault and of the key directory that users may read, with their status. */
const STATUS = {
  'rate-limited': 429,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  'version-conflict': 409,
} as const;

/**
 * Routes of the vault, below `/api/vault`. The account is always that of the session: a stranger who has no password of
 * the messenger cannot even guess. Each session has a budget of guesses of its own.
 */
export function vaultRoutes(vault: VaultServer, sessions: Sessions): Hono<Guarded> {
  const app = new Hono<Guarded>();
  app.use(sessionGuard(sessions));
  app.onError((error) => {
    const { code } = error as { readonly code?: string };
    if (error instanceof Refusal || code === undefined || !(code in STATUS)) throw error;
    throw new Refusal(STATUS[code as keyof typeof STATUS], code, `The vault refuses: ${error.message}.`);
  });
  const account = (c: Context<Guarded>): string => identityOf(c.get('account'));
  const sessionId = (c: Context<Guarded>): string =>
    createHash('sha256')
      .update(getCookie(c, SESSION_COOKIE) ?? '')
      .digest('hex');

  app.get('/statement', async (c) => c.body(new Uint8Array(await vault.statement())));
  app.post('/registration/start', async (c) => {
    const { request, proof } = await readBody(c, message);
    return c.json(await vault.startRegistration(account(c), request, bytesOf(proof)));
  });
  app.post('/registration/finish', async (c) => {
    const { run, message: record, proof } = await readBody(c, finish);
    await vault.finishRegistration(account(c), run, record, bytesOf(proof));
    return c.json({});
  });
  app.post('/login/start', async (c) => {
    const { request, proof } = await readBody(c, message);
    const by = { proof: proof === undefined ? undefined : bytesOf(proof), session: sessionId(c) };
    return c.json(await vault.startLogin(account(c), request, by));
  });
  app.post('/login/finish', async (c) => {
    const { run, message: last } = await readBody(c, finish);
    return c.body(new Uint8Array(await vault.finishLogin(account(c), run, last)));
  });
  app.post('/store', async (c) => {
    const proof = c.req.header('x-proof') ?? '';
    const backup = new Uint8Array(await c.req.arrayBuffer());
    allow(backup.length <= LIMITS.backupBytes, 413, 'too-large', 'The backup is too large.');
    await vault.storeBackup(account(c), backup, bytesOf(proof));
    return c.json({});
  });
  return app;
}
