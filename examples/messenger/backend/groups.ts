import { type CommitOrder, LIMITS } from '../shared/protocol.ts';
import type { Inboxes } from './inboxes.ts';
import { allow } from './refusal.ts';

/** Most groups. They are in memory: a messenger has a database. */
const MAX_GROUPS = 10_000;

interface Group {
  /** The epoch that the next commit must end. */
  epoch: number;
  /** The commit that ended the epoch before, to know it again. */
  newest: { readonly device: string; readonly body: string } | undefined;
  /** Ids of devices. The backend needs them to deliver; who may read is decided by the group itself. */
  readonly devices: Set<string>;
}

/** The account and device of whoever sends. */
export interface Sender {
  readonly account: string;
  readonly device: string;
}

/**
 * The delivery service of MLS (RFC 9420 §16.5): it orders what is sent to a group, and accepts one commit for each
 * epoch. It reads nothing, and it cannot add a member: members check each commit by the log.
 */
export class Groups {
  readonly #groups = new Map<string, Group>();
  readonly #inboxes: Inboxes;

  constructor(inboxes: Inboxes) {
    this.#inboxes = inboxes;
  }

  /** Creates a group of one device, at epoch 0. */
  create(id: string, { device }: Sender): void {
    allow(!this.#groups.has(id), 409, 'group-exists', 'This group exists.');
    allow(this.#groups.size < MAX_GROUPS, 503, 'full', 'This messenger takes no more groups.');
    this.#groups.set(id, { epoch: 0, newest: undefined, devices: new Set([device]) });
  }

  /**
   * Accepts a commit if no other has ended its epoch, and delivers it. Refuses with 409 otherwise. A device that has
   * lost the answer sends the same commit again: that changes nothing.
   */
  commit(id: string, { account, device }: Sender, order: CommitOrder): void {
    if (this.#isKnown(id, device, order)) return;
    const group = this.#of(id, device);
    allow(order.epoch === group.epoch, 409, 'epoch-over', 'Another device was faster. Read the inbox, and try again.');
    const size = group.devices.size + order.added.length - order.removed.length;
    allow(size <= LIMITS.devicesOfGroup, 409, 'group-full', `A group has at most ${LIMITS.devicesOfGroup} devices.`);
    const others = this.#others(group, device);
    this.#inboxes.assertRoom([...others, ...order.added.map((one) => one.device)]);
    const from = { from: account, device, group: id };
    for (const other of others) this.#inboxes.put(other, { kind: 'commit', ...from, body: order.body });
    for (const { device: added, keyPackage } of order.added) {
      group.devices.add(added);
      if (order.welcome === undefined) continue;
      this.#inboxes.put(added, { kind: 'welcome', ...from, keyPackage, body: order.welcome });
    }
    for (const removed of order.removed) group.devices.delete(removed);
    group.epoch++;
    group.newest = { device, body: order.body };
  }

  /** Delivers a message to all other devices of a group. */
  message(id: string, { account, device }: Sender, body: string): void {
    const others = this.#others(this.#of(id, device), device);
    this.#inboxes.assertRoom(others);
    for (const other of others) this.#inboxes.put(other, { kind: 'message', from: account, device, group: id, body });
  }

  /** True for the commit that ended the epoch before, also if it has removed its sender's own former id. */
  #isKnown(id: string, device: string, { epoch, body }: CommitOrder): boolean {
    const group = this.#groups.get(id);
    return group?.epoch === epoch + 1 && group.newest?.device === device && group.newest.body === body;
  }

  #of(id: string, device: string): Group {
    const group = this.#groups.get(id);
    allow(group?.devices.has(device) === true, 404, 'no-such-group', 'This device is in no such group.');
    return group;
  }

  #others({ devices }: Group, device: string): readonly string[] {
    return [...devices].filter((one) => one !== device);
  }
}
