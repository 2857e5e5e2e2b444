import type { Notice } from '../delivery/notice.ts';

/** A search key that must stay absent while the watcher knows the greatest version of a name. */
export interface WatchedKey {
  readonly version: number;
  /** VRF output of the version, lower-case hex. */
  readonly key: string;
}

/** A version that a log entry added, and that no lookup has shown yet. */
export interface AddedVersion {
  readonly version: number;
  /** The log entry. */
  readonly position: number;
  /** Commitment in the prefix tree, lower-case hex. */
  readonly commitment: string;
  /** By the watcher's clock, ms. */
  readonly seenMs: number;
  /** True once the owner was told that the server does not show it. */
  readonly told?: true;
}

/** Where an owner is told. */
export interface Subscriber {
  /** Random; part of the records' keys. */
  readonly id: string;
  /** The text of a delivery address, or `feed`. */
  readonly address: string;
  /** SHA-256, lower-case hex: of the code that confirms the address, or of the secret of the feed's URL. */
  readonly secretHash: string;
  readonly confirmed: boolean;
  /** Time of the confirmation, ms; of a feed, that of its begin. */
  readonly confirmedMs?: number;
  /** Of an address that a later mandate no longer names: told until then, ms. */
  readonly untilMs?: number;
}

/** A name that is watched, with the owner's newest mandate. */
export interface WatchedName {
  readonly type: 'name';
  /** Canonical. */
  readonly identity: string;
  /** The greatest version that a lookup proved. */
  readonly greatest: number;
  /** Commitment of that version, lower-case hex. */
  readonly commitment: string;
  readonly keys: readonly WatchedKey[];
  readonly added: readonly AddedVersion[];
  /** The text of the mandate. */
  readonly mandate: string;
  /** Its number and its end, ms. */
  readonly number: number;
  readonly expiresMs: number;
  readonly subscribers: readonly Subscriber[];
  /** True once the owner was told that the mandate ends soon. */
  readonly endTold?: true;
}

/** A notice that waits for its delivery to one address. */
export interface QueuedNotice {
  readonly type: 'queued';
  readonly subscriber: string;
  /** The text of the address: it outlives the subscriber. */
  readonly address: string;
  readonly notice: Notice;
  readonly tries: number;
  /** Not before, ms; {@link NEVER} until the address is confirmed. */
  readonly nextMs: number;
  /** ms. */
  readonly sinceMs: number;
}

/** A time that does not come, ms. */
export const NEVER = Number.MAX_SAFE_INTEGER;

/** One entry of a feed. */
export interface FeedEntry {
  readonly id: string;
  readonly subject: string;
  readonly text: string;
  /** ms. */
  readonly atMs: number;
}

/** The feed of one subscriber, newest first. */
export interface FeedRecord {
  readonly type: 'feed';
  readonly identity: string;
  readonly entries: readonly FeedEntry[];
}

/** The last alarm of one code about the log as a whole. */
export interface AlarmRecord {
  readonly type: 'alarm';
  readonly code: string;
  readonly message: string;
  /** ms. */
  readonly toldMs: number;
}

/** The newest that is known of the watcher's own sight. */
export interface SightRecord {
  readonly type: 'sight';
  /** Time of a round in which all of the log verified, or of the first start, ms. */
  readonly verifiedMs: number;
  /** True once the owners were told that nobody watches. */
  readonly isBlind: boolean;
}

/** A record of the watcher's store. */
export type WatchRecord = WatchedName | QueuedNotice | FeedRecord | AlarmRecord | SightRecord;

export const nameRecordKey = (identity: string): string => `name:${identity}`;
export const feedKey = (subscriber: string): string => `feed:${subscriber}`;
export const queueKey = (subscriber: string, notice: string): string => `queue:${subscriber}:${notice}`;
export const alarmKey = (code: string): string => `alarm:${code}`;
export const SIGHT_KEY = 'sight';
