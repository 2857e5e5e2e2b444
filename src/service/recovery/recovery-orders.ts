import type { Answer, CertificateOrder, LoggedCertificate, ProofOrder } from '../issuance/requests.ts';
import type { SignedChange } from '../../identity/change-request.ts';

/** A request to recover an identity for the key of a CSR, as it came in. Everything in it is untrusted. */
export type RecoveryOrder = Omit<CertificateOrder, 'change'>;

/** A recovery that waits for its delay: in the released log, with the version that carries it. */
export interface PendingRecovery extends Answer {
  readonly state: 'pending';
  /** When it can take effect, ms. */
  readonly effectiveMs: number;
}

/** The outcome of a request to recover an identity. */
export type RecoveryOutcome =
  | PendingRecovery
  /** It was vetoed so often that the operator decides. The log holds nothing of it. */
  | { readonly state: 'undecided'; readonly identity: string }
  /** The new key has the name. */
  | (LoggedCertificate & { readonly state: 'effective' });

/** A veto of a pending recovery, as it came in: a change that leaves every key. Untrusted. */
export interface VetoOrder extends ProofOrder {
  /** The identity as typed. */
  readonly identity: string;
  readonly change: SignedChange;
  /** Our own name for the request, for the trail. */
  readonly requestId?: string | undefined;
}
