/** What only browsers have: the client's state in IndexedDB. */
export { IndexedDbState, type IndexedDbStateOptions } from './browser/indexed-db-state.ts';
