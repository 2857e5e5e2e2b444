/** An error code in words, for people: of an application, of a server, of the explorer. */
export interface Advice {
  /** What happened, to what: one sentence. */
  readonly means: string;
  /** What to do next: one or two sentences. */
  readonly next: string;
}
