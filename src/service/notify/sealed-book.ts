import { createCipheriv, createDecipheriv } from 'node:crypto';
import { concatBytes, encodeUtf8 } from '../../core/encoding/bytes.ts';
import { encode, uint64 } from '../../core/encoding/codec.ts';
import { GlasskeyError } from '../../core/errors.ts';
import type { LogStore, NotifyBookRow } from '../../store/ports.ts';
import { ALL_TOLD } from './after-attempt.ts';
import { emptyBook, emptyUntil, type NotifyBook, tidy, toldAddresses } from './notify-book.ts';

/** The part of an open log that keeps books. */
export interface BookContext {
  readonly origin: string;
  readonly store: Pick<LogStore, 'readNotifyBook' | 'writeNotifyBook' | 'dropNotifyBook'>;
  readonly now: () => number;
  readonly random: (length: number) => Uint8Array;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Content is padded to a multiple of this, so that its length hardly says how many addresses there are. */
const PADDING_BYTES = 2048;
const MAX_TRIES = 5;

/** A book that was read, with the place to write it back to. */
interface HeldBook {
  readonly book: NotifyBook;
  /** 0 if there is no row. */
  readonly revision: number;
}

/**
 * Keeps books in the database, encrypted with AES-256-GCM and bound to the log, the label and the revision
 * (docs/spec.md#notify-books): write access to the database alone adds no address, and read access shows none.
 */
export class SealedBooks {
  readonly #context: BookContext;
  readonly #key: Uint8Array;

  /** `key` is 32 secret bytes, the same on every server of the log. */
  constructor(context: BookContext, key: Uint8Array) {
    this.#context = context;
    this.#key = key;
  }

  /** Returns the book of a label; undefined if it has none. Throws `storage-corrupt` if this log did not write it. */
  async read(labelKey: Uint8Array): Promise<NotifyBook | undefined> {
    const { book, revision } = await this.#held(labelKey, '');
    return revision === 0 ? undefined : book;
  }

  /**
   * Changes the book of a label, or begins it, and returns it. `change` may run again if another process wrote in
   * between; undefined leaves the book as it is. Throws what `change` throws, `storage-corrupt`, and `overloaded` if
   * others kept writing.
   */
  async update(
    { labelKey, identity }: { readonly labelKey: Uint8Array; readonly identity: string },
    change: (book: NotifyBook) => NotifyBook | undefined,
  ): Promise<NotifyBook> {
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const { book, revision } = await this.#held(labelKey, identity);
      const changed = change(tidy(book, this.#context.now()));
      if (changed === undefined) return book;
      if (await this.#context.store.writeNotifyBook(this.#row(labelKey, changed, revision + 1))) return changed;
    }
    throw new GlasskeyError('overloaded', 'the addresses of this name are being changed: try again', {
      retryAfterSeconds: 1,
    });
  }

  /** Deletes the book of a label, whatever it holds. */
  async drop(labelKey: Uint8Array): Promise<void> {
    const row = await this.#context.store.readNotifyBook(labelKey);
    if (row !== undefined) await this.#context.store.dropNotifyBook(labelKey, row.revision);
  }

  async #held(labelKey: Uint8Array, identity: string): Promise<HeldBook> {
    const row = await this.#context.store.readNotifyBook(labelKey);
    return row === undefined
      ? { book: emptyBook(identity), revision: 0 }
      : { book: this.#open(row), revision: row.revision };
  }

  #row(labelKey: Uint8Array, book: NotifyBook, revision: number): NotifyBookRow {
    const nonce = this.#context.random(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(this.#boundTo(labelKey, revision));
    const text = Buffer.from(JSON.stringify(book));
    const padded = Buffer.alloc(Math.ceil(text.length / PADDING_BYTES) * PADDING_BYTES, ' ');
    text.copy(padded);
    const sealed = concatBytes(nonce, cipher.update(padded), cipher.final(), cipher.getAuthTag());
    return { labelKey, revision, ...hints(book, this.#context.now()), sealed };
  }

  #open({ labelKey, revision, sealed }: NotifyBookRow): NotifyBook {
    try {
      const nonce = sealed.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG_BYTES })
        .setAAD(this.#boundTo(labelKey, revision))
        .setAuthTag(sealed.subarray(-TAG_BYTES));
      const text = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      return JSON.parse(text.toString()) as NotifyBook;
    } catch {
      throw new GlasskeyError('storage-corrupt', 'this log did not write a row of notify_books');
    }
  }

  #boundTo(labelKey: Uint8Array, revision: number): Uint8Array {
    return concatBytes(labelKey, encode(uint64, revision), encodeUtf8(this.#context.origin));
  }
}

/**
 * Returns the columns by which a round finds books that are due, in clear. An address that waits is found by its time
 * alone: a receiver that is away costs no look at each version of the log.
 */
function hints(book: NotifyBook, nowMs: number): Pick<NotifyBookRow, 'toldVersion' | 'dueMs'> {
  const told = toldAddresses(book, nowMs).filter(({ toldVersion }) => toldVersion !== ALL_TOLD);
  const hasChange = ({ toldChange }: { readonly toldChange: number }): boolean => toldChange < book.changeCount;
  const due = [
    ...told.filter((one) => one.nextMs > 0 || hasChange(one)).map(({ nextMs }) => nextMs),
    ...(book.addresses.length === 0 ? [emptyUntil(book)] : []),
    ...(book.isErased === true && told.every(({ nextMs }) => nextMs === 0) ? [0] : []),
    ...book.addresses.flatMap(({ untilMs }) => (untilMs === undefined ? [] : [untilMs])),
  ];
  const following = told.filter(({ nextMs }) => nextMs === 0).map(({ toldVersion }) => toldVersion);
  return {
    toldVersion: Math.min(...following, ALL_TOLD),
    dueMs: due.length === 0 ? undefined : Math.max(Math.min(...due), 0),
  };
}
