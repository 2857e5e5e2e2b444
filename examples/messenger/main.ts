import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBackend, listen } from './backend/backend.ts';
import { openVault } from './backend/vault.ts';
import { EvilOperator } from './operator/evil-operator.ts';
import { operatorRoutes } from './operator/operator-routes.ts';

const PAGE = join(import.meta.dirname, '../page');
const FILES = [
  'doors.html',
  'messenger.html',
  'operator.html',
  'doors.js',
  'messenger.js',
  'operator.js',
  'messenger.css',
];

/** Each host below `localhost` is a device: an origin with a storage and a session of its own. */
const pageOf = (host: string): string => (/^[^.:]+\.localhost(?::|$)/.test(host) ? 'messenger.html' : 'doors.html');

const port = Number(process.env['PORT'] ?? 8090);
const folder = await mkdtemp(join(tmpdir(), 'messenger-'));
const operator = await EvilOperator.start(folder);
const { token } = operator;
const trustBundle = await readFile(join(folder, 'trust.json'), 'utf8');
const backend = createBackend({
  keyServer: () => operator.url,
  token,
  trustBundle,
  vault: await openVault({ keyServer: operator.url, token, trustBundle }),
  page: { folder: PAGE, names: FILES, of: pageOf },
  more: (app, accounts) => app.route('/operator/lies', operatorRoutes(operator, accounts)),
});
const listening = await listen(backend, port);
console.log(`The messenger runs: http://localhost:${listening.port}/
Open it, and choose devices: each is a tab of its own. The operator is at http://localhost:${listening.port}/operator.html
The server keeps everything in memory: it is gone when you press Ctrl-C. Your browser keeps its devices. After a restart,
press "Forget everything on this device" on each, or open new names such as alice-2.localhost.`);

/** Ends everything, and leaves nothing behind. */
async function stop(): Promise<void> {
  await listening.close();
  await operator.stop();
  await rm(folder, { recursive: true, force: true });
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop());
