/** One finding of readiness. `detail` is for the operator. */
export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Readiness, with what was looked at. */
export interface Readiness {
  readonly ok: boolean;
  readonly checks: readonly ReadinessCheck[];
}

/** The state of one process. */
export interface OwnState {
  /** In Prometheus's text format. */
  metrics(): Promise<string>;
  readiness(): Promise<Readiness>;
}

/** The state of all processes that serve together: what operators and load balancers see. */
export type AllStates = OwnState;

/** Reads readiness that another process has told as JSON; not ready if it told none. */
export function parseReadiness(text: string | undefined): Readiness {
  if (text !== undefined) return JSON.parse(text) as Readiness;
  return { ok: false, checks: [{ name: 'process', ok: false, detail: 'a process does not tell its state' }] };
}
