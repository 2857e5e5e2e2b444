import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { VaultServer } from '../../vault/vault.mjs';
import { LIMITS } from '../shared/protocol.ts';
import { accountRoutes } from './account-routes.ts';
import { Accounts } from './accounts.ts';
import { deliveryRoutes } from './delivery-routes.ts';
import { Devices } from './devices.ts';
import { Groups } from './groups.ts';
import { Inboxes } from './inboxes.ts';
import { keyServerProxy } from './key-server-proxy.ts';
import { KeyPackages } from './key-packages.ts';
import { pageFiles, SECURITY_HEADERS } from './page-files.ts';
import { Refusal } from './refusal.ts';
import { sameOrigin } from './session-guard.ts';
import { Sessions } from './sessions.ts';
import { vaultRoutes } from './vault-routes.ts';
import { Vouching } from './vouching.ts';

/** Options of {@link createBackend}. */
export interface BackendOptions {
  /** Returns the URL of the Glasskey server. */
  readonly keyServer: () => string;
  /** The application token. It stays in this process. */
  readonly token: string;
  /** The signed trust bundle, which an app would bring along. */
  readonly trustBundle: string;
  /** The vault that keeps backups. */
  readonly vault: VaultServer;
  /** The built page, its files, and which of them is `/` for a host. */
  readonly page: {
    readonly folder: string;
    readonly names: readonly string[];
    readonly of: (host: string) => string;
  };
  /** Further routes, before those of the page. */
  readonly more?: (app: Hono, accounts: Accounts) => void;
}

/** Most bytes of a body: a commit that adds many devices is the longest. A backup may be longer. */
const MAX_BODY = 1024 * 1024;
const BACKUP_PATH = '/api/vault/store';

/** The messenger's backend: accounts, delivery, the page, and a way to the Glasskey server. */
export function createBackend({ keyServer, token, trustBundle, vault, page, more }: BackendOptions): Hono {
  const app = new Hono();
  const [accounts, sessions, devices, inboxes] = [new Accounts(), new Sessions(), new Devices(), new Inboxes()];
  const vouching = new Vouching({ url: keyServer, token });
  const delivery = { sessions, devices, inboxes, groups: new Groups(inboxes), keyPackages: new KeyPackages() };

  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.res.headers.set(name, value);
  });
  const [short, long] = [bodyLimit({ maxSize: MAX_BODY }), bodyLimit({ maxSize: LIMITS.backupBytes })];
  app.use((c, next) => (c.req.path === BACKUP_PATH ? long : short)(c, next));
  app.use(sameOrigin);
  app.onError((error, c) => {
    if (error instanceof Refusal) return c.json({ code: error.code, message: error.message }, error.status);
    console.error(error);
    return c.json({ code: 'internal', message: 'The messenger has failed. Try again.' }, 500);
  });
  app.route('/api/vault', vaultRoutes(vault, sessions));
  app.route('/api', accountRoutes({ accounts, sessions, devices, vouching }));
  app.route('/api', deliveryRoutes(delivery));
  app.route('/', keyServerProxy(keyServer));
  app.get('/trust.json', (c) => c.body(trustBundle, 200, { 'content-type': 'application/json' }));
  more?.(app, accounts);
  app.route('/', pageFiles(page.folder, page.names, page.of));
  return app;
}

/** A backend that listens. */
export interface ListeningBackend {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Serves a backend on loopback. */
export function listen(app: Hono, port: number): Promise<ListeningBackend> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, ({ port: open }) => {
      const close = (): Promise<void> =>
        new Promise((done) => {
          server.close(() => done());
          // Streams of inboxes never end by themselves.
          if ('closeAllConnections' in server) server.closeAllConnections();
        });
      resolve({ port: open, close });
    });
    server.once('error', reject);
  });
}
