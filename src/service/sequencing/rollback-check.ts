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
 * Checks the database before this process signs anything (docs/architecture.md#sequencing-and-durability). Neither this
 * host's checkpoint file nor a witness may have seen a larger log or another one. Throws `log-rolled-back` with its
 * finding, `release-stalled` if too few witnesses answer, `storage-failed`.
 */
export async function assertNotRolledBack(
  context: Context,
  head: HeadRow,
  released: ReleasedHead | undefined,
): Promise<void> {
  const edge = decodeTreeEdge(head.auditEdge);
  const proofs = new AuditProofs(context.store, context.limits.logTileCacheSize);
  const signed = await context.lastSigned?.read();
  if (signed === undefined) assertNoneMissing(context, released);
  else await assertHeld(context, signed, head, () => proofs.root(signed.size, edge));
  const last = latest(context, released, signed);
  if (context.witnesses === undefined || last === undefined) return;
  await context.witnesses.confirm(checkpointFrom(last.text, last.size, proofs, edge), () => committedSize(context));
}

/**
 * Throws `log-rolled-back` if this host's file is missing although heads were released, and no witness can say what was
 * signed. The database may then be a restored one.
 */
function assertNoneMissing({ lastSigned, witnesses }: Context, released: ReleasedHead | undefined): void {
  if (lastSigned === undefined || witnesses !== undefined || released === undefined) return;
  const unknown = `${lastSigned.path} is missing, so this host does not know whether more than size ${released.size} was signed`;
  const advice = 'if the database is the newest one, serve once with --accept-missing-checkpoint';
  throw new GlasskeyError('log-rolled-back', `${unknown}: ${advice}`);
}

/** Throws what {@link assertNotRolledBack} throws for a file that is missing. Reads nothing else. */
export async function assertLastSignedKnown(context: Context): Promise<void> {
  if ((await context.lastSigned?.read()) === undefined) assertNoneMissing(context, await context.store.readReleased());
}

/**
 * Lets a host sign that has no file of its last checkpoint: takes the newest released one for it. The operator must
 * know that the database is the newest. Does nothing if there is a file. Throws `storage-failed`, and verification
 * errors for a checkpoint that this log has not signed.
 */
export async function adoptReleased(context: Context): Promise<void> {
  const { lastSigned, store, origin, noteSigner } = context;
  if (lastSigned === undefined || (await lastSigned.read()) !== undefined) return;
  const released = await store.readReleased();
  if (released === undefined) return;
  verifyCheckpoint(released.checkpoint, { origin, vkeys: [noteSigner.vkey] });
  await lastSigned.write(released.checkpoint);
}

/** Returns the number of entries that the database holds now. */
export async function committedSize({ store }: Pick<LogContext, 'store'>): Promise<number> {
  return (await store.readHead()).size;
}

/**
 * Returns a signed checkpoint with the proofs that witnesses ask for. Most ask for the same one, which is made once.
 */
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
    const found = `the database is older: it has ${head.size} entries`;
    const message = `${path} says that this host has signed size ${signed.size}; ${found}`;
    throw new GlasskeyError('log-rolled-back', message);
  }
  const root = await rootOf();
  if (equalBytes(root, signed.rootHash)) return;
  const [was, is] = [formatBase64(signed.rootHash), formatBase64(root)];
  const found = `the database holds another log, with root ${is}`;
  const message = `${path} says that this host has signed size ${signed.size} with root ${was}; ${found}`;
  throw new GlasskeyError('log-rolled-back', message);
}

/** Returns the newest checkpoint known to be signed: witnesses may have seen it. */
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
