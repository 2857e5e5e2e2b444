import { parseTrustBundle } from '../contract/parse-trust-bundle.ts';
import type { ClientState, StateStore } from './state/client-state.ts';
import { serverBase } from './transport.ts';

/** Most servers of the log that a state remembers; the newest stay. */
const MAX_SERVERS = 16;

/** Returns the state that knows `server` for a server of the log: it gave a signed answer. */
export function withLogServer(state: ClientState, server: string): ClientState {
  if (state.logServers.includes(server)) return state;
  return { ...state, logServers: [...state.logServers, server].slice(-MAX_SERVERS) };
}

/**
 * Returns the log's own servers, as opposed to copies of its files. A server counts if it gave a signed answer, or if
 * the pinned bundle names it: an auditor knows that one before its first question.
 */
export function knownServers({ bundle, logServers }: ClientState): readonly string[] {
  const publicUrl = bundle === undefined ? undefined : parseTrustBundle(bundle).bundle.publicUrl;
  return publicUrl === undefined ? logServers : [...logServers, serverBase(publicUrl)];
}

/** Returns a state store that remembers `server` as one of the log once it has given a signed answer that holds. */
export function rememberingServer(inner: StateStore, server: string): StateStore {
  return {
    transact: (work) =>
      inner.transact(async (state) => {
        const change = await work(state);
        const { next } = change;
        // Every verified answer makes a new view, even if the log has not grown.
        const hasAnswered = next?.view !== undefined && next.view !== state.view;
        return hasAnswered ? { ...change, next: withLogServer(next, server) } : change;
      }),
  };
}
