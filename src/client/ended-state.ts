import { isGlasskeyError } from '../core/errors.ts';
import type { ClientState, StateChange, StateStore } from './state/client-state.ts';
import { assertLastHead, fetchLogEnd } from './log-end.ts';
import type { Operation } from './operations/operation.ts';

/**
 * Returns a state store for a log that may end. If a tree head is too old, it finds out whether the log has ended, and
 * runs the operation again by the time of the last entry. From then on it accepts only that last head.
 */
export function endedState(inner: StateStore, operation: Operation): StateStore {
  return new EndedState(inner, operation);
}

class EndedState implements StateStore {
  readonly #inner: StateStore;
  readonly #operation: Operation;

  constructor(inner: StateStore, operation: Operation) {
    this.#inner = inner;
    this.#operation = operation;
  }

  async transact<T>(work: (state: ClientState) => Promise<StateChange<T>>): Promise<T> {
    try {
      return await this.#held(work);
    } catch (error) {
      const { ending } = this.#operation;
      if (!isGlasskeyError(error, 'tree-head-too-old') || ending.end !== undefined) throw error;
      ending.end = await fetchLogEnd(this.#operation);
      if (ending.end === undefined) throw error;
      return this.#held(work);
    }
  }

  #held<T>(work: (state: ClientState) => Promise<StateChange<T>>): Promise<T> {
    return this.#inner.transact(async (state) => {
      const change = await work(state);
      const { end } = this.#operation.ending;
      const view = change.next?.view;
      if (end !== undefined && view !== undefined && view !== state.view) assertLastHead(end, view);
      return change;
    });
  }
}
