import type { CommitReport, MlsAuthentication, RefusedMember } from 'glasskey/mls';
import { type ClientState, type CreateCommitResult, type Proposal, zeroOutUint8Array } from 'ts-mls';
import { deviceSuite } from 'glasskey/mls';
import { type CommitOrder, nameOf } from '../../shared/protocol.ts';
import { BackendError } from '../backend.ts';
import { fromBase64, toBase64, toHex } from '../bytes.ts';
import type { Device, Me } from '../device.ts';
import { oldKeyOf } from '../keys.ts';
import { type Chat, type Line, systemLine, withLines } from './chat.ts';
import type { ChatStore, OpenChat, PendingCommit } from './chat-store.ts';
import type { Invited } from './invitations.ts';
import { mlsDevice } from './key-package-stock.ts';
import { certificateOf, deviceOfLeaf, leafAt } from './leaves.ts';
import { cipherSuite, writeMessage, writeWelcome } from './wire.ts';

/** Parts that a change of a group uses. */
export interface GroupParts {
  readonly device: Device;
  readonly auth: MlsAuthentication;
  readonly store: ChatStore;
}

/** Devices that a commit adds and removes, for the backend's delivery. */
interface Delivery {
  readonly from: string;
  readonly added: readonly { readonly device: string; readonly keyPackage: string }[];
  readonly removed: readonly string[];
}

type Committed = CreateCommitResult & { readonly report: CommitReport | undefined };

/** Adds devices to a group. */
export async function addDevices(
  parts: GroupParts,
  me: Me,
  open: OpenChat,
  invited: readonly Invited[],
): Promise<OpenChat> {
  const proposals = invited.map(({ keyPackage }): Proposal => ({ proposalType: 'add', add: { keyPackage } }));
  const committed = await commitTo(parts, me, open.state, proposals);
  const added = invited.map(({ device, keyPackageId: keyPackage }) => ({ device, keyPackage }));
  return send(parts, open, committed, { from: me.device, added, removed: [] });
}

/** Removes devices whose certificate the log no longer has. */
export async function removeDeparted(
  parts: GroupParts,
  me: Me,
  open: OpenChat,
  departed: readonly RefusedMember[],
): Promise<OpenChat> {
  const leaves = departed.map(({ leafIndex }) => leafIndex);
  const proposals = leaves.map((removed): Proposal => ({ proposalType: 'remove', remove: { removed } }));
  const devices = leaves.map((leafIndex) => leafAt(open.state, leafIndex)).filter((leaf) => leaf !== undefined);
  const removed = await Promise.all(devices.map(deviceOfLeaf));
  return send(parts, open, await commitTo(parts, me, open.state, proposals), { from: me.device, added: [], removed });
}

/**
 * Puts this device's present certificate in the place of the one that it has in a group, after a renewal or a rotation.
 * The key before, which is stored until all groups are done, signs it. Returns the chat as it is if nothing is to do.
 */
export async function replaceOwn(parts: GroupParts, me: Me, open: OpenChat): Promise<OpenChat> {
  const { state } = open;
  const leaf = leafAt(state, state.privatePath.leafIndex);
  if (leaf === undefined || hasOwnCertificate(state, me)) return open;
  const from = await deviceOfLeaf(leaf);
  const before = from === me.device ? me.key : await oldKeyOf(parts.device.storage);
  const suite = await cipherSuite;
  const committed = await parts.auth.replace({ state, cipherSuite: suite, before, next: mlsDevice(me) });
  const moved = from === me.device ? [] : [from];
  const added = moved.map(() => ({ device: me.device, keyPackage: '' }));
  return send(parts, open, committed, { from, added, removed: moved });
}

/** True if a group has the present certificate of this device. */
export function hasOwnCertificate(state: ClientState, { certified }: Me): boolean {
  const leaf = leafAt(state, state.privatePath.leafIndex);
  const present = leaf && certificateOf(leaf);
  return present !== undefined && toHex(present) === toHex(certificateBytes(certified.certificate));
}

async function commitTo(
  { auth }: GroupParts,
  me: Me,
  state: ClientState,
  extraProposals: Proposal[],
): Promise<Committed> {
  const context = { state, cipherSuite: deviceSuite(await cipherSuite, me.key) };
  return auth.commit(context, { extraProposals, ratchetTreeExtension: true });
}

/** Sends a commit. Only if the backend took it, its state becomes the group's: otherwise another device was faster. */
async function send(
  parts: GroupParts,
  { chat, state }: OpenChat,
  { newState, commit, welcome, consumed, report }: Committed,
  { from, added, removed }: Delivery,
): Promise<OpenChat> {
  const order: CommitOrder = {
    device: from,
    epoch: Number(state.groupContext.epoch),
    body: toBase64(writeMessage(commit)),
    ...(welcome === undefined ? {} : { welcome: toBase64(writeWelcome(welcome)) }),
    added,
    removed,
  };
  const next = { chat: afterCommit(chat, report), state: newState };
  await parts.store.writePending(chat.id, { ...next, order });
  await sendPending(parts, { ...next, order });
  for (const secret of consumed) zeroOutUint8Array(secret);
  return next;
}

/** Sends a commit that is stored as pending, also once more after a lost answer: the backend knows it again. */
async function sendPending({ device, store }: GroupParts, { order, chat, state }: PendingCommit): Promise<void> {
  try {
    await device.backend.commit(chat.id, order);
  } catch (error) {
    const isDecided = error instanceof BackendError && ['epoch-over', 'no-such-group'].includes(error.code);
    if (isDecided) await store.dropPending(chat.id);
    throw error;
  }
  await store.write({ chat, state }, { [`pending:${chat.id}`]: undefined });
}

/** Settles the commit of a conversation whose answer was lost, if there is one. Throws if the backend is away. */
export async function settlePending(parts: GroupParts, id: string): Promise<void> {
  const pending = await parts.store.readPending(id);
  if (pending === undefined) return;
  await sendPending(parts, pending).catch((error: unknown) => {
    if (!(error instanceof BackendError && error.code !== 'offline')) throw error;
  });
}

/** Returns a conversation after a commit: who is in it, and a line for each change. */
export function afterCommit(chat: Chat, report: CommitReport | undefined): Chat {
  if (report === undefined) return chat;
  const added = report.added.map(({ identity }) => identity);
  const lines: Line[] = [
    ...[...new Set(added)].map((identity) => {
      const isNew = !chat.people.includes(identity);
      return systemLine(
        isNew ? `${nameOf(identity)} is in this conversation.` : `${nameOf(identity)} has added a device.`,
      );
    }),
    ...report.removed.map(({ identity = 'somebody' }) => systemLine(`A device of ${nameOf(identity)} was removed.`)),
    ...report.replaced.map(({ identity }) => systemLine(`${nameOf(identity)} has a new key, signed by the old one.`)),
  ];
  return withLines({ ...chat, people: [...new Set([...chat.people, ...added])] }, ...lines);
}

/** Reads the first certificate of a PEM text. */
function certificateBytes(pem: string): Uint8Array {
  return fromBase64(pem.replaceAll(/-----[^-]+-----/g, '').replaceAll(/\s/g, ''));
}
