import { type ClientState, EMPTY_STATE, type KnownContact } from '../../src/client/state/client-state.ts';

/** A contact of usual size: about 1.2 KB as JSON. */
export function usualContact(version: number): KnownContact {
  const hash = (byte: number): Uint8Array => new Uint8Array(32).fill((version + byte) % 256);
  return {
    version,
    commitment: hash(1),
    value: new Uint8Array(400).fill(version % 256),
    monitored: [{ position: 7, version }],
    ladder: [0, 1, 2].map((at) => ({ version: version + at, vrfOutput: hash(at), commitment: hash(at + 9) })),
    monitoredAtMs: 1_700_000_000_000 + version,
  };
}

/** A state of `count` contacts, named `0@example.com` and so on. */
export function stateOfContacts(count: number): ClientState {
  const contacts = Array.from({ length: count }, (_, i) => [`${i}@example.com`, usualContact(i)] as const);
  return { ...EMPTY_STATE, bundle: 'bundle', contacts: new Map(contacts), logServers: ['https://keys.example'] };
}

/** A state with one contact changed, as operations change it. */
export function withContact(state: ClientState, name: string, version: number): ClientState {
  return { ...state, contacts: new Map(state.contacts).set(name, usualContact(version)) };
}
