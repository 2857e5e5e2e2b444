import type { Lane } from '../../delivery/address.ts';
import { ALL_TOLD, beforeAttempt } from './after-attempt.ts';
import { type BookAddress, type NotifyBook, toldAddresses, withAddress } from './notify-book.ts';

/** Addresses that lack something up to a version. */
export interface Wanted {
  readonly version: number;
  readonly lanes: readonly Lane[];
}

/** Returns the addresses of a book that lack something and can be told it now. */
export function dueAddresses(book: NotifyBook, { version, lanes }: Wanted, nowMs: number): readonly BookAddress[] {
  return toldAddresses(book, nowMs).filter((address) => {
    const { toldVersion, toldChange, nextMs, text } = address;
    if (nextMs > nowMs || toldVersion === ALL_TOLD || !lanes.includes(laneOf(text))) return false;
    return version > toldVersion || book.changeCount > toldChange;
  });
}

/** Returns true if no address of an erased name is to be told anything more. */
export function knowsAll(book: NotifyBook, nowMs: number): boolean {
  return toldAddresses(book, nowMs).every(({ toldVersion }) => toldVersion === ALL_TOLD);
}

/** Texts of addresses are canonical. One that cannot be parsed any more must not silence the others. */
function laneOf(text: string): Lane {
  return text.startsWith('mailto:') ? 'mail' : 'web';
}

/** Returns a book that notes an attempt at each address that is due; undefined if none is. */
export function withClaims(
  book: NotifyBook,
  wanted: Wanted,
  at: { readonly nowMs: number; readonly random: (length: number) => Uint8Array },
): NotifyBook | undefined {
  const due = dueAddresses(book, wanted, at.nowMs);
  if (due.length === 0) return undefined;
  return due.reduce((claimed, one) => withAddress(claimed, beforeAttempt(one, at)), book);
}
