/** The browser part of the client library: state in IndexedDB. */
export { IndexedDbState, type IndexedDbStateOptions } from './browser/indexed-db-state.ts';
