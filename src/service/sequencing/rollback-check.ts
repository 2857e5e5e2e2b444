import { verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { equalBytes, formatBase64 } from '../../core/encoding/bytes.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { decodeTreeEdge, type TreeEdge } from '../../core/log/tiled-tree.ts';
import type { HeadRow, ReleasedHead } from '../../store/ports.ts';
import { AuditProofs } from '../log/audit-proofs.ts';
import type { LogContext } from '../log/log-context.ts';
import type { OwnCheckpoint } from '../log/signed-checkpoint-file.ts';
import type { SignedCheckpoint } from '../witnessing/witness-peer.ts';

type Context = Pick<LogContext, 'store' | 'limits' | 'origin' | 'noteSigner' | 'lastSigned' | 'witnesses'>;

/**
 * Makes sure, before this process signs anything, that nobody has seen more of the log than the database holds, or something
 * else (DESIGN §9): neither this host's file of what it signed last, nor a witness. Throws `log-rolled-back` with what was
 * found, `release-stalled` where too few witnesses answer, `storage-failed`.
 */
export async function assertNotRolledBack(
  context: Context,
  head: HeadRow,
  released: ReleasedHead | undefined,
): Promise<void> {
  const edge = decodeTreeEdge(head.auditEdge);
  const proofs = new AuditProofs(context.store, context.limits.logTileCacheSize);
  const signed = await context.lastSigned?.read();
  if (signed !== undefined) await assertHeld(context, signed, head, () => proofs.root(signed.size, edge));
  const last = latest(context, released, signed);
  if (context.witnesses === undefined || last === undefined) return;
  await context.witnesses.confirm(checkpointFrom(last.text, last.size, proofs, edge), () => committedSize(context));
}

/** Number of entries that the database holds now. */
export async function committedSize({ store }: Pick<LogContext, 'store'>): Promise<number> {
  return (await store.readHead()).size;
}

/** A signed checkpoint with the proofs that witnesses ask for: most ask for the same, and it is made once. */
export function checkpointFrom(
  note: string,
  size: number,
  proofs: Pick<AuditProofs, 'consistency' | 'root'>,
  edge: TreeEdge,
): SignedCheckpoint {
  const made = new Map<number, Promise<readonly Uint8Array[]>>();
  return {
    note,
    size,
    proofFrom: (oldSize) => {
      const proof = made.get(oldSize) ?? proofs.consistency(oldSize, size, edge);
      made.set(oldSize, proof);
      return proof;
    },
    rootAt: (smaller) => proofs.root(smaller, edge),
  };
}

async function assertHeld(
  { lastSigned }: Context,
  signed: OwnCheckpoint,
  head: HeadRow,
  rootOf: () => Promise<Uint8Array>,
): Promise<void> {
  const path = lastSigned?.path ?? '';
  if (signed.size > head.size) {
    const message = `${path} says that this host has signed size ${signed.size}, and the database has only ${head.size} entries: it is old`;
    throw new GlasskeyError('log-rolled-back', message);
  }
  const root = await rootOf();
  if (equalBytes(root, signed.rootHash)) return;
  const [was, is] = [formatBase64(signed.rootHash), formatBase64(root)];
  const message = `${path} says that this host has signed the root ${was} for size ${signed.size}, and the database has ${is}: it is forked`;
  throw new GlasskeyError('log-rolled-back', message);
}

/** The newest checkpoint that is known to be signed: what witnesses may have seen. */
function latest(
  { origin, noteSigner }: Context,
  released: ReleasedHead | undefined,
  signed: OwnCheckpoint | undefined,
): { readonly text: string; readonly size: number } | undefined {
  if (released === undefined) return signed;
  if (signed !== undefined && signed.size > released.size) return signed;
  const { size } = verifyCheckpoint(released.checkpoint, { origin, vkeys: [noteSigner.vkey] });
  return { text: released.checkpoint, size };
}
