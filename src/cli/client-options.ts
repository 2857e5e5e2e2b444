import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { MemoryState, type StateStore } from '../client/state/client-state.ts';
import { KeyDirectory, type KeyDirectoryOptions } from '../client/key-directory.ts';
import { FolderState } from '../client/node.ts';
import { serverBase } from '../client/transport.ts';
import { parseTrustBundle } from '../contract/parse-trust-bundle.ts';
import type { SignedTrustBundle } from '../contract/trust-bundle.ts';
import { formatBase64 } from '../core/encoding/bytes.ts';
import { encode } from '../core/encoding/codec.ts';
import { ensure } from '../core/errors.ts';
import { treeViewCodec } from '../core/keytrans/tree-view.ts';
import { asUserInput, readInput } from '../server/user-input.ts';
import { recordingFetch, recordKnown } from './evidence.ts';
import { witnessingLine } from './output/witnessing-output.ts';

/** The options of every client command. */
export interface ClientOptions {
  readonly server: string;
  readonly trust?: string;
  readonly state?: string;
}

/** Returns the platform's folder for user data. */
function userDataFolder(): string {
  const { env, platform } = process;
  if (platform === 'win32') return env['APPDATA'] ?? join(homedir(), 'AppData', 'Roaming');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support');
  return env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share');
}

/** Returns the default state folder of a server: one for each URL. */
export function defaultStateFolder(server: string): string {
  const base = serverBase(server);
  const name = base.replace(/^https?:\/\//, '').replaceAll(/[^A-Za-z0-9.-]/g, '_');
  return join(userDataFolder(), 'glasskey', `${name}-${createHash('sha256').update(base).digest('hex').slice(0, 8)}`);
}

/** Returns the folder for a command's state, and for evidence if something does not verify. */
export function stateFolder(options: ClientOptions): string {
  return options.state ?? defaultStateFolder(options.server);
}

/**
 * Connects, with state in a folder; `signal` ends every request. On first use, prints the fingerprint of the trust
 * bundle that it pins, and what its witnesses are good for. Warns each time of quorums without a common witness.
 */
export async function openDirectory(options: ClientOptions, signal?: AbortSignal): Promise<KeyDirectory> {
  return openWithFolder(options, stateFolder(options), { signal });
}

/** Connects for a command that keeps state only if --state names a folder: register, rotate, renew, revoke. */
export async function openIssuing(options: ClientOptions): Promise<KeyDirectory> {
  return options.state === undefined ? open(options, new MemoryState()) : openWithFolder(options, options.state);
}

/** Opens the client's state of a server without asking the server. */
export async function openOffline(options: ClientOptions): Promise<KeyDirectory> {
  return openWithFolder(options, stateFolder(options), { offline: true });
}

type OpenOptions = Pick<KeyDirectoryOptions, 'offline' | 'signal'>;

async function openWithFolder(options: ClientOptions, folder: string, how: OpenOptions = {}): Promise<KeyDirectory> {
  const state = new FolderState(folder);
  await state.transact(async ({ bundle, view }) => {
    recordKnown({ bundle, view: view && formatBase64(encode(treeViewCodec, view)) });
    return { result: undefined };
  });
  return open(options, state, how);
}

async function open(options: ClientOptions, state: StateStore, how: OpenOptions = {}): Promise<KeyDirectory> {
  const { server, trust } = options;
  const bundle = trust === undefined ? undefined : await readBundle(trust);
  const directory = await KeyDirectory.open({
    server,
    state,
    bundle,
    fetch: recordingFetch,
    lookupToken: lookupToken(),
    ...how,
  });
  if (directory.trustOrigin === 'first-use') {
    process.stderr.write(
      `trusting ${directory.trust.bundle.origin} on first use: fingerprint ${directory.fingerprint}\n`,
    );
  }
  const { witnessing } = directory.trust;
  if (directory.trustOrigin === 'first-use' || witnessing === 'disjoint') {
    process.stderr.write(`${witnessingLine(witnessing)}\n`);
  }
  return directory;
}

/** Returns a reader of the file that GLASSKEY_LOOKUP_TOKEN_FILE names, if it is set; every request reads it anew. */
function lookupToken(): (() => Promise<string>) | undefined {
  const file = process.env['GLASSKEY_LOOKUP_TOKEN_FILE'];
  if (file === undefined || file === '') return undefined;
  return async () => {
    const token = (await readInput(file)).trim();
    ensure(
      /^[A-Za-z0-9_.-]{1,2048}$/.test(token),
      'usage',
      `${file} does not hold a lookup token: check GLASSKEY_LOOKUP_TOKEN_FILE`,
    );
    return token;
  };
}

async function readBundle(path: string): Promise<SignedTrustBundle> {
  const text = await readInput(path);
  return asUserInput(path, () => parseTrustBundle(text));
}
