import { ALL_TOLD, beforeAttempt } from './after-attempt.ts';
import { type BookAddress, type NotifyBook, toldAddresses, withAddress } from './notify-book.ts';

/** Returns true for an address that lacks something up to `version` and can be told it now. */
export function isDue(
  address: BookAddress,
  { changeCount }: Pick<NotifyBook, 'changeCount'>,
  version: number,
  nowMs: number,
): boolean {
  const { toldVersion, toldChange, nextMs } = address;
  if (nextMs > nowMs || toldVersion === ALL_TOLD) return false;
  return version > toldVersion || changeCount > toldChange;
}

/** Returns a book that notes an attempt at each address that is due; undefined if none is. */
export function withClaims(
  book: NotifyBook,
  version: number,
  at: { readonly nowMs: number; readonly random: (length: number) => Uint8Array },
): NotifyBook | undefined {
  const due = toldAddresses(book, at.nowMs).filter((one) => isDue(one, book, version, at.nowMs));
  if (due.length === 0) return undefined;
  return due.reduce((claimed, one) => withAddress(claimed, beforeAttempt(one, at)), book);
}
