import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { type Lane, parseDeliveryAddress } from '../../delivery/address.ts';
import { BUSY, type DeliveryResult, OFF } from '../../delivery/delivery-result.ts';
import type { Notice } from '../../delivery/notice.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import { Deadline } from '../issuance/await-log.ts';
import type { LabelState } from '../log/label-state.ts';
import { type LabelName, readProvedState } from '../log/proved-state.ts';
import { afterAttempt, afterErasure, ALL_TOLD, isOverLimit, type Told } from './after-attempt.ts';
import { BookRounds } from './book-rounds.ts';
import { dueAddresses, knowsAll, type Wanted, withClaims } from './due-addresses.ts';
import { type BookAddress, emptyBook, emptyUntil, type NotifyBook, tidy, withAddress } from './notify-book.ts';
import { addressNotice, erasureNotice, type NoticeAbout, versionNotice } from './notices.ts';
import type { NotifyParts, OpenNotices } from './notify-parts.ts';
import { NewsReader, type ProvedName } from './version-news.ts';

/**
 * Sends owners notices of new versions of their names, and of changes of the addresses. The log says what is due: each
 * address has the version that it was told of, so a notice is due until one was delivered, whatever this process
 * forgets. An attempt is noted before it is made. A crash between a delivery and its note repeats the notice later,
 * with the same id. Rounds run one at a time and wait for mail alone. A webhook that hangs delays neither.
 */
export class NotifyKeeper {
  readonly #parts: NotifyParts;
  readonly #news: NewsReader;
  readonly #rounds: BookRounds;
  readonly #isActive: () => boolean;
  #running: Promise<void> = Promise.resolve();
  /** By label key, hex: deliveries to places that owners chose, which no round waits for. */
  readonly #late = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  /** While `isActive` is false, another process runs the rounds. */
  constructor(parts: NotifyParts, isActive: () => boolean) {
    this.#parts = parts;
    this.#news = new NewsReader(parts.prover.context);
    this.#rounds = new BookRounds(parts, (error) => this.#failed(error));
    this.#isActive = isActive;
  }

  /** Starts the rounds. */
  start(): void {
    const poke = (): void => void (this.#isActive() && this.tend());
    this.#timer = setInterval(poke, this.#parts.prover.context.limits.notifyIntervalMs);
    this.#timer.unref();
  }

  /** Stops after the books that are under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#rounds.stop();
    clearInterval(this.#timer);
    await this.#running;
    await Promise.all(this.#late.values());
  }

  /**
   * Runs one round, after the one that is under way, and waits for all that it began to deliver. Never rejects:
   * failures go to the observer.
   */
  async tend(): Promise<void> {
    this.#running = this.#running.then(() => this.#round()).catch((error: unknown) => this.#failed(error));
    await this.#running;
    await Promise.all(this.#late.values());
  }

  #failed(error: unknown): void {
    this.#parts.prover.context.observe({ type: 'notify-failed', error });
  }

  async #round(): Promise<void> {
    const notices = this.#parts.open();
    await this.#rounds.run(notices !== undefined, (labelKey) => this.#look(notices, labelKey));
  }

  async #look(notices: OpenNotices | undefined, labelKey: Uint8Array): Promise<void> {
    const { prover, books } = this.#parts;
    const { context } = prover;
    const [book, { released }] = await Promise.all([books.read(labelKey), prover.progress.released()]);
    if (book === undefined) return;
    const { label } = canonicalIdentity(book.identity, context.identityRules);
    const state = book.isErased === true ? 'erased' : await this.#stateOf({ label, labelKey });
    ensure(state !== undefined, 'storage-corrupt', 'a row of notify_books is about a name that the log does not have');
    if (state === 'erased' && notices === undefined) return books.drop(labelKey);
    if (notices === undefined) return;
    const nowMs = context.now();
    if (tidy(book, nowMs).addresses.length === 0 && nowMs >= emptyUntil(book)) return books.drop(labelKey);
    const name = state === 'erased' ? state : { label, labelKey, state };
    const key = formatHex(labelKey);
    const version = versionOf(name);
    const web = this.#late.has(key) ? [] : dueAddresses(book, { version, lanes: ['web'] }, nowMs);
    // Those that failed before leave some places to others.
    const places = web.some(({ failures }) => failures === 0) ? MAX_LATE : MAX_LATE - KEPT_PLACES;
    const isFull = (): boolean => this.#late.size >= places;
    const lanes: readonly Lane[] = web.length === 0 || isFull() ? ['mail'] : ['mail', 'web'];
    const claimed = await this.#claim(book, labelKey, { version, lanes });
    const telling = { name, labelKey, busy: undefined, needsNote: false };
    if (web.length > 0) {
      if (isFull()) await this.#tell(notices, claimed, { ...telling, lane: 'web', busy: FULL });
      else {
        const work = this.#tell(notices, claimed, { ...telling, lane: 'web' });
        this.#late.set(key, this.#later(key, released.size, work));
      }
    }
    // One note at least, so that a book that has nothing to tell any more is not looked at again.
    await this.#tell(notices, claimed, { ...telling, lane: 'mail', needsNote: web.length === 0 });
  }

  /** Lets a round end before `work`, which tells nothing of a log that is longer than `size`. */
  async #later(key: string, size: number, work: Promise<void>): Promise<void> {
    try {
      await work;
      if ((await this.#parts.prover.progress.released()).released.size > size) this.#rounds.compareAgain();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#late.delete(key);
    }
  }

  /** Delivers to one lane, and notes what its addresses know then. Drops the book of an erased name at the end. */
  async #tell(notices: OpenNotices, book: NotifyBook, { labelKey, ...telling }: Telling): Promise<void> {
    const { books, prover } = this.#parts;
    const isErased = telling.name === 'erased';
    const told = await this.#tellAll(notices, book, telling);
    if (told.length === 0 && !telling.needsNote && !isErased) return;
    let isDone = false;
    await books.update({ labelKey, identity: book.identity }, (fresh) => {
      // Erased meanwhile: its last notice is due, whatever came of this one.
      if (fresh.isErased === true && !isErased) return undefined;
      const noted = withTold(fresh, told);
      isDone = isErased && isOld(fresh, book) && knowsAll(noted ?? fresh, prover.context.now());
      return noted;
    });
    if (isDone) await books.drop(labelKey);
  }

  /**
   * Notes the attempts that are about to be made, and returns the book as it was before. What cannot be noted is not
   * sent: a database that takes no writes would have it sent in each round. Nor does another process send it, too.
   */
  async #claim({ identity }: NotifyBook, labelKey: Uint8Array, wanted: Wanted): Promise<NotifyBook> {
    const { now, random } = this.#parts.prover.context;
    let before = emptyBook(identity);
    await this.#parts.books.update({ labelKey, identity }, (fresh) => {
      before = fresh;
      return withClaims(fresh, wanted, { nowMs: now(), random });
    });
    return before;
  }

  /** Returns the proved newest version; `erased` if that is an erasure, or its content is gone. */
  async #stateOf(name: LabelName): Promise<LabelState | 'erased' | undefined> {
    const { prover } = this.#parts;
    const deadline = new Deadline(prover.context.limits.requestTimeoutMs);
    const state = await readProvedState(prover, name, deadline).catch((error: unknown) => {
      if (isGlasskeyError(error, 'erased')) return 'erased' as const;
      throw error;
    });
    if (typeof state !== 'object') return state;
    const { authorization } = state.record;
    const isErasure = authorization.type === 'maintenance' && authorization.kind === 'erasure';
    return isErasure ? 'erased' : state;
  }

  /** Sends each address that can be told now what it lacks. Returns these as they are afterwards. */
  async #tellAll(
    notices: OpenNotices,
    book: NotifyBook,
    { name, lane, busy }: Omit<Telling, 'labelKey'>,
  ): Promise<readonly BookAddress[]> {
    const { now, random } = this.#parts.prover.context;
    const all: BookAddress[] = [];
    let untried = busy;
    for (const address of dueAddresses(book, { version: versionOf(name), lanes: [lane] }, now())) {
      // A mistake about one address silences no other.
      const told = await this.#tellOne(notices, address, { name, book, busy: untried }).catch((error: unknown) => {
        this.#failed(error);
        return afterAttempt(address, FAILED, {}, { nowMs: now(), random });
      });
      all.push(told);
      // The places are few: a name whose receiver fails gives its own back.
      if (lane === 'web' && told.failures > address.failures) untried = FULL;
    }
    return all;
  }

  /** Sends one address what it lacks, unless that is not to be tried now. Returns it as it is afterwards. */
  async #tellOne(
    notices: OpenNotices,
    address: BookAddress,
    { name, book, busy }: Pick<Telling, 'name' | 'busy'> & { readonly book: NotifyBook },
  ): Promise<BookAddress> {
    const { now, random } = this.#parts.prover.context;
    const isOn = notices.deliverer.has(parseDeliveryAddress(address.text).kind);
    const untried = this.#stopping ? CLOSING : isOn ? busy : OFF;
    // The address of an erased name waits for no channel: it goes.
    if (name === 'erased' && untried === OFF) return afterErasure(address, GONE, now());
    if (untried !== undefined) return afterAttempt(address, untried, {}, { nowMs: now(), random });
    const about = this.#about(notices, book, address);
    if (name === 'erased') return this.#tellErased(notices, about, address);
    return this.#tellNews(notices, about, address, { ...name, book });
  }

  /** Sends one address what it was not told yet: changes of addresses, then versions. */
  async #tellNews(
    notices: OpenNotices,
    about: NoticeAbout,
    before: BookAddress,
    { book, ...name }: ProvedName & { readonly book: NotifyBook },
  ): Promise<BookAddress> {
    let address = before;
    const { version } = name.state;
    const changes = book.changes.filter(({ number }) => number > address.toldChange);
    if (changes.length > 0) {
      const told = { toldChange: changes.at(-1)?.number ?? address.toldChange };
      const gone = told.toldChange - address.toldChange - changes.length;
      address = await this.#attempt(notices, address, addressNotice(about, changes, gone), told);
    }
    if (version <= address.toldVersion || address.nextMs > this.#parts.prover.context.now()) return address;
    const news = await this.#news.read(name, address.toldVersion);
    return this.#attempt(notices, address, versionNotice(about, news), { toldVersion: version });
  }

  async #tellErased(notices: OpenNotices, about: NoticeAbout, address: BookAddress): Promise<BookAddress> {
    const result = await this.#deliver(notices, address, erasureNotice(about));
    return afterErasure(address, result, this.#parts.prover.context.now());
  }

  async #attempt(notices: OpenNotices, address: BookAddress, notice: Notice, told: Told): Promise<BookAddress> {
    const { now, random } = this.#parts.prover.context;
    const result = isOverLimit(address, now()) ?? (await this.#deliver(notices, address, notice));
    return afterAttempt(address, result, told, { nowMs: now(), random });
  }

  async #deliver({ deliverer }: OpenNotices, { text }: BookAddress, notice: Notice): Promise<DeliveryResult> {
    const address = parseDeliveryAddress(text);
    const result = await deliverer.deliver(address, notice);
    this.#parts.prover.context.observe({ type: 'notice', channel: address.kind, outcome: result.outcome });
    return result;
  }

  #about({ settings }: OpenNotices, { identity }: NotifyBook, { id }: BookAddress): NoticeAbout {
    return { origin: this.#parts.prover.context.origin, identity, addressId: id, link: settings.link };
  }
}

/** The addresses of one lane that are to be told of a name. */
interface Telling {
  readonly name: ProvedName | 'erased';
  readonly labelKey: Uint8Array;
  readonly lane: Lane;
  /** Result for every address, without an attempt. */
  readonly busy: DeliveryResult | undefined;
  /** True if the book is to be noted even if nothing is to be told. */
  readonly needsNote: boolean;
}

/** Most names with something under way to webhooks and push services: half of what the deliverer carries. */
const MAX_LATE = 16;
/** The places of these for names of which an address did not fail before. */
const KEPT_PLACES = 6;
const FULL: DeliveryResult = { ...BUSY, afterMs: 20_000 };
const CLOSING: DeliveryResult = { outcome: 'retry', reason: 'closing' };
const FAILED: DeliveryResult = { outcome: 'retry', reason: 'this server failed' };
const GONE: DeliveryResult = { outcome: 'gone', reason: 'the channel is off' };

/** Returns true if every address of a book was in an earlier state of it, too. */
function isOld(book: NotifyBook, earlier: NotifyBook): boolean {
  return book.addresses.every(({ id }) => earlier.addresses.some((one) => one.id === id));
}

/** Returns the version that each address has to know of: more than any if the name was erased. */
function versionOf(name: ProvedName | 'erased'): number {
  return name === 'erased' ? ALL_TOLD : name.state.version;
}

/** Notes what was told, in a book that an owner may have changed meanwhile. Undefined if it says nothing new. */
function withTold(book: NotifyBook, changed: readonly BookAddress[]): NotifyBook | undefined {
  const isKnown = book.addresses.length > 0 || book.lastOrder > 0;
  if (!isKnown) return undefined;
  return changed.reduce((noted, one) => {
    const present = noted.addresses.find(({ id }) => id === one.id);
    if (present === undefined) return noted;
    const { state, untilMs } = present;
    return withAddress(noted, { ...one, state, ...(untilMs === undefined ? {} : { untilMs }) });
  }, book);
}
