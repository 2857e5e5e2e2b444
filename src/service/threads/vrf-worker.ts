import { parentPort, workerData } from 'node:worker_threads';
import type { VrfResult } from '../../core/crypto/vrf-prover.ts';
import { installNativeSha256 } from './native-sha256.ts';
import { nativeVrfProver } from './native-vrf-prover.ts';

/** What the thread proves with. */
export interface VrfKey {
  readonly suiteId: number;
  readonly secretKey: Uint8Array;
}

/** Inputs to evaluate the VRF on. */
export interface VrfJob {
  readonly id: number;
  readonly inputs: readonly Uint8Array[];
}

/** What became of a {@link VrfJob}. */
export type VrfJobResult =
  | { readonly id: number; readonly results: readonly VrfResult[] }
  | { readonly id: number; readonly failed: true };

// The thread that `threaded-vrf-prover.ts` starts.
if (parentPort !== null) {
  installNativeSha256();
  const port = parentPort;
  const { suiteId, secretKey } = workerData as VrfKey;
  const prover = nativeVrfProver(suiteId, secretKey);
  port.on('message', ({ id, inputs }: VrfJob) => {
    prover.prove(inputs).then(
      (results) => port.postMessage({ id, results } satisfies VrfJobResult),
      () => port.postMessage({ id, failed: true } satisfies VrfJobResult),
    );
  });
}
