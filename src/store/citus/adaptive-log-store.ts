import type { LogStore } from '../ports.ts';
import type { Placement } from '../sql-driver.ts';
import { isUnplannable } from '../sql-error.ts';

/**
 * A log's rows in a database whose large tables may become distributed while this process runs. A statement for one
 * place that the database then refuses to plan runs again as one for several.
 */
export function adaptiveLogStore(placement: Placement, together: LogStore, distributed: LogStore): LogStore {
  const handler: ProxyHandler<LogStore> = {
    get(_, name) {
      const [one, several] = [Reflect.get(together, name), Reflect.get(distributed, name)];
      if (one === several || typeof one !== 'function') return placement.isDistributed ? several : one;
      return (...given: readonly unknown[]) =>
        placement.isDistributed
          ? Reflect.apply(several, distributed, given)
          : retried(placement, Reflect.apply(one, together, given), () => Reflect.apply(several, distributed, given));
    },
  };
  return new Proxy(together, handler);
}

async function retried(
  placement: Placement,
  result: PromiseLike<unknown>,
  again: () => PromiseLike<unknown>,
): Promise<unknown> {
  try {
    return await result;
  } catch (error) {
    if (!isUnplannable(error) || !(await placement.recheck())) throw error;
    return again();
  }
}
