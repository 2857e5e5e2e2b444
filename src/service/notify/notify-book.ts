import { type DeliveryAddress, parseDeliveryAddress } from '../../delivery/address.ts';
import { FORMER_MS, ORDER_AGE_MS, WINDOW_MS } from './notify-settings.ts';

/** An address of a name, with what it was told. Times in ms. */
export interface BookAddress {
  /** 32 lower-case hexadecimal digits, random. */
  readonly id: string;
  /** The canonical text of the address. */
  readonly text: string;
  readonly state: 'unconfirmed' | 'confirmed' | 'former';
  /** The end of an unconfirmed address's code, or of a former address. */
  readonly untilMs?: number;
  /** SHA-256 of the code, hex. */
  readonly codeHash?: string;
  /** Attempts at the code. */
  readonly attempts: number;
  /** The greatest version that it was told of. */
  readonly toldVersion: number;
  /** The last change of addresses that it was told of. */
  readonly toldChange: number;
  /** Failed attempts at the notice that is due. */
  readonly failures: number;
  /** Nothing is sent before this time. */
  readonly nextMs: number;
  /** Times of notices within the window of their limit. */
  readonly sentMs: readonly number[];
  readonly lastToldMs?: number;
  readonly lastFailure?: string;
}

/** A change of a name's addresses, which the others are told. */
export interface AddressChange {
  /** From 1. */
  readonly number: number;
  readonly atMs: number;
  readonly what: 'added' | 'removed';
  readonly kind: DeliveryAddress['kind'];
  readonly hint: string;
  /** SHA-256 of the key that signed the order, hex. */
  readonly signer: string;
}

/** Where the owner of a name is told, and of what. Times in ms. */
export interface NotifyBook {
  /** Canonical. */
  readonly identity: string;
  /** The number of the last order. */
  readonly lastOrder: number;
  readonly orderMs: readonly number[];
  readonly codeMs: readonly number[];
  readonly addresses: readonly BookAddress[];
  /** Number of changes so far. */
  readonly changeCount: number;
  /** The newest changes of which some address was not told yet, {@link MAX_KEPT_CHANGES} at most. */
  readonly changes: readonly AddressChange[];
  /** The signers of orders to add an address that is not confirmed, by its id. */
  readonly signers: Readonly<Record<string, string>>;
  /** True once the name was erased: each address gets its last notice, whoever has the name by then. */
  readonly isErased?: boolean;
}

/** Longest wait of an address, ms, with some room: see `redeliveryDelayMs`. */
const LONGEST_WAIT_MS = 7 * 3_600_000;
/** Most changes that a book keeps: an address that does not answer for a day holds back no more. */
export const MAX_KEPT_CHANGES = 32;

/** Returns the book of a name without any address. */
export function emptyBook(identity: string): NotifyBook {
  const none = { orderMs: [], codeMs: [], addresses: [], changes: [], signers: {} };
  return { identity, lastOrder: 0, changeCount: 0, ...none };
}

/** Returns the addresses that are told of versions and changes at a time. */
export function toldAddresses({ addresses }: NotifyBook, nowMs: number): readonly BookAddress[] {
  return addresses.filter(({ state, untilMs = 0 }) => state === 'confirmed' || (state === 'former' && nowMs < untilMs));
}

/** Returns the time from which a book without addresses need not be kept: every order before it is too old by then. */
export function emptyUntil({ lastOrder }: Pick<NotifyBook, 'lastOrder'>): number {
  return lastOrder + 2 * ORDER_AGE_MS;
}

/** Returns a book in which only an address is replaced. */
export function withAddress(book: NotifyBook, address: BookAddress): NotifyBook {
  return { ...book, addresses: book.addresses.map((one) => (one.id === address.id ? address : one)) };
}

/**
 * Returns a book without what has ended: codes, former addresses, old times, and changes that all know. Times that only
 * a clock which was ahead can have made hold nothing up.
 */
export function tidy(book: NotifyBook, nowMs: number): NotifyBook {
  const recent = (times: readonly number[]): number[] => times.filter((time) => Math.abs(nowMs - time) < WINDOW_MS);
  const addresses = book.addresses
    .filter(({ state, untilMs = 0 }) => state === 'confirmed' || nowMs < untilMs)
    .map((address) => inTime(address, nowMs));
  const told = Math.min(...toldAddresses({ ...book, addresses }, nowMs).map(({ toldChange }) => toldChange), Infinity);
  const ids = new Set(addresses.map(({ id }) => id));
  return {
    ...book,
    addresses,
    orderMs: recent(book.orderMs),
    codeMs: recent(book.codeMs),
    changes: book.changes.filter(({ number }) => number > told),
    signers: Object.fromEntries(Object.entries(book.signers).filter(([id]) => ids.has(id))),
  };
}

function inTime(address: BookAddress, nowMs: number): BookAddress {
  const { nextMs, untilMs } = address;
  return {
    ...address,
    nextMs: nextMs - nowMs > LONGEST_WAIT_MS ? 0 : nextMs,
    ...(untilMs === undefined ? {} : { untilMs: Math.min(untilMs, nowMs + FORMER_MS) }),
  };
}

/** Returns a book in which a change of addresses was made, for the others to be told. */
export function withChange(book: NotifyBook, change: Omit<AddressChange, 'number'>): NotifyBook {
  const number = book.changeCount + 1;
  return { ...book, changeCount: number, changes: [...book.changes, { number, ...change }].slice(-MAX_KEPT_CHANGES) };
}

/** Returns the book of a name that was erased: each address is due for its last notice, also one that waited. */
export function asErased(book: NotifyBook): NotifyBook {
  const addresses = book.addresses.map((address) => ({ ...address, failures: 0, nextMs: 0 }));
  return { ...book, addresses, isErased: true };
}

/** Returns an address that is removed: it is told of that, and of everything else for a while. */
export function asFormer(address: BookAddress, nowMs: number): BookAddress {
  return { ...address, state: 'former', untilMs: nowMs + FORMER_MS };
}

/** An address as its owner sees it. Times in ms. */
export interface ListedAddress extends Pick<BookAddress, 'id' | 'state' | 'untilMs' | 'lastToldMs' | 'lastFailure'> {
  readonly kind: DeliveryAddress['kind'];
  readonly hint: string;
}

/** Returns an address as its owner sees it. */
export function listedAddress({ id, text, state, untilMs, lastToldMs, lastFailure }: BookAddress): ListedAddress {
  const { kind } = parseDeliveryAddress(text);
  const known = {
    ...(untilMs === undefined ? {} : { untilMs }),
    ...(lastToldMs === undefined ? {} : { lastToldMs }),
    ...(lastFailure === undefined ? {} : { lastFailure: shownFailure(lastFailure) }),
  };
  return { id, kind, hint: hintOf(text), state, ...known };
}

/** Reasons that the other side gave itself, or that say nothing about the network. */
const SHOWN = /^(?:given up: )?(?:status \d{3}|unknown recipient|mail server|no SMTPUTF8)$/;

/** Returns the reason for a failure as an owner may see it: not where a name leads, nor what listens there. */
function shownFailure(reason: string): string {
  if (SHOWN.test(reason)) return reason;
  return reason.startsWith('given up') ? 'given up: no answer' : 'no answer';
}

/** Returns enough of an address for its owner to know it, and too little for others to use it. */
export function hintOf(text: string): string {
  const address = parseDeliveryAddress(text);
  if (address.kind !== 'mail') return new URL(address.kind === 'push' ? address.endpoint : address.url).host;
  const [local = '', domain = ''] = address.address.split('@');
  return `${Array.from(local)[0] ?? ''}…@${domain}`;
}
