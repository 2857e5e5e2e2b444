import { IndexedDbState } from '../client/browser.ts';
import type { LogOverview } from '../client/explore/log-overview.ts';
import { Explorer } from '../client/explore/explorer.ts';
import { type ClientState, MemoryState, type StateStore } from '../client/state/client-state.ts';

const DATABASE = 'glasskey-explorer';

/** The open log, and what this browser keeps of it. */
export interface Session {
  readonly explorer: Explorer;
  /** Size of the log that this browser saw on an earlier visit; undefined if there was none. */
  readonly seenSize: number | undefined;
  /** False if the browser has no place to keep things, so that everything ends with the page. */
  readonly isKept: boolean;
  /** The verified state of the log, as the page last read it. */
  state: ClientState;
  /** Undefined until it is read. */
  overview: LogOverview | undefined;
}

/** Opens the log of the server that this page is from, with what this browser keeps. */
export async function openSession(): Promise<Session> {
  const { store, isKept } = openStore();
  const seen = await store.transact((state) => Promise.resolve({ result: state }));
  const explorer = await Explorer.open({ server: location.origin, state: store });
  return { explorer, seenSize: seen.view?.size, isKept, state: await explorer.state(), overview: undefined };
}

/** Forgets everything that this browser keeps of the log, and loads the page anew. */
export function forget(): void {
  const request = indexedDB.deleteDatabase(DATABASE);
  const reload = (): void => location.reload();
  request.addEventListener('success', reload);
  request.addEventListener('error', reload);
}

function openStore(): { readonly store: StateStore; readonly isKept: boolean } {
  try {
    return { store: new IndexedDbState(DATABASE), isKept: true };
  } catch {
    return { store: new MemoryState(), isKept: false };
  }
}
