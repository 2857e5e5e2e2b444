import { ensure } from '../core/errors.ts';
import { type AkdSource, lowerEpoch } from './akd-source.ts';

/** Most names that {@link withNames} keeps in memory. */
export const MAX_NAMES = 500_000;

/** Returns a source that lists the given untrusted names, for a mirror that lists nothing. Throws `usage`. */
export function withNames(source: AkdSource, names: readonly string[]): AkdSource {
  ensure(names.length <= MAX_NAMES, 'usage', `more than ${MAX_NAMES} names: give those of fewer epochs`);
  const byEpoch = new Map<string, readonly string[]>();
  for (const name of new Set(names)) {
    const epoch = name.split('/', 1)[0] ?? '';
    byEpoch.set(epoch, [...(byEpoch.get(epoch) ?? []).slice(0, 9), name]);
  }
  return {
    place: source.place,
    namesOf: async (epoch) => byEpoch.get(String(epoch)) ?? [],
    firstEpoch: async () => names.reduce<number | undefined>(lowerEpoch, undefined),
    read: (name, signal) => source.read(name, signal),
    isPartial: true,
  };
}
