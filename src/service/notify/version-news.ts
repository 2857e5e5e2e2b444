import type { HeldVersion } from '../../identity/continuity.ts';
import { readBack } from '../../identity/read-back.ts';
import { EntryReader } from '../log/entry-reader.ts';
import { type LabelState, readLinksOf } from '../log/label-state.ts';
import type { LogContext } from '../log/log-context.ts';
import type { VersionNews } from './notices.ts';
import { versionWords } from './version-words.ts';

/** Most versions that one notice lists. */
const MAX_LISTED = 8;
const PAGE = 16;
const CACHED_ENTRIES = 64;

/** A name, and its newest version as the signed tree proves it. */
export interface ProvedName {
  readonly label: Uint8Array;
  readonly labelKey: Uint8Array;
  readonly state: LabelState;
}

/** Reads what happened to a name since an address was told of it. */
export class NewsReader {
  readonly #context: Pick<LogContext, 'store' | 'recoveryDelayMs'>;
  readonly #entries: EntryReader;

  constructor(context: Pick<LogContext, 'store' | 'recoveryDelayMs'>) {
    this.#context = context;
    this.#entries = new EntryReader(context.store, CACHED_ENTRIES);
  }

  /**
   * Returns the versions after `toldVersion`, at most the newest 8. They follow from the proved state by their
   * commitments, so the database cannot make one up. Throws `bad-commitment`, `bad-record`, `storage-corrupt`.
   */
  async read({ label, labelKey, state }: ProvedName, toldVersion: number): Promise<VersionNews> {
    const end = Math.max(toldVersion, state.version - MAX_LISTED, 0);
    const held: HeldVersion[] = [state];
    const input = { label, read: readLinksOf(this.#context, labelKey), end, page: PAGE };
    for await (const earlier of readBack(input, state)) held.unshift(earlier);
    const versions = held.flatMap((one, i) =>
      one.version > toldVersion && held.length - i <= MAX_LISTED ? [versionWords(held[i - 1], one)] : [],
    );
    const [entry] = await this.#entries.read([state.position]);
    const atMs = entry?.timestampMs ?? 0;
    const { authorization } = state.record;
    const isRequested = authorization.type === 'recovery' && authorization.phase === 'requested';
    return {
      versions,
      unread: state.version - toldVersion - versions.length,
      atMs,
      effectiveMs: isRequested ? atMs + this.#context.recoveryDelayMs : undefined,
    };
  }
}
