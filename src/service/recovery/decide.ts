import { equalBytes, formatHex } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import { type Evidence, evidenceCodec } from '../../identity/evidence.ts';
import type { ListedRecoveryRow, RecoveryRow } from '../../store/ports.ts';
import { canonicalise } from '../intake.ts';
import { newStateProver, readProvedState, type StateProver } from '../log/proved-state.ts';
import type { LogContext } from '../log/log-context.ts';
import { effectiveFrom } from '../log/recovery-wait.ts';

/** Claims per read. */
const PAGE = 100;
/** The wait of a list for the release of a version, ms. */
const LIST_PATIENCE_MS = 1_000;

/** A recovery as an administrator sees it. */
export interface ListedRecovery {
  readonly identity: string;
  /** `unsealed`: the row was not written by this log, and authorises nothing. */
  readonly state: RecoveryRow['state'] | 'unsealed';
  /** SHA-256 of the new key, lower-case hex, to compare with the claimant's. */
  readonly spkiSha256: string;
  readonly evidence: Evidence;
  readonly requestedMs: number;
  readonly notifiedMs: number | undefined;
  /** When it takes effect unless it is vetoed, ms; undefined if the operator decides. */
  readonly effectiveMs: number | undefined;
}

/** Yields every recovery that is not settled. */
export async function* listRecoveries(context: LogContext): AsyncGenerator<ListedRecovery> {
  const prover = newStateProver(context);
  let after: Uint8Array | undefined;
  for (;;) {
    const rows = await context.store.listRecoveries(after, PAGE);
    for (const row of rows) yield describe(prover, row);
    after = rows.at(-1)?.labelKey;
    if (rows.length < PAGE) return;
  }
}

async function describe(prover: StateProver, row: ListedRecoveryRow): Promise<ListedRecovery> {
  const { identity, requestedMs, notifiedMs } = row;
  const state = row.isUnsealed === true ? 'unsealed' : row.state;
  const effectiveMs = state === 'waiting' ? await effectiveTime(prover, row) : undefined;
  const [evidence, spkiSha256] = [decode(evidenceCodec, row.evidence), formatHex(row.spkiSha256)];
  return { identity, state, spkiSha256, evidence, requestedMs, notifiedMs, effectiveMs };
}

/** Returns when a recovery takes effect; undefined if the log does not have it pending, as far as can be proved. */
async function effectiveTime(prover: StateProver, { identity, labelKey }: RecoveryRow): Promise<number | undefined> {
  const { label } = canonicalIdentity(identity, prover.context.identityRules);
  try {
    const state = await readProvedState(prover, { label, labelKey }, { leftMs: () => LIST_PATIENCE_MS });
    return state?.record.pending === undefined ? undefined : await effectiveFrom(prover, label, state);
  } catch (error) {
    if (isGlasskeyError(error, 'erased') || isGlasskeyError(error, 'timed-out')) return undefined;
    if (isGlasskeyError(error, 'storage-corrupt')) return undefined;
    throw error;
  }
}

/** An administrator's decision about a recovery that was vetoed too often. */
export interface RecoveryDecision {
  /** As typed. */
  readonly identity: string;
  /** The key that asked, as {@link ListedRecovery} shows it. A denial may leave it out. */
  readonly spkiSha256: Uint8Array | undefined;
  /** Public if the recovery is granted: 1 to 255 bytes. */
  readonly reason: string;
  /** For the trail. */
  readonly who: string;
}

/** A decision about the request of one key. */
export type RecoveryGrantDecision = RecoveryDecision & { readonly spkiSha256: Uint8Array };

/**
 * Grants a recovery that waits for the operator to the key that the operator names. The next round of the keeper, or
 * the claimant's next request, makes the version, whose record names the `operator`. Throws `not-found` if none waits
 * for the operator, `other-key` if another key asked for it, `usage` for the reason, and what {@link readProvedState}
 * throws.
 */
export async function grantRecovery(context: LogContext, decision: RecoveryGrantDecision): Promise<RecoveryRow> {
  const claim = await undecided(context, decision);
  const { reason, who } = decision;
  const bytes = Buffer.byteLength(reason);
  ensure(bytes >= 1 && bytes <= 255, 'usage', 'a reason has 1 to 255 bytes; it is public');
  const act = { act: 'recovery-granted', who, identity: formatHex(claim.labelKey), why: reason } as const;
  const { labelKey } = claim;
  const { label } = canonicalise(decision.identity, context.identityRules);
  const patience = { leftMs: () => context.limits.requestTimeoutMs };
  const state = await readProvedState(newStateProver(context), { label, labelKey }, patience);
  ensure(state !== undefined, 'identity-not-found', 'the identity is not registered');
  const grant = { reason, version: state.version, commitment: state.commitment };
  const isGranted = await context.trail.record([act], (record) => context.store.grantRecovery(claim, grant, record));
  ensure(isGranted, 'not-found', 'no recovery of this identity waits for the operator');
  return { ...claim, state: 'granted', reason, grantedVersion: state.version, grantedCommitment: state.commitment };
}

/** Denies a recovery that waits for the operator, and forgets the claim. Throws `not-found`, `other-key`. */
export async function denyRecovery(context: LogContext, decision: RecoveryDecision): Promise<RecoveryRow> {
  const claim = await undecided(context, decision);
  const { reason, who } = decision;
  const act = { act: 'recovery-denied', who, identity: formatHex(claim.labelKey), why: reason } as const;
  const isDenied = await context.trail.record([act], (record) => context.store.dropRecovery(claim, record));
  ensure(isDenied, 'not-found', 'no recovery of this identity waits for the operator');
  return claim;
}

async function undecided(context: LogContext, { identity, spkiSha256 }: RecoveryDecision): Promise<RecoveryRow> {
  const { label } = canonicalise(identity, context.identityRules);
  const claim = await context.store.findRecovery(await context.vrf.labelKey(label));
  ensure(claim?.state === 'undecided', 'not-found', 'no recovery of this identity waits for the operator');
  const isMeant = spkiSha256 === undefined || equalBytes(spkiSha256, claim.spkiSha256);
  ensure(isMeant, 'other-key', `key ${formatHex(claim.spkiSha256)} asked for this recovery: run the list again`);
  return claim;
}
