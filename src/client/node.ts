/** What the client library adds on Node: state in a folder. */
export { FolderState, writeFileDurably } from './node/folder-state.ts';
