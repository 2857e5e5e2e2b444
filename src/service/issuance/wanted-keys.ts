import type { ParsedCsr } from '../../ca/csr/csr.ts';

/** The keys that a certificate is wanted for: what of a CSR matters once possession was shown. */
export type WantedKeys = Pick<ParsedCsr, 'spki' | 'spkiSha256' | 'keysSha256' | 'companions' | 'keyType'>;
