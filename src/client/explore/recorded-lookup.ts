import { PATHS } from '../../contract/paths.ts';
import type { Fetch } from '../../core/net/bounded-fetch.ts';
import { readStream } from '../../core/encoding/read-stream.ts';
import type { TreeView } from '../../core/keytrans/tree-view.ts';
import type { StateStore } from '../state/client-state.ts';

/** Most bytes of an answer that are read. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** The newest lookup that went through, as its explanation needs it. */
export interface RecordedLookup {
  readonly answer: Uint8Array;
  readonly before: TreeView | undefined;
  readonly after: TreeView;
}

/**
 * Writes down the lookups of a directory: the bytes of the answer, and the views before and after it. The directory
 * works through {@link LookupRecorder.fetch} and {@link LookupRecorder.state}, and decides alone what it accepts.
 */
export class LookupRecorder {
  readonly #inner: { readonly fetch: Fetch; readonly state: StateStore };
  #answer: Uint8Array | undefined;
  #recorded: RecordedLookup | undefined;

  constructor(inner: { readonly fetch: Fetch; readonly state: StateStore }) {
    this.#inner = inner;
  }

  /** Returns the lookup that was accepted last, once. */
  take(): RecordedLookup | undefined {
    const recorded = this.#recorded;
    this.#recorded = undefined;
    return recorded;
  }

  readonly fetch: Fetch = async (url, init) => {
    const response = await this.#inner.fetch(url, init);
    if (!new URL(url).pathname.endsWith(PATHS.lookup) || !response.ok) return response;
    const answer = await readStream(
      response.body,
      MAX_ANSWER_BYTES,
      'the answer',
      init.signal instanceof AbortSignal ? { signal: init.signal } : {},
    );
    this.#answer = answer;
    return new Response(answer.slice(), { status: response.status, headers: response.headers });
  };

  readonly state: StateStore = {
    transact: (work) =>
      this.#inner.state.transact(async (state) => {
        const change = await work(state);
        const answer = this.#answer;
        this.#answer = undefined;
        const after = change.next?.view;
        if (answer !== undefined && after !== undefined) this.#recorded = { answer, before: state.view, after };
        return change;
      }),
  };
}
