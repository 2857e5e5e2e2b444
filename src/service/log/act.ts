/** The kind of an act. */
export type ActName =
  /** A version with a new certificate is in the log: a registration, a further key, a rotation, a renewal. */
  | 'certificate-issued'
  /** A version without some certificates is in the log. */
  | 'certificates-revoked'
  /** A version that holds nothing is in the log, and the content of those before it was deleted. */
  | 'identity-erased'
  /** A version with a pending recovery is in the log, or, without a version, the operator has to decide. */
  | 'recovery-requested'
  /** A version by which a key of the owner cancelled a recovery is in the log. */
  | 'recovery-vetoed'
  /** A version with the key of a recovery is in the log, after its delay or by the operator. */
  | 'recovery-effective'
  /** An administrator granted a recovery after too many vetoes. */
  | 'recovery-granted'
  | 'recovery-denied'
  /** A certificate was signed, and its version did not reach the log; it is on the CRL. */
  | 'certificate-abandoned'
  /** A version that an older program queued is in the log. */
  | 'version-added'
  | 'token-created'
  | 'token-revoked'
  /** An administrator sealed rows that an older program had written. */
  | 'rows-sealed'
  /** An administrator finished an upgrade: rows may have a newer format. */
  | 'format-raised'
  /** An administrator began to move the log to another database. */
  | 'database-moving'
  /** Another issuing CA signs certificates from now on. */
  | 'issuer-changed'
  /** The last entry of the log. */
  | 'log-ended';

/**
 * One act of the trail. It holds no other personal data: the VRF output of version 0 names an identity. Only the log's
 * operator can compute it from a name, and it stays when the name is erased.
 */
export interface Act {
  /** ms since the epoch. */
  readonly at?: number;
  readonly act: ActName;
  /**
   * The requester: `token:3` (an application), `owner` (a change that a key of the record signed), `holder` (of the
   * key, for a renewal), `admin:NAME` (a user of the machine), `service` (the server itself).
   */
  readonly who: string;
  /** Id of the request, as in the server's log and the answer's `x-request-id`. */
  readonly request?: string | undefined;
  /** The label key, hex. */
  readonly identity?: string | undefined;
  readonly version?: number | undefined;
  /** Log entry that added the version. */
  readonly position?: number | undefined;
  /** The new certificate. */
  readonly serial?: string | undefined;
  /** Certificates that left the record. */
  readonly removed?: readonly string[] | undefined;
  /** RFC 5280 reason code. */
  readonly reason?: number | undefined;
  /** The error code with which the log refused a version. */
  readonly code?: string | undefined;
  /** The operator's reason for a decision. */
  readonly why?: string | undefined;
  /** Number and name of an application token. */
  readonly token?: number | undefined;
  readonly name?: string | undefined;
  /** Rows that an erasure deleted. */
  readonly deleted?: { readonly versions: number; readonly certificates: number } | undefined;
}

/** Encodes the act of a submission that waits in the queue: {@link settledAct} completes it. */
export function encodeAct(act: Act): string {
  return JSON.stringify(act);
}

/** Returns the act of a settled submission. The queue of an older program holds none. */
export function settledAct(
  queued: string | undefined,
  settled: Required<Pick<Act, 'identity' | 'version'>> & Pick<Act, 'position' | 'code'>,
): Act {
  return { ...queuedAct(queued), ...settled };
}

/** Decodes the act of a queued submission. The queue is not trusted: text that is no act must not stop it. */
export function queuedAct(queued: string | undefined): Act {
  const unknown: Act = { act: 'version-added', who: 'service' };
  if (queued === undefined) return unknown;
  try {
    return { ...unknown, ...(JSON.parse(queued) as Partial<Act>) };
  } catch {
    return unknown;
  }
}
