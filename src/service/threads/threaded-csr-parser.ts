import { type ParsedCsr, parseCsr } from '../../ca/csr/csr.ts';
import { JobThread } from './job-thread.ts';

/** Parses a CSR and verifies its proof of possession like {@link parseCsr}, perhaps in another thread. */
export type CsrParser = (der: Uint8Array) => Promise<ParsedCsr>;

/** Runs {@link parseCsr} in a thread: key import and signature take a sixth of a registration's processor time. */
export function threadedCsrParser(): { readonly parse: CsrParser; close(): Promise<void> } {
  const thread = new JobThread<Uint8Array, ParsedCsr>(new URL('./csr-worker.js', import.meta.url), parseCsr);
  return { parse: (der) => thread.run(der), close: () => thread.close() };
}
