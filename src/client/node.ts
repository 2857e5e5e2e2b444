/** The Node part of the client library: state in a folder. */
export { writeFileDurably } from './node/durable-file.ts';
export { FolderState } from './node/folder-state.ts';
export { useNativeCrypto } from '../native/native-crypto.ts';
