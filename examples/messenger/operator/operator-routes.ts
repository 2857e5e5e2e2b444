import { Hono } from 'hono';
import { z } from 'zod';
import type { Accounts } from '../backend/accounts.ts';
import { readBody } from '../backend/bodies.ts';
import { allow } from '../backend/refusal.ts';
import { ACCOUNT_NAME } from '../shared/protocol.ts';
import type { EvilOperator } from './evil-operator.ts';

const ORDER = z.strictObject({
  lie: z.enum(['swap', 'silent-device', 'fork', 'none']),
  name: z.string().regex(ACCOUNT_NAME).optional(),
});

/** Routes of the operator's panel. Anybody on this machine may press its buttons. */
export function operatorRoutes(operator: EvilOperator, accounts: Accounts): Hono {
  const app = new Hono();
  app.get('/', (c) => c.json({ names: accounts.names(), lie: operator.lie ?? 'none', added: operator.added }));
  app.post('/', async (c) => {
    const { lie, name } = await readBody(c, ORDER);
    const names = accounts.names();
    const victim = name ?? '';
    allow(lie === 'none' || names.includes(victim), 404, 'no-such-user', 'There is no such user.');
    if (lie === 'swap') await operator.swap(victim);
    else if (lie === 'silent-device') await operator.addSilentDevice(victim);
    else if (lie === 'fork') await operator.fork(names);
    else await operator.repent();
    return c.json({ lie: operator.lie ?? 'none' });
  });
  return app;
}
