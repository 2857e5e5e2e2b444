/** Runs work, unless `most` others run: then it sheds the load and returns undefined. */
export function slots(most: number): <T>(work: () => Promise<T>) => Promise<T | undefined> {
  let taken = 0;
  return async (work) => {
    if (taken >= most) return undefined;
    taken++;
    try {
      return await work();
    } finally {
      taken--;
    }
  };
}
