/** The settings of recoveries. */
export interface RecoverySettings {
  /** Vetoes after which a further recovery needs the operator's approval, which the record shows. */
  readonly maxVetoes: number;
  readonly subject: string;
  /** The mail that announces a pending recovery, with `{identity}`, `{origin}`, `{date}` and `{evidence}`. */
  readonly text: string;
}

/** The default settings. */
export const DEFAULT_RECOVERY: RecoverySettings = {
  maxVetoes: 3,
  subject: 'Somebody asks for your keys to be replaced',
  text: `Somebody asked {origin} to replace the keys of {identity}.
They proved the name by {evidence}, and say that all of its keys are lost.

If it was you, there is nothing to do: ask again after {date}.

If it was not you, veto it with any of your devices before {date}, even if your
certificates were revoked meanwhile:

    glasskey veto {identity} --server … --credentials …

After that, everybody who looks you up gets the new key, and sees that it came so.
`,
};
