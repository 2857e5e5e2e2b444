import { createHash, timingSafeEqual } from 'node:crypto';
import { formatHex, parseHex } from '../../core/encoding/bytes.ts';
import { GlasskeyError } from '../../core/errors.ts';
import { parseDeliveryAddress } from '../../delivery/address.ts';
import { type BookAddress, hintOf, type NotifyBook, withAddress, withChange } from './notify-book.ts';
import { CODE_ATTEMPTS } from './notify-settings.ts';

/** Returns the SHA-256 that is kept of a code, hex. Users may type it in lower case and without hyphens. */
export function notifyCodeHash(id: string, typed: string): string {
  const code = typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1');
  const hash = createHash('sha256').update('glasskey notify code v1\0').update(parseHex(id)).update(code);
  return formatHex(hash.digest());
}

/**
 * Counts an attempt at the code of an address, and confirms the address if the code is right: the others are told.
 * Returns undefined for a book in which no such address waits, or its attempts are used up.
 */
export function tryCode(
  book: NotifyBook,
  { id, code, nowMs }: { readonly id: string; readonly code: string; readonly nowMs: number },
): { readonly isRight: boolean; readonly book: NotifyBook } | undefined {
  const address = book.addresses.find((one) => one.id === id && one.state === 'unconfirmed');
  if (address === undefined || address.attempts >= CODE_ATTEMPTS || nowMs >= (address.untilMs ?? 0)) return undefined;
  const [expected, given] = [parseHex(address.codeHash ?? ''), parseHex(notifyCodeHash(id, code))];
  const isRight = expected.length === given.length && timingSafeEqual(expected, given);
  if (isRight) return { isRight, book: withConfirmed(book, address, nowMs) };
  return { isRight, book: withAddress(book, { ...address, attempts: address.attempts + 1 }) };
}

/** Creates the refusal of a code. It does not say what was wrong. */
export function codeRefused(): GlasskeyError {
  return new GlasskeyError('code-refused', 'the code is wrong, used up or too old, or is for another address');
}

function withConfirmed(book: NotifyBook, address: BookAddress, nowMs: number): NotifyBook {
  const { codeHash: _, untilMs: __, ...kept } = address;
  const { kind } = parseDeliveryAddress(address.text);
  const signer = book.signers[address.id] ?? 'unknown';
  const change = { atMs: nowMs, what: 'added', kind, hint: hintOf(address.text), signer } as const;
  // It was removed before, and comes back.
  const others = book.addresses.filter((one) => one.text !== address.text || one.id === address.id);
  const changed = withChange({ ...book, addresses: others }, change);
  // The address itself knows.
  return withAddress(changed, { ...kept, state: 'confirmed', attempts: 0, toldChange: changed.changeCount });
}
