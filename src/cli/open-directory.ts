import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { KeyDirectory, type KeyDirectoryOptions } from '../client/key-directory.ts';
import { knownServers } from '../client/log-servers.ts';
import { FolderState } from '../client/node.ts';
import type { ClientState, StateStore } from '../client/state/client-state.ts';
import { serverBase } from '../client/transport.ts';
import { verifyBundleSignatures } from '../contract/bundle-signature.ts';
import { parseTrustBundle } from '../contract/parse-trust-bundle.ts';
import type { SignedTrustBundle } from '../contract/trust-bundle.ts';
import { formatBase64 } from '../core/encoding/bytes.ts';
import { encode } from '../core/encoding/codec.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { treeViewCodec } from '../core/keytrans/tree-view.ts';
import { asUserInput, readInput } from '../server/user-input.ts';
import { type ClientOptions, stateFolder } from './client-options.ts';
import { recordingFetch, recordKnown } from './evidence.ts';
import { witnessingLine } from './output/witnessing-output.ts';
import { readRemembered, type RememberedServer } from './remembered-server.ts';

/**
 * Connects, with state in a folder. On first use, prints the fingerprint of the trust bundle that it pins, and what its
 * witnesses are good for. Warns each time of quorums without a common witness.
 */
export async function openDirectory(options: ClientOptions, how: OpenOptions = {}): Promise<KeyDirectory> {
  return openWithFolder(options, stateFolder(options), how);
}

/** Opens the client's state of a server without asking the server. */
export async function openOffline(options: ClientOptions): Promise<KeyDirectory> {
  return openWithFolder(options, stateFolder(options), { offline: true });
}

/**
 * Returns the servers that this client knows to be of the log. Makes no state; one that cannot be read knows none.
 */
export async function knownLogServers(options: ClientOptions): Promise<readonly string[]> {
  const folder = stateFolder(options);
  if (!existsSync(join(folder, 'state.json'))) return [];
  try {
    return await new FolderState(folder).transact(async (state) => ({ result: knownServers(state) }));
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    return [];
  }
}

type OpenOptions = Pick<KeyDirectoryOptions, 'fingerprint' | 'offline' | 'signal'>;

async function openWithFolder(options: ClientOptions, folder: string, how: OpenOptions = {}): Promise<KeyDirectory> {
  const state = new FolderState(folder);
  const isHeld = options.trust !== undefined || how.fingerprint !== undefined;
  const remembered = isHeld ? undefined : await readRemembered();
  await state.transact(async (current) => {
    const next = current.bundle === undefined ? beginWith(current, options.server, remembered) : undefined;
    const { bundle, view } = next ?? current;
    recordKnown({ bundle, view: view && formatBase64(encode(treeViewCodec, view)) });
    return next === undefined ? { result: undefined } : { next, result: undefined };
  });
  try {
    return await open(options, state, how);
  } catch (error) {
    throw await withFolder(error, folder, options.server);
  }
}

/** Returns an empty state that has pinned the bundle of the remembered server, if this is that server. */
function beginWith(
  state: ClientState,
  server: string,
  remembered: RememberedServer | undefined,
): ClientState | undefined {
  if (remembered === undefined || serverBase(server) !== remembered.server) return undefined;
  const { bundle, fingerprint } = remembered;
  return { ...state, bundle, pinned: { server: remembered.server, fingerprint } };
}

/** Returns the error that says in which folder the client knows the log that the server no longer shows. */
async function withFolder(error: unknown, folder: string, server: string): Promise<unknown> {
  if (isGlasskeyError(error, 'log-replaced')) {
    const message = `${error.message}. Keep ${folder}: it holds what this client knows of the former log`;
    return new GlasskeyError(error.code, message, { cause: error });
  }
  if (!isGlasskeyError(error, 'log-reset')) return error;
  const base = serverBase(server);
  const isRemembered = (await readRemembered())?.server === base;
  const next = isRemembered
    ? `run \`glasskey bootstrap ${base} --replace --fingerprint <hex>\` with the fingerprint that it prints at its start`
    : 'run the command again';
  return new GlasskeyError(error.code, `${error.message}. Next: remove ${folder}, and ${next}`, { cause: error });
}

async function open(options: ClientOptions, state: StateStore, how: OpenOptions): Promise<KeyDirectory> {
  const { server, trust } = options;
  const bundle = trust === undefined ? undefined : await readBundleFile(trust);
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
      `trusting ${directory.trust.bundle.origin} on first use: fingerprint ${directory.fingerprint}\n` +
        'Next: compare it with the one that the operator publishes elsewhere, or start with `glasskey bootstrap`\n',
    );
  }
  const { witnessing } = directory.trust;
  if (directory.trustOrigin === 'first-use' || witnessing === 'disjoint') {
    process.stderr.write(`${witnessingLine(witnessing)}\n`);
  }
  return directory;
}

/** Returns a reader of the file that GLASSKEY_LOOKUP_TOKEN_FILE names, if it is set; every request reads it anew. */
export function lookupToken(): (() => Promise<string>) | undefined {
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

/** Reads a trust bundle of the user, whose signatures hold. Throws `usage`. */
export async function readBundleFile(path: string): Promise<SignedTrustBundle> {
  const text = await readInput(path);
  return asUserInput(path, () => {
    const signed = parseTrustBundle(text);
    verifyBundleSignatures(signed);
    return signed;
  });
}
