/** An error code in words, for people: of an application, of a server, of the explorer. */
export interface Advice {
  /** The event and its subject: one sentence. */
  readonly means: string;
  /** The next step: one or two sentences. */
  readonly next: string;
}
