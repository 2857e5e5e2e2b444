import { afterEach, vi } from 'vitest';

afterEach(() => vi.unstubAllGlobals());

/** Runs something with the platform's WebCrypto, and without it. */
export const ON_BOTH_PLATFORMS = [
  { platform: 'with WebCrypto', run: <T>(work: () => Promise<T>): Promise<T> => work() },
  {
    platform: 'without WebCrypto',
    run: async <T>(work: () => Promise<T>): Promise<T> => {
      const { getRandomValues } = globalThis.crypto;
      vi.stubGlobal('crypto', { getRandomValues: getRandomValues.bind(globalThis.crypto) });
      try {
        return await work();
      } finally {
        vi.unstubAllGlobals();
      }
    },
  },
] as const;
