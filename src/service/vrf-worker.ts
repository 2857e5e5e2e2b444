import { parentPort, workerData } from 'node:worker_threads';
import type { VrfResult } from '../core/crypto/vrf-prover.ts';
import { installNativeSha256 } from './native-sha256.ts';
import { sodiumVrfProver } from './sodium-vrf-prover.ts';

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
  const prover = sodiumVrfProver(workerData as Uint8Array);
  port.on('message', ({ id, inputs }: VrfJob) => {
    prover.prove(inputs).then(
      (results) => port.postMessage({ id, results } satisfies VrfJobResult),
      () => port.postMessage({ id, failed: true } satisfies VrfJobResult),
    );
  });
}
