import { formatHex } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { parseDeliveryAddress } from '../../delivery/address.ts';
import type { DeliveryResult } from '../../delivery/delivery-result.ts';
import type { Notice } from '../../delivery/notice.ts';
import { canonicalIdentity } from '../../identity/canonical-identity.ts';
import { Deadline } from '../issuance/await-log.ts';
import type { LabelState } from '../log/label-state.ts';
import { type LabelName, readProvedState } from '../log/proved-state.ts';
import { afterAttempt, afterErasure, ALL_TOLD, isOverLimit, type Told } from './after-attempt.ts';
import { type BookAddress, emptyUntil, type NotifyBook, tidy, toldAddresses, withAddress } from './notify-book.ts';
import { addressNotice, erasureNotice, type NoticeAbout, versionNotice } from './notices.ts';
import type { NotifyParts, OpenNotices } from './notify-parts.ts';
import { NewsReader, type ProvedName } from './version-news.ts';

/** Books per read. */
const PAGE = 500;
/** Books that are looked after at once. */
const AT_ONCE = 16;

/**
 * Sends owners notices of new versions of their names, and of changes of the addresses. The log says what is due: each
 * address has the version that it was told of, so a notice is due until one was delivered, whatever this process
 * forgets. A crash between a delivery and its note repeats the notice, with the same id. One round at a time.
 */
export class NotifyKeeper {
  readonly #parts: NotifyParts;
  readonly #news: NewsReader;
  readonly #isActive: () => boolean;
  /** Size of the log in which every book was last compared with its label; undefined before. */
  #comparedSize: number | undefined;
  #running: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  /** While `isActive` is false, another process runs the rounds. */
  constructor(parts: NotifyParts, isActive: () => boolean) {
    this.#parts = parts;
    this.#news = new NewsReader(parts.prover.context);
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
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Runs one round, after the one that is under way. Never rejects: failures go to the observer. */
  tend(): Promise<void> {
    this.#running = this.#running.then(() => this.#round()).catch((error: unknown) => this.#failed(error));
    return this.#running;
  }

  #failed(error: unknown): void {
    this.#parts.prover.context.observe({ type: 'notify-failed', error });
  }

  async #round(): Promise<void> {
    const notices = this.#parts.open();
    const { context, progress } = this.#parts.prover;
    const { size } = (await progress.released()).released;
    const due = new Map<string, Uint8Array>();
    const add = (labelKey: Uint8Array): unknown => due.set(formatHex(labelKey), labelKey);
    // Without channels, only what was erased is looked for, to be deleted.
    const isDue = notices === undefined ? [] : await context.store.listDueNotifyBooks(context.now(), PAGE);
    for (const labelKey of isDue) add(labelKey);
    if (size !== this.#comparedSize) await this.#compare(add);
    const waiting = [...due.values()];
    let failures = 0;
    const work = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined && !this.#stopping; next = waiting.pop()) {
        await this.#look(notices, next).catch((error: unknown) => {
          failures++;
          this.#failed(error);
        });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (failures === 0 && !this.#stopping) this.#comparedSize = size;
  }

  /** Finds the books whose label has a later version than some address was told of. */
  async #compare(add: (labelKey: Uint8Array) => void): Promise<void> {
    const { store } = this.#parts.prover.context;
    let after: Uint8Array | undefined;
    for (;;) {
      const hints = await store.listNotifyHints(after, PAGE);
      const greatest = await store.readGreatestVersions(hints.map(({ labelKey }) => labelKey));
      const told = new Map(hints.map(({ labelKey, toldVersion }) => [formatHex(labelKey), toldVersion]));
      for (const { labelKey, greatestVersion } of greatest) {
        if (greatestVersion > (told.get(formatHex(labelKey)) ?? greatestVersion)) add(labelKey);
      }
      after = hints.at(-1)?.labelKey;
      if (hints.length < PAGE) return;
    }
  }

  async #look(notices: OpenNotices | undefined, labelKey: Uint8Array): Promise<void> {
    const { prover, books } = this.#parts;
    const { context } = prover;
    const book = await books.read(labelKey);
    if (book === undefined) return;
    const { label } = canonicalIdentity(book.identity, context.identityRules);
    const state = await this.#stateOf({ label, labelKey });
    if (state === 'erased' && notices === undefined) return books.drop(labelKey);
    if (state === undefined || notices === undefined) return;
    const nowMs = context.now();
    const isOver = tidy(book, nowMs).addresses.length === 0 && nowMs >= emptyUntil(book);
    const told = isOver
      ? []
      : await this.#tellAll(notices, book, state === 'erased' ? state : { label, labelKey, state });
    const isErased = state === 'erased' && told.every(({ toldVersion }) => toldVersion === ALL_TOLD);
    if (isOver || isErased) return books.drop(labelKey);
    await books.update({ labelKey, identity: book.identity }, (fresh) => withTold(fresh, told));
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

  /** Sends each address that can be told now what it lacks. Returns all of them as they are afterwards. */
  async #tellAll(notices: OpenNotices, book: NotifyBook, name: ProvedName | 'erased'): Promise<readonly BookAddress[]> {
    const { now } = this.#parts.prover.context;
    const all: BookAddress[] = [];
    for (const address of toldAddresses(book, now())) {
      const about = this.#about(notices, book, address);
      const isLater = address.nextMs > now() || address.toldVersion === ALL_TOLD || this.#stopping;
      if (isLater) all.push(address);
      else if (name === 'erased') all.push(await this.#tellErased(notices, about, address));
      else all.push(await this.#tell(notices, about, address, { ...name, book }));
    }
    return all;
  }

  /** Sends one address what it was not told yet: changes of addresses, then versions. */
  async #tell(
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
      address = await this.#attempt(notices, address, addressNotice(about, changes), told);
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
