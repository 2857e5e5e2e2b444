/**
 * Distributes submissions over log entries: at most `entrySize` each, and at most one version of a label each. Versions
 * of one label keep their order, in ascending entries.
 */
export function planEntries<T>(items: readonly T[], labelOf: (item: T) => string, entrySize: number): T[][] {
  const entries: T[][] = [];
  const lastEntryOf = new Map<string, number>();
  let firstOpen = 0;
  for (const item of items) {
    const label = labelOf(item);
    let index = Math.max(firstOpen, (lastEntryOf.get(label) ?? -1) + 1);
    while ((entries[index]?.length ?? 0) >= entrySize) index++;
    (entries[index] ??= []).push(item);
    lastEntryOf.set(label, index);
    while ((entries[firstOpen]?.length ?? 0) >= entrySize) firstOpen++;
  }
  return entries;
}
