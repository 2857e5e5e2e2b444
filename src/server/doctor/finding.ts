/** The verdict of one check: `FAIL` needs somebody before the log can serve, `WARN` can wait. */
export type FindingState = 'OK' | 'WARN' | 'FAIL';

/** The finding of one check of `glasskey doctor`. */
export interface Finding {
  /** The thing that was looked at. */
  readonly check: string;
  readonly state: FindingState;
  readonly detail: string;
  /** The next step; undefined if all is well. */
  readonly next?: string | undefined;
}

/** Returns a finding of a check that passed. */
export function fine(check: string, detail: string): Finding {
  return { check, state: 'OK', detail };
}

/** Returns a finding that can wait. */
export function warning(check: string, detail: string, next: string): Finding {
  return { check, state: 'WARN', detail, next };
}

/** Returns a finding that needs somebody. */
export function failing(check: string, detail: string, next: string): Finding {
  return { check, state: 'FAIL', detail, next };
}

/** Returns what an error says. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
