import type { CertificateOrder, IssuedCertificate } from '../issuance/requests.ts';
import type { SearchResponse } from '../../core/keytrans/messages.ts';
import type { SignedChange } from '../../identity/change-request.ts';

/** A request to recover an identity for the key of a CSR, as it came in. Everything in it is untrusted. */
export type RecoveryOrder = Omit<CertificateOrder, 'change'>;

/** A recovery that waits for its delay: in the released log. */
export interface PendingRecovery {
  readonly state: 'pending';
  /** The canonical identity. */
  readonly identity: string;
  /** The version that carries it. */
  readonly version: number;
  /** The log entry that added that version. */
  readonly position: number;
  /** When it can take effect, ms. */
  readonly effectiveMs: number;
  /** Size of the tree head in the proof. */
  readonly treeSize: number;
  /** The greatest version of the identity, for the request's `last`. */
  readonly proof: SearchResponse;
}

/** What became of a request to recover an identity. */
export type RecoveryOutcome =
  | PendingRecovery
  /** It was vetoed so often that the operator decides. Nothing of it is in the log. */
  | { readonly state: 'undecided'; readonly identity: string }
  /** The new key has the name. */
  | (IssuedCertificate & { readonly state: 'effective' });

/** A veto of a pending recovery, as it came in: a change that leaves every key. Untrusted. */
export interface VetoOrder {
  /** The identity as typed. */
  readonly identity: string;
  readonly change: SignedChange;
  /** Size of the tree head that the client holds. */
  readonly last: number | undefined;
  /** Our own name for the request, for the trail. */
  readonly requestId?: string | undefined;
}
