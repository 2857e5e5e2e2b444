import { ecdsaSignatureToRaw } from '../../ca/der/ecdsa-signature.ts';
import { signCheckpoint } from '../../core/audit/checkpoint.ts';
import { formatNote, parseNote } from '../../core/audit/note.ts';
import type { Signer } from '../../core/crypto/signer.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { encodeTreeHeadTbs } from '../../core/keytrans/tree-head.ts';
import { decodeTreeEdge } from '../../core/log/tiled-tree.ts';
import type { HeadRow, ReleasedHead } from '../../store/ports.ts';
import { AuditProofs } from '../log/audit-proofs.ts';
import type { LogContext } from '../log/log-context.ts';
import { checkpointFrom, committedSize } from './rollback-check.ts';
import type { WitnessQuorum } from '../witnessing/witness-quorum.ts';
import type { WriterLease } from './writer-lease.ts';

/** Full tiles that a consistency proof is made from: few of each level. */
const PROOF_TILES = 16;

type SigningContext = Pick<
  LogContext,
  'configuration' | 'keys' | 'noteSigner' | 'checkpointCosigner' | 'origin' | 'now'
>;

/**
 * Signs a head: the KEYTRANS tree head (KT §11.2) and the audit log's checkpoint. The caller has read `head` back from
 * the store after its transaction: otherwise a second root of its size could be signed
 * (docs/architecture.md#sequencing-and-durability).
 */
export async function signCommittedHead(context: SigningContext, head: HeadRow): Promise<ReleasedHead> {
  const [signature, checkpoint] = await Promise.all([signTreeHead(context, head), signAuditHead(context, head)]);
  return { size: head.size, signature, checkpoint };
}

function signTreeHead({ configuration, keys }: SigningContext, { size, logRoot }: HeadRow): Promise<Uint8Array> {
  return signForSuite(keys.treeHead, encodeTreeHeadTbs(configuration, size, logRoot));
}

/**
 * Signs `message` by the cipher suite of the signer's key (KT §17.1): Ed25519, or ECDSA over P-256 as r || s, not as
 * the DER of a {@link Signer}. Throws `bad-key` for a signer of another kind.
 */
async function signForSuite(signer: Signer, message: Uint8Array): Promise<Uint8Array> {
  const signature = await signer.sign(message);
  switch (signer.algorithm) {
    case 'ed25519':
      return signature;
    case 'p256':
      return ecdsaSignatureToRaw('p256', signature);
    case 'p384':
      throw new GlasskeyError('bad-key', 'no cipher suite signs with P-384');
  }
}

async function signAuditHead(context: SigningContext, { size, auditRoot }: HeadRow): Promise<string> {
  const { origin, noteSigner, checkpointCosigner, now } = context;
  const checkpoint = await signCheckpoint({ origin, size, rootHash: auditRoot, extensions: [] }, [noteSigner]);
  if (checkpointCosigner === undefined) return checkpoint;
  const { text, signatures } = parseNote(checkpoint);
  return formatNote({ text, signatures: [...signatures, await checkpointCosigner.cosign(text, now())] });
}

/**
 * Signs a committed head and stores the signatures: from then on clients may see everything up to its size. In a log
 * with a witness policy, waits for the quorum. Signs nothing once the lease is over. Throws `release-stalled` without a
 * quorum, `log-rolled-back` if a witness has seen another log, `head-moved`, and storage errors.
 */
export async function releaseHead(context: LogContext, head: HeadRow, lease?: WriterLease): Promise<ReleasedHead> {
  const { witnesses } = context;
  await lease?.confirm();
  const released =
    witnesses === undefined
      ? await releaseAlone(context, head, lease)
      : await releaseWitnessed(context, head, { witnesses, lease });
  context.observe({ type: 'released', size: released.size, timestampMs: head.timestampMs });
  return released;
}

async function releaseAlone(context: LogContext, head: HeadRow, lease?: WriterLease): Promise<ReleasedHead> {
  const released = await signCommittedHead(context, head);
  // Before anybody sees it: otherwise a restored database could sign another head of this size.
  await context.lastSigned?.write(released.checkpoint);
  await storeRelease(context, released, head, lease);
  return released;
}

async function releaseWitnessed(
  context: LogContext,
  head: HeadRow,
  { witnesses, lease }: { readonly witnesses: WitnessQuorum; readonly lease: WriterLease | undefined },
): Promise<ReleasedHead> {
  const note = await signAuditHead(context, head);
  // Before any witness sees it: after a crash, this host must know what a witness may have.
  await context.lastSigned?.write(note);
  const proofs = new AuditProofs(context.store, PROOF_TILES);
  const signed = checkpointFrom(note, head.size, proofs, decodeTreeEdge(head.auditEdge));
  const checkpoint = await witnesses.gather(signed, () => committedSize(context));
  // Witnesses may have taken long.
  await lease?.confirm();
  const released = { size: head.size, signature: await signTreeHead(context, head), checkpoint };
  await storeRelease(context, released, head, lease);
  return released;
}

/** The store compares what was signed with what it holds: this process may have been stopped meanwhile. */
function storeRelease(
  { store }: LogContext,
  released: ReleasedHead,
  { logRoot, auditRoot }: HeadRow,
  lease: WriterLease | undefined,
): Promise<void> {
  return store.release({ ...released, logRoot, auditRoot, writer: lease?.lock });
}
