import { createKey } from '../src/ca/keys/key-file.ts';
import { signerFromKey } from '../src/ca/keys/node-signer.ts';
import { signCsr } from '../src/ca/csr/sign-csr.ts';
import { formatPem } from '../src/ca/der/pem.ts';
import { JSON_MEDIA_TYPE } from '../src/contract/media-types.ts';
import { PATHS } from '../src/contract/paths.ts';
import type { PreparedRequest } from './load.ts';

/** Keys are shared out among identities: making one takes as long as a signature, and the server does not mind. */
const KEYS = 64;
/** Requests that are made at a time. */
const BATCH = 256;

/** The identity of a number. */
export function identityOf(index: number): string {
  return `user${String(index).padStart(7, '0')}@bench.example`;
}

/**
 * Registrations of the identities `start` to `end`-1, ready to be sent: a CSR of its own for each. `namesOwner`: the client
 * names itself owner, and gets the proof for one.
 */
export async function prepareRegistrations(
  start: number,
  end: number,
  token: string,
  namesOwner = false,
): Promise<PreparedRequest[]> {
  const signers = await Promise.all(Array.from({ length: KEYS }, async () => signerFromKey(await createKey('p256'))));
  const headers = { 'content-type': JSON_MEDIA_TYPE, authorization: `Bearer ${token}` };
  const prepare = async (index: number): Promise<PreparedRequest> => {
    const identity = identityOf(index);
    const signer = signers[index % KEYS];
    if (signer === undefined) throw new Error('no key');
    const der = await signCsr(signer, { kind: 'email', value: identity });
    const csr = formatPem('CERTIFICATE REQUEST', der);
    return {
      path: PATHS.certificates,
      headers,
      body: JSON.stringify({ identity, csr, ...(namesOwner ? { owner: {} } : {}) }),
    };
  };
  const prepared: PreparedRequest[] = [];
  for (let from = start; from < end; from += BATCH) {
    const length = Math.min(BATCH, end - from);
    prepared.push(...(await Promise.all(Array.from({ length }, (_, i) => prepare(from + i)))));
  }
  return prepared;
}
