/**
 * Loads items first..end (exclusive) in order, with up to `ahead` of them under way or waiting to be taken: so much is
 * held in memory, whatever the number of items. A failure is thrown where its item would have come.
 */
export async function* prefetch<T>(
  first: number,
  end: number,
  ahead: number,
  load: (item: number) => Promise<T>,
): AsyncGenerator<T, void, void> {
  const pending: Promise<T>[] = [];
  let next = first;
  for (let item = first; item < end; item++) {
    for (; next < end && pending.length < ahead; next++) {
      const loading = load(next);
      // It is awaited later, or never where an earlier item failed: then its own failure is of no interest.
      loading.catch(() => undefined);
      pending.push(loading);
    }
    yield await (pending.shift() as Promise<T>);
  }
}
