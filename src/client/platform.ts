import { GlasskeyError } from '../core/errors.ts';

/** Returns the platform's WebCrypto, or undefined: browsers have none on plain http, and React Native has none. */
export function platformSubtle(): typeof crypto.subtle | undefined {
  return (globalThis as { crypto?: { subtle?: typeof crypto.subtle } }).crypto?.subtle;
}

/** Returns the platform's WebCrypto. Throws `platform-unsupported`, with `purpose` in the message, if there is none. */
export function requireSubtle(purpose: string): typeof crypto.subtle {
  const found = platformSubtle();
  if (found !== undefined) return found;
  throw new GlasskeyError(
    'platform-unsupported',
    `${purpose} needs WebCrypto, which this platform lacks. Next: serve the page over https`,
  );
}

/** Returns `length` bytes from the platform's random number generator. Throws `platform-unsupported` without one. */
export function platformRandom(length: number): Uint8Array<ArrayBuffer> {
  const found = (globalThis as { crypto?: Partial<RandomSource> }).crypto;
  if (typeof found?.getRandomValues === 'function') return found.getRandomValues(new Uint8Array(length));
  throw new GlasskeyError(
    'platform-unsupported',
    'this platform has no crypto.getRandomValues. Next: in React Native, import react-native-get-random-values first',
  );
}

/** The part of `crypto` that is no WebCrypto: every page has it, on plain http too. */
interface RandomSource {
  getRandomValues<T extends Uint8Array>(array: T): T;
}
