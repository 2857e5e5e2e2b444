import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { LogService } from '../../src/service/log-service.ts';
import { openLog } from '../../src/service/log/open-log.ts';
import { readTrail } from '../../src/service/admin/read-trail.ts';
import { openStore } from '../../src/store/open-store.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { createTestServer } from '../support/test-server.ts';

/** The newest of Debian's PostgreSQL tools: older ones refuse to dump a newer server. */
function tool(name: string): string {
  try {
    const [newest] = readdirSync('/usr/lib/postgresql').toSorted((a, b) => Number(b) - Number(a));
    return `/usr/lib/postgresql/${newest}/bin/${name}`;
  } catch {
    return name;
  }
}

it.skipIf(spawnSync(tool('pg_dump'), ['--version']).status !== 0)(
  'a log goes on where it was from a dump of its database',
  async () => {
    const [source, target] = [await createTestDatabase(), await createTestDatabase()];
    const server = await createTestServer({ target: source });
    const state = new MemoryState();
    const client = await server.client(state);
    await client.register('alice@example.com', { token: server.log.token, key: await generateKey() });
    const before = await server.log.service.health();
    const { options } = server.log;
    await server.log.service.stop();
    const dump = execFileSync(tool('pg_dump'), ['--no-owner', '--dbname', source], { maxBuffer: 2 ** 28 });
    await server.close();

    const psql = ['--quiet', '--set', 'ON_ERROR_STOP=1', '--dbname', target];
    const clean = 'drop schema public cascade; drop schema drizzle cascade; create schema public';
    execFileSync(tool('psql'), [...psql, '--command', clean], { stdio: 'pipe' });
    execFileSync(tool('psql'), [...psql, '--single-transaction'], { input: dump, stdio: 'pipe' });

    const store = await openStore(target, { now: server.log.clock.now });
    const context = await openLog({ ...options, store });
    const service = new LogService(context);
    await service.start();
    try {
      expect((await service.health()).size).toBe(before.size);
      const erased = await service.erase({ identity: 'alice@example.com', who: 'admin:eve' });
      expect(erased.position).toBe(before.size);
      expect(service.sequencer.failure).toBeUndefined();
      const acts = [];
      for await (const { act } of readTrail(context)) acts.push(act);
      expect(acts).toEqual(['token-created', 'certificate-issued', 'certificates-revoked', 'identity-erased']);
    } finally {
      await service.stop();
      await store.close();
    }
  },
);
