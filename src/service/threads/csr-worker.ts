import { parentPort } from 'node:worker_threads';
import { parseCsr } from '../../ca/csr/csr.ts';
import { serveJobs } from './job-thread.ts';
import { installNativeSha256 } from './native-sha256.ts';

// The thread that `threaded-csr-parser.ts` starts.
if (parentPort !== null) {
  installNativeSha256();
  serveJobs(parentPort, parseCsr);
}
