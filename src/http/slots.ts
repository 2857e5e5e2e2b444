/** Runs work while fewer than `most` others run; returns undefined without running it otherwise: load is shed. */
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
