import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where `test/support/postgres.ts` asks for databases. */
    postgresBroker: string;
  }
}

/**
 * vitest's globalSetup: answers `POST /database` with the URL of a new, migrated database. The server and the template
 * are made when the first one is asked for, so that runs without PostgreSQL do not pay for it.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let provider: Promise<Provider> | undefined;
  const broker = createServer((_request, response) => {
    provider ??= createProvider();
    provider
      .then((made) => made.create())
      .then(
        (url) => response.end(url),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
  });
  broker.listen(0, '127.0.0.1').unref();
  await once(broker, 'listening');
  const address = broker.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  project.provide('postgresBroker', `http://127.0.0.1:${address.port}`);
  return async () => {
    broker.close();
    broker.closeAllConnections();
    await (await provider?.catch(() => undefined))?.stop();
  };
}

interface Provider {
  create(): Promise<string>;
  stop(): Promise<void>;
}

async function createProvider(): Promise<Provider> {
  const external = process.env['GLASSKEY_TEST_POSTGRES'];
  const { startPostgresServer } = await import('./postgres-server.ts');
  const { openPostgresStore } = await import('../../src/store/postgres-store.ts');
  const server = external === undefined ? await startPostgresServer() : undefined;
  const admin = postgres(server?.url ?? String(external), { max: 1, onnotice: () => {} });
  const made: string[] = [];
  let counter = 0;
  const create = async (name: string, template: string): Promise<string> => {
    await admin.unsafe(`create database ${name} template ${template}`);
    made.push(name);
    const url = new URL(server?.url ?? String(external));
    url.pathname = `/${name}`;
    return url.href;
  };
  const stop = async (): Promise<void> => {
    if (server === undefined) for (const name of made) await admin.unsafe(`drop database ${name} with (force)`);
    await admin.end({ timeout: 1 });
    await server?.stop();
  };
  const template = `glasskey_test_${randomBytes(6).toString('hex')}`;
  try {
    const store = await openPostgresStore(await create(template, 'template0'));
    await store.close();
  } catch (error) {
    await stop();
    throw error;
  }
  return { create: () => create(`${template}_${++counter}`, template), stop };
}
