import { parentPort } from 'node:worker_threads';
import { parseCsr } from '../../ca/csr/csr.ts';
import { serveJobs } from './job-thread.ts';
import { installNativeHashes } from '../../native/native-hashes.ts';

// The thread that `threaded-csr-parser.ts` starts.
if (parentPort !== null) {
  installNativeHashes();
  serveJobs(parentPort, parseCsr);
}
