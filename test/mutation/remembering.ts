/** How many answers are kept, so that a mutant that asks for ever does not fill the memory. */
const LIMIT = 200_000;

type Outcome<R> = { value: R } | { error: unknown };

/** A verification of bytes that is made once for the same bytes: asked again, it gives what it gave, or throws what it threw. */
export function remembering<R extends Uint8Array | void>(verify: (a: Uint8Array, b: Uint8Array, c: Uint8Array) => R) {
  const outcomes = new Map<string, Outcome<R>>();
  return (a: Uint8Array, b: Uint8Array, c: Uint8Array): R => {
    const key = [a, b, c].map((input) => Buffer.from(input).toString('hex')).join();
    const outcome = outcomes.get(key) ?? attempt(() => verify(a, b, c));
    if (outcomes.size === LIMIT) outcomes.clear();
    outcomes.set(key, outcome);
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  };
}

function attempt<R>(run: () => R): Outcome<R> {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}
