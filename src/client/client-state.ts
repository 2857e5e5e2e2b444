import { formatBase64, parseBase64 } from '../core/encoding/bytes.ts';
import { decode, encode } from '../core/encoding/codec.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { type TreeView, treeViewCodec } from '../core/keytrans/tree-view.ts';

/** A version that still has to be monitored (KT §8.2): the greatest version proved to exist at a position of the log. */
export interface MonitoredVersion {
  readonly position: number;
  readonly version: number;
}

/** What a client knows of one identity. */
export interface KnownContact {
  readonly version: number;
  /** Commitment of that version, 32 bytes. */
  readonly commitment: Uint8Array;
  /** The encoded IdentityRecord of that version. */
  readonly value: Uint8Array;
  readonly monitored: readonly MonitoredVersion[];
}

/** Everything that a client keeps about one log. Losing it weakens what its owner can notice. */
export interface ClientState {
  /** The pinned trust bundle with its signatures, as JSON text. */
  readonly bundle: string | undefined;
  /** The last tree head that was verified. */
  readonly view: TreeView | undefined;
  /** By canonical identity. */
  readonly contacts: ReadonlyMap<string, KnownContact>;
  /** What an audit has verified so far, as its own JSON text. */
  readonly audit: string | undefined;
}

/** The state of a client that knows nothing yet. */
export const EMPTY_STATE: ClientState = { bundle: undefined, view: undefined, contacts: new Map(), audit: undefined };

/** Where a client's state lives. One operation at a time: {@link StateStore.transact} runs them one after the other. */
export interface StateStore {
  /**
   * Reads the state, runs `work`, and stores what it returns as `next`, durably, before its result is given. Where `work`
   * throws, nothing is stored. Throws `state-locked`, `state-corrupt`, `storage-failed`.
   */
  transact<T>(work: (state: ClientState) => Promise<{ readonly next?: ClientState; readonly result: T }>): Promise<T>;
}

/** State that lives as long as the object. */
export class MemoryState implements StateStore {
  #state: ClientState = EMPTY_STATE;
  #last: Promise<unknown> = Promise.resolve();

  transact<T>(work: (state: ClientState) => Promise<{ readonly next?: ClientState; readonly result: T }>): Promise<T> {
    const run = async (): Promise<T> => {
      const { next, result } = await work(this.#state);
      if (next !== undefined) this.#state = next;
      return result;
    };
    const turn = this.#last.then(run, run);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** A contact as JSON: bytes in base64. */
interface ContactJson {
  version: number;
  commitment: string;
  value: string;
  monitored: { position: number; version: number }[];
}

/** The JSON text of a state. */
export function formatClientState(state: ClientState): string {
  const contacts: [string, ContactJson][] = [...state.contacts].map(([identity, contact]) => [
    identity,
    {
      version: contact.version,
      commitment: formatBase64(contact.commitment),
      value: formatBase64(contact.value),
      monitored: contact.monitored.map(({ position, version }) => ({ position, version })),
    },
  ]);
  const view = state.view && formatBase64(encode(treeViewCodec, state.view));
  const { bundle, audit } = state;
  return `${JSON.stringify({ format: 1, bundle, view, contacts: Object.fromEntries(contacts), audit }, null, 1)}\n`;
}

/** Reads {@link formatClientState}'s text back. Throws `state-corrupt`. */
export function parseClientState(text: string): ClientState {
  try {
    const json = JSON.parse(text) as Record<string, unknown>;
    ensure(json['format'] === 1, 'state-corrupt', 'the state is of another format');
    const contacts = Object.entries(json['contacts'] as Record<string, ContactJson>).map(
      ([identity, contact]) => [identity, parseContact(contact)] as const,
    );
    const view = optionalText(json['view']);
    return {
      bundle: optionalText(json['bundle']),
      view: view === undefined ? undefined : decode(treeViewCodec, parseBase64(view)),
      contacts: new Map(contacts),
      audit: optionalText(json['audit']),
    };
  } catch (error) {
    throw new GlasskeyError('state-corrupt', 'the stored state cannot be read', { cause: error });
  }
}

function parseContact(contact: ContactJson): KnownContact {
  const numbers = [contact.version, ...contact.monitored.flatMap(({ position, version }) => [position, version])];
  ensure(numbers.every(Number.isSafeInteger), 'state-corrupt', 'a number of the state is none');
  return { ...contact, commitment: parseBase64(contact.commitment), value: parseBase64(contact.value) };
}

function optionalText(value: unknown): string | undefined {
  ensure(value === undefined || typeof value === 'string', 'state-corrupt', 'a text of the state is none');
  return value;
}
