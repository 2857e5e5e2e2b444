// A small vault server on HTTP. Put TLS in front of it, and your messenger's login behind `sessionOf`.
//   node examples/vault/server.mjs FOLDER ACCT-NAME   (needs npm install @serenity-kit/opaque @simplewebauthn/server)
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import * as opaque from '@serenity-kit/opaque';
import { generateKey, importKey, isGlasskeyError, KeyDirectory } from 'glasskey';
import { MAX_BACKUP_BYTES, readBackup, signVaultStatement, verifyVaultRequest } from 'glasskey/backup';
import { FolderState } from 'glasskey/node';
import { VaultRefusal } from './guess-limits.mjs';
import { verifyPasskeyOf } from './passkeys.mjs';
import { VaultServer } from './vault.mjs';

const { GLASSKEY_SERVER = 'http://127.0.0.1:8080', TOKEN_FILE = 'certs-dev/registration.token' } = process.env;
const { VAULT_PORT = '8090', VAULT_ORIGIN = 'http://localhost:8090' } = process.env;
const STATUS = { 'rate-limited': 429, unauthenticated: 401, forbidden: 403, 'not-found': 404, 'version-conflict': 409 };
const MAX_JSON = 16_384;
const UNREADABLE = { code: 'invalid-request', message: 'a request that cannot be read' };

/** Your messenger's login: returns the session's id if it is logged in as this account, or undefined. */
export const sessionOf = (_request, _account) => undefined;

/** Two files for each account, replaced atomically. Names of files say nothing about names of accounts. */
export function folderStorage(folder) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pathOf = (account) => join(folder, createHash('sha256').update(account).digest('hex'));
  const read = (path) => (existsSync(path) ? readFileSync(path) : undefined);
  const write = (path, content) => {
    writeFileSync(`${path}.new`, content, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  };
  return {
    read: async (account) => {
      const text = read(`${pathOf(account)}.json`);
      return text && JSON.parse(text.toString('utf8'));
    },
    write: async (account, record) => write(`${pathOf(account)}.json`, JSON.stringify(record)),
    readBackup: async (account) => {
      const found = read(`${pathOf(account)}.backup`);
      return found && new Uint8Array(found);
    },
    writeBackup: async (account, backup) => write(`${pathOf(account)}.backup`, backup),
  };
}

/** Makes a secret once, and keeps it in a file. */
async function kept(path, make) {
  if (!existsSync(path)) writeFileSync(path, await make(), { mode: 0o600 });
  return readFileSync(path, 'utf8');
}

/** The vault's own name in the log: registered once, and signed for at each start. */
export async function openVault(folder, name) {
  await opaque.ready;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const directory = await KeyDirectory.open({ server: GLASSKEY_SERVER, state: new FolderState(join(folder, 'state')) });
  const key = await importKey(await kept(join(folder, 'key.pem'), async () => (await generateKey()).exportPem()));
  const serverSetup = await kept(join(folder, 'opaque.setup'), opaque.server.createSetup);
  const { text: identity } = directory.identity(name);
  if (!(await directory.lookup(identity)).found) {
    await directory.register(identity, { token: readFileSync(TOKEN_FILE, 'utf8').trim(), key });
  }
  const opaqueKey = Buffer.from(opaque.server.getPublicKey(serverSetup), 'base64url');
  return new VaultServer({
    opaque,
    serverSetup,
    identity,
    statement: await signVaultStatement(directory, identity, key, new Uint8Array(opaqueKey)),
    readBackup,
    storage: folderStorage(join(folder, 'accounts')),
    verifyPasskey: verifyPasskeyOf(VAULT_ORIGIN),
    verifyDevice: async (proof, order) => {
      const { certificate, binding } = await verifyVaultRequest(directory, proof, { ...order, vault: identity });
      return { identity: binding.identity, device: certificate.spkiSha256 };
    },
  });
}

/** What each path does. `proof` and other bytes are base64 in JSON. */
const bytes = (text) => (text === undefined ? undefined : new Uint8Array(Buffer.from(text, 'base64')));
const PATHS = {
  '/statement': (vault) => vault.statement(),
  '/registration/start': (vault, { account, request, proof }) =>
    vault.startRegistration(account, request, bytes(proof)),
  '/registration/finish': (vault, { account, run, record, proof }) =>
    vault.finishRegistration(account, run, record, bytes(proof)),
  '/login/start': (vault, { account, request, proof }, session) =>
    vault.startLogin(account, request, { proof: bytes(proof), session }),
  '/login/finish': (vault, { account, run, message }) => vault.finishLogin(account, run, message),
  '/passkey/start': (vault, { account }) => vault.startPasskey(account),
  '/passkey': (vault, { account, passkey, proof }) => vault.addPasskey(account, passkey, bytes(proof)),
  '/ticket': (vault, { account, ticketSha256, proof }) => vault.setTicket(account, bytes(ticketSha256), bytes(proof)),
  '/fetch': (vault, { account, proof, ticket, passkey }) =>
    vault.fetchBackup(account, { proof: bytes(proof), ticket: bytes(ticket), passkey }),
  '/store': (vault, { account, proof }, _, backup) => vault.storeBackup(account, backup, bytes(proof)),
};

/**
 * Reads an order: every member is a text, and a passkey's answer has a `run` that is one. A buffer of anything else may
 * have any length: `{ "length": 4e9 }` is enough to ask for one.
 */
function readOrder(text) {
  const { passkey = '', ...members } = JSON.parse(text);
  const texts = [...Object.values(members), typeof passkey === 'string' ? passkey : passkey?.run];
  if (!texts.every((one) => typeof one === 'string')) throw new TypeError('an order has other members than texts');
  return passkey === '' ? members : { ...members, passkey };
}

async function readBody(request, maximum) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > maximum) throw new VaultRefusal('payload-too-large', 'the body is too large');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Answers a POST with JSON, or with bytes. A backup is the body of `/store`, whose JSON is in a header. */
async function answer(vault, request) {
  const handle = Object.hasOwn(PATHS, request.url) ? PATHS[request.url] : undefined;
  if (handle === undefined || request.method !== 'POST') throw new VaultRefusal('not-found', 'no such path');
  const isStore = request.url === '/store';
  const body = await readBody(request, isStore ? MAX_BACKUP_BYTES : MAX_JSON);
  const order = readOrder(isStore ? request.headers['x-vault-order'] : body.toString('utf8') || '{}');
  return handle(vault, order, sessionOf(request, order.account), new Uint8Array(body));
}

export function serveVault(vault, port = Number(VAULT_PORT)) {
  const server = createServer((request, response) => {
    answer(vault, request).then(
      (result) => response.end(result instanceof Uint8Array ? result : JSON.stringify(result ?? {})),
      (error) => {
        // Other errors tell about this host, such as its paths.
        const isForCaller = error instanceof VaultRefusal || isGlasskeyError(error);
        const { code, message, retryAfterSeconds } = isForCaller ? error : UNREADABLE;
        if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
        response.writeHead(STATUS[code] ?? 400, { 'content-type': 'application/json', connection: 'close' });
        response.end(JSON.stringify({ code, message }));
      },
    );
  });
  server.requestTimeout = 60_000;
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
}

if (import.meta.filename === process.argv[1]) {
  const [folder = 'vault-data', name = 'acct:vault@chat.example'] = process.argv.slice(2);
  const server = await serveVault(await openVault(folder, name));
  console.log(`vault ${name} listening on http://127.0.0.1:${server.address().port}`);
}
