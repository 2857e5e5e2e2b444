import { GlasskeyError } from '../core/errors.ts';

/**
 * Throws `platform-unsupported`, with a remedy, if this JavaScript runtime lacks something that every operation needs.
 * Otherwise its failure would look like a fault of the server.
 */
export function assertPlatform({ hasFetch }: { readonly hasFetch: boolean }): void {
  platformRandom(1);
  const missing = NEEDS.find(([name, isThere]) => !(name === 'fetch' && hasFetch) && !attempt(isThere));
  if (missing === undefined) return;
  const [name, , remedy] = missing;
  throw new GlasskeyError('platform-unsupported', `this platform has no ${name}. Next: ${remedy}`);
}

/** A part of the platform, its check, and the remedy. */
const NEEDS: readonly (readonly [string, () => boolean, string])[] = [
  ['fetch', () => isFunction('fetch'), 'pass one as the option `fetch`'],
  ['AbortController', () => isFunction('AbortController'), 'load a polyfill, or use a newer runtime'],
  [
    'complete URL class',
    () => new URL('https://a.test:1/b/').href === 'https://a.test:1/b/' && new URL('http://u@a.test').username === 'u',
    'in React Native, import react-native-url-polyfill/auto first',
  ],
  ['String.prototype.normalize', () => 'e\u0301'.normalize('NFC') === '\u00e9', 'use an engine with Unicode support'],
  ['Array.prototype.toReversed', () => [1, 2].toReversed()[0] === 2, 'load core-js, or use a newer runtime'],
  ['BigInt', () => 2n ** 64n === BigInt('18446744073709551616'), 'use a newer runtime'],
];

function isFunction(name: string): boolean {
  return typeof (globalThis as Record<string, unknown>)[name] === 'function';
}

function attempt(isThere: () => boolean): boolean {
  try {
    return isThere();
  } catch {
    return false;
  }
}

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
