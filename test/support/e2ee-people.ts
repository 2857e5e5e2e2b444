import type { CompanionKind } from '../../src/ca/companion-secret.ts';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { open, type OpenedMessage } from '../../src/client/e2ee/open-message.ts';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState, type StateStore } from '../../src/client/state/client-state.ts';
import type { TestServer } from './test-server.ts';

/** The companion keys of X-Wing. */
export const BOTH: readonly CompanionKind[] = ['x25519', 'ml-kem-768'];

/** A person with devices: one key each, and one client for all. */
export interface Person {
  readonly name: string;
  readonly directory: KeyDirectory;
  readonly state: StateStore;
  readonly keys: readonly ClientKey[];
}

/** Registers a name with a device for each list of companion keys. */
export async function person(
  server: TestServer,
  name: string,
  devices: readonly (readonly CompanionKind[])[] = [BOTH],
): Promise<Person> {
  const state = new MemoryState();
  const directory = await server.client(state);
  const keys: ClientKey[] = [];
  for (const companions of devices) {
    const key = await generateKey({ companions });
    const [first] = keys;
    await directory.register(
      name,
      first === undefined ? { token: server.log.token, key } : { credentials: first, key },
    );
    keys.push(key);
  }
  return { name, directory, state, keys };
}

/** A device opens an envelope with its own key, by default the first device. */
export function openAt({ name, directory, keys }: Person, envelope: Uint8Array, device = 0): Promise<OpenedMessage> {
  return open(directory, { name, keys: keys.slice(device, device + 1) }, envelope);
}
