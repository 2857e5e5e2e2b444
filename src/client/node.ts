/** The Node part of the client library: state in a folder. */
export { FolderState, writeFileDurably } from './node/folder-state.ts';
export { useNativeCrypto } from '../native/native-crypto.ts';
