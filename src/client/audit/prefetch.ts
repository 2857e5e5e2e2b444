/**
 * Loads items first..end (exclusive) in order, with up to `ahead` of them loading or waiting to be taken: this bounds
 * the memory, whatever the number of items. Throws a failure at the position of its item.
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
      // Awaited later, or never if an earlier item failed: its own failure then does not matter.
      loading.catch(() => undefined);
      pending.push(loading);
    }
    yield await (pending.shift() as Promise<T>);
  }
}
