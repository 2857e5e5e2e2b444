import { equalBytes } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import type { PublishTarget, StoredFile } from './publish-target.ts';

/** A file of a copy that its readers cannot use. */
export interface CopyFault {
  readonly path: string;
  /** `unreadable` is a folder, a device, or longer than any file of a log. */
  readonly fault: 'missing' | 'truncated' | 'longer' | 'wrong' | 'unreadable';
}

/** Options of {@link CheckedTarget}. */
export interface CheckedTargetOptions {
  readonly target: PublishTarget;
  /** Writes the right bytes in place of each fault. Otherwise nothing is written. */
  readonly repair: boolean;
  /** Files of the copy that were found unreadable. They are treated as if they did not exist. */
  readonly unreadable: ReadonlySet<string>;
}

/**
 * Compares a copy with verified files, and lists each difference. A publisher writes to this target only what it has
 * verified, so every write is the expected content of one file. It has no `peek`: every file is fetched again.
 */
export class CheckedTarget implements PublishTarget {
  readonly faults: CopyFault[] = [];
  /** Files compared so far. */
  files = 0;
  readonly #options: CheckedTargetOptions;
  /** Verified content of the files that the publisher reads back. */
  readonly #verified = new Map<string, Uint8Array>();
  readonly #readBack: ReadonlySet<string>;

  /** Takes the paths that the publisher reads after it has written them; their verified content is kept in memory. */
  constructor(options: CheckedTargetOptions, readBack: readonly string[] = []) {
    this.#options = options;
    this.#readBack = new Set(readBack);
  }

  async read(path: string): Promise<StoredFile | undefined> {
    const bytes = this.#verified.get(path);
    if (bytes !== undefined) return { bytes, tag: '' };
    return this.#options.unreadable.has(path) ? undefined : this.#options.target.read(path);
  }

  async create(path: string, bytes: Uint8Array): Promise<'written' | 'there'> {
    if (this.#readBack.has(path)) this.#verified.set(path, bytes);
    const stored = await this.#compare(path, bytes);
    if (stored === 'right' || !this.#options.repair) return 'there';
    await this.#options.target.restore(path, bytes, 'fixed');
    return 'written';
  }

  /** Compares a file that changes, unless `expected` is a readable one: that may be older than `bytes`. */
  async replace(path: string, bytes: Uint8Array, expected: StoredFile | undefined): Promise<void> {
    if (expected !== undefined) return;
    const stored = await this.#compare(path, bytes);
    if (stored === 'right' || !this.#options.repair) return;
    // Another publisher may have written it meanwhile.
    if (stored === 'unreadable') await this.#options.target.restore(path, bytes, 'changing');
    else await this.#options.target.replace(path, bytes, stored);
  }

  restore(path: string, bytes: Uint8Array, kind: 'fixed' | 'changing'): Promise<void> {
    return this.#options.target.restore(path, bytes, kind);
  }

  flush(): Promise<void> {
    return this.#options.target.flush();
  }

  /** Lists the fault of a file whose content should be `right`. Returns what is there if it is not that. */
  async #compare(path: string, right: Uint8Array): Promise<StoredFile | 'right' | 'unreadable' | undefined> {
    this.files++;
    const stored = await this.#look(path);
    if (stored === 'unreadable') this.faults.push({ path, fault: 'unreadable' });
    else if (stored !== undefined && equalBytes(stored.bytes, right)) return 'right';
    else this.faults.push({ path, fault: faultOf(stored?.bytes, right) });
    return stored;
  }

  async #look(path: string): Promise<StoredFile | 'unreadable' | undefined> {
    try {
      return await this.#options.target.read(path);
    } catch (error) {
      if (!isGlasskeyError(error, 'published-differs')) throw error;
      return 'unreadable';
    }
  }
}

function faultOf(stored: Uint8Array | undefined, right: Uint8Array): CopyFault['fault'] {
  if (stored === undefined) return 'missing';
  const common = Math.min(stored.length, right.length);
  const agrees = equalBytes(stored.slice(0, common), right.slice(0, common));
  if (!agrees || stored.length === right.length) return 'wrong';
  return stored.length < right.length ? 'truncated' : 'longer';
}
