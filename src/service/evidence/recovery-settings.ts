/** How recoveries go. */
export interface RecoverySettings {
  /** After so many vetoes a further recovery waits for the operator's word, which everybody sees as such. */
  readonly maxVetoes: number;
  readonly subject: string;
  /** Text of the mail that tells of a pending recovery: `{identity}`, `{origin}`, `{date}`, `{evidence}`. */
  readonly text: string;
}

/** What is done where nothing is configured. */
export const DEFAULT_RECOVERY: RecoverySettings = {
  maxVetoes: 3,
  subject: 'Somebody asks for your keys to be replaced',
  text: `Somebody asked {origin} to replace the keys of {identity}.
They proved the name by {evidence}, and say that all of its keys are lost.

If it was you, there is nothing to do: ask again after {date}.

If it was not you, veto it with any of your devices before {date}:

    glasskey veto {identity} --server … --credentials …

After that, everybody who looks you up gets the new key, and sees that it came so.
`,
};
