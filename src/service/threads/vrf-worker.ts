import { parentPort, workerData } from 'node:worker_threads';
import { serveJobs } from './job-thread.ts';
import { installNativeHashes } from '../../native/native-hashes.ts';
import { nativeVrfProver } from './native-vrf-prover.ts';

/** The key that the thread proves with. */
export interface VrfKey {
  readonly suiteId: number;
  readonly secretKey: Uint8Array;
}

// The thread that `threaded-vrf-prover.ts` starts.
if (parentPort !== null) {
  installNativeHashes();
  const { suiteId, secretKey } = workerData as VrfKey;
  const prover = nativeVrfProver(suiteId, secretKey);
  serveJobs(parentPort, (inputs: readonly Uint8Array[]) => prover.prove(inputs));
}
