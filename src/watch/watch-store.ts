import { formatHex } from '../core/encoding/bytes.ts';
import type { Notice } from '../delivery/notice.ts';
import { moreNotice } from './mandate-notices.ts';
import { RecordFile, type RecordChange } from './record-file.ts';
import {
  alarmKey,
  type AlarmRecord,
  feedKey,
  type FeedRecord,
  nameRecordKey,
  NEVER,
  queueKey,
  type QueuedNotice,
  SIGHT_KEY,
  type SightRecord,
  type Subscriber,
  type WatchedName,
  type WatchRecord,
} from './records.ts';

/** Changes of the store that are made as one step. */
export type WatchChange = RecordChange<WatchRecord>;

/** Notices that wait for one subscriber. Beyond that, one stands for all. */
const MAX_WAITING = 64;
/** Notices that wait for all. Beyond that, one waits for each subscriber: a log cannot fill the memory by changes. */
const MAX_QUEUED = 100_000;
/** Entries that a feed keeps, and while all records are long. */
const FEED_ENTRIES = { usual: 50, crowded: 4 };
const CROWDED_BYTES = 256 * 1024 * 1024;

/** The watcher's names, the notices that wait, and the feeds: durable, and indexed by search key. */
export class WatchStore {
  readonly #file: RecordFile<WatchRecord>;
  readonly #maxQueued: number;
  readonly #names = new Map<string, WatchedName>();
  readonly #queue = new Map<string, QueuedNotice>();
  /** Number of notices that wait, by subscriber. */
  readonly #waiting = new Map<string, number>();
  /** By search key: two names never share one. */
  readonly #byKey = new Map<string, { readonly identity: string; readonly version: number }>();
  readonly #bySubscriber = new Map<string, string>();
  /** Names of which a version was added that no lookup has shown yet. */
  readonly #added = new Set<string>();

  private constructor(file: RecordFile<WatchRecord>, maxQueued: number) {
    this.#file = file;
    this.#maxQueued = maxQueued;
  }

  /** Opens the store; `maxQueued` bounds the notices that wait. Throws `storage-failed`, `storage-corrupt`. */
  static async open(path: string, maxQueued: number = MAX_QUEUED): Promise<WatchStore> {
    const store = new WatchStore(await RecordFile.open<WatchRecord>(path), maxQueued);
    for (const [key, record] of store.#file.all()) store.#index(key, record);
    return store;
  }

  /** Every name. */
  names(): Iterable<WatchedName> {
    return this.#names.values();
  }

  /** Bytes of the records on disk. */
  get recordBytes(): number {
    return this.#file.recordBytes;
  }

  get nameCount(): number {
    return this.#names.size;
  }

  /** The number of search keys that are watched. */
  get keyCount(): number {
    return this.#byKey.size;
  }

  get queueLength(): number {
    return this.#queue.size;
  }

  name(identity: string): WatchedName | undefined {
    return this.#names.get(identity);
  }

  /** Returns the name of a subscriber, and the subscriber. */
  subscriber(id: string): { readonly name: WatchedName; readonly subscriber: Subscriber } | undefined {
    const name = this.#names.get(this.#bySubscriber.get(id) ?? '');
    const subscriber = name?.subscribers.find((one) => one.id === id);
    return name === undefined || subscriber === undefined ? undefined : { name, subscriber };
  }

  /** Names of which a version was added that no lookup has shown yet. */
  withAdded(): readonly string[] {
    return [...this.#added];
  }

  /** Notices that wait, in the order in which they came. */
  queue(): Iterable<[key: string, notice: QueuedNotice]> {
    return this.#queue.entries();
  }

  /** The last alarm of a code. */
  alarm(code: string): AlarmRecord | undefined {
    const record = this.#file.get(alarmKey(code));
    return record?.type === 'alarm' ? record : undefined;
  }

  sight(): SightRecord | undefined {
    const record = this.#file.get(SIGHT_KEY);
    return record?.type === 'sight' ? record : undefined;
  }

  feed(subscriber: string): FeedRecord | undefined {
    const record = this.#file.get(feedKey(subscriber));
    return record?.type === 'feed' ? record : undefined;
  }

  /** Returns the name and the version to which a search key belongs, if it is watched. */
  match(vrfOutput: Uint8Array): { readonly identity: string; readonly version: number } | undefined {
    return this.#byKey.get(formatHex(vrfOutput));
  }

  /**
   * Makes changes as one step; resolves once they are durable. The entries of a feed come before those that it has.
   * Throws `storage-failed`.
   */
  commit(given: readonly WatchChange[]): Promise<void> {
    const changes = this.#withFeeds(given);
    for (const [key, record] of changes) {
      this.#forget(key);
      if (record !== undefined) this.#index(key, record);
    }
    return this.#file.commit(changes);
  }

  /**
   * Returns the changes that tell every subscriber of a name, and its feeds. What is for an address that is not
   * confirmed waits for that. One for which too many wait is told that there are more.
   */
  telling(
    { identity, subscribers }: Pick<WatchedName, 'identity' | 'subscribers'>,
    notice: Notice,
    nowMs: number,
  ): WatchChange[] {
    return subscribers
      .filter(({ untilMs }) => (untilMs ?? NEVER) > nowMs)
      .map((subscriber) =>
        subscriber.address === 'feed'
          ? inFeed(identity, subscriber, notice, nowMs)
          : this.#queued(identity, subscriber, notice, nowMs),
      );
  }

  #queued(identity: string, subscriber: Subscriber, given: Notice, nowMs: number): WatchChange {
    const most = this.#queue.size < this.#maxQueued ? MAX_WAITING : 1;
    const isMany = (this.#waiting.get(subscriber.id) ?? 0) >= most;
    const notice = isMany ? moreNotice(identity) : given;
    const key = queueKey(subscriber.id, notice.id);
    return [key, (isMany ? this.#queue.get(key) : undefined) ?? queued(subscriber, notice, nowMs)];
  }

  /** Returns the changes with every feed whole, and one change for each feed. */
  #withFeeds(changes: readonly WatchChange[]): readonly WatchChange[] {
    const feeds = new Map<string, WatchRecord>();
    const most = this.recordBytes < CROWDED_BYTES ? FEED_ENTRIES.usual : FEED_ENTRIES.crowded;
    for (const [key, record] of changes) {
      if (record?.type !== 'feed') continue;
      const before = feeds.get(key) ?? this.#file.get(key);
      const known = before?.type === 'feed' ? before.entries : [];
      const others = known.filter(({ id }) => !record.entries.some((one) => one.id === id));
      feeds.set(key, { ...record, entries: [...record.entries, ...others].slice(0, most) });
    }
    return [...changes.filter(([, record]) => record?.type !== 'feed'), ...feeds];
  }

  #index(key: string, record: WatchRecord): void {
    if (record.type === 'queued') {
      this.#queue.set(key, record);
      this.#waiting.set(record.subscriber, (this.#waiting.get(record.subscriber) ?? 0) + 1);
    }
    if (record.type !== 'name') return;
    const { identity, keys, added, subscribers } = record;
    this.#names.set(identity, record);
    for (const { key: searchKey, version } of keys) this.#byKey.set(searchKey, { identity, version });
    for (const { id } of subscribers) this.#bySubscriber.set(id, identity);
    if (added.length > 0) this.#added.add(identity);
  }

  #forget(key: string): void {
    const waited = this.#queue.get(key)?.subscriber;
    if (waited !== undefined) {
      const left = (this.#waiting.get(waited) ?? 0) - 1;
      if (left > 0) this.#waiting.set(waited, left);
      else this.#waiting.delete(waited);
    }
    this.#queue.delete(key);
    const before = this.#file.get(key);
    if (before?.type !== 'name') return;
    this.#names.delete(before.identity);
    this.#added.delete(before.identity);
    for (const { key: searchKey } of before.keys) this.#byKey.delete(searchKey);
    for (const { id } of before.subscribers) this.#bySubscriber.delete(id);
  }
}

/** Returns the change that stores a name. */
export function nameChange(name: WatchedName): WatchChange {
  return [nameRecordKey(name.identity), name];
}

function inFeed(
  identity: string,
  { id }: Subscriber,
  { id: notice, subject, text }: Notice,
  atMs: number,
): WatchChange {
  return [feedKey(id), { type: 'feed', identity, entries: [{ id: notice, subject, text, atMs }] }];
}

function queued({ id, address, confirmed }: Subscriber, notice: Notice, nowMs: number): QueuedNotice {
  const nextMs = confirmed ? nowMs : NEVER;
  return { type: 'queued', subscriber: id, address, notice, tries: 0, nextMs, sinceMs: nowMs };
}
