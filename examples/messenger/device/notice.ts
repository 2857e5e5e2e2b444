/** Something to tell the user. An alarm stops messages; news does not. */
export interface Notice {
  readonly kind: 'alarm' | 'news';
  readonly title: string;
  readonly text: string;
  /** The reason as the library says it, for those who ask. */
  readonly detail?: string | undefined;
  /** Code of the error that it comes from, if any. */
  readonly code?: string | undefined;
  /** Identity that it is about; undefined if it may be anybody. */
  readonly about?: string | undefined;
  /** Version of that identity in the log, of a change of keys. */
  readonly version?: number | undefined;
  /**
   * The answer that the user can give to a change of keys: `own` for the user's own name, `contact` after asking the
   * contact. Undefined for a lie of the service, which nobody can answer.
   */
  readonly asks?: 'own' | 'contact' | undefined;
  /** The screen where the user can do something about it. */
  readonly screen?: 'devices' | 'log' | undefined;
  /** Of a lie: when this device saw it last, ms since the epoch. */
  readonly lastSeenMs?: number | undefined;
  /** Of a lie: when this device found it gone, ms since the epoch. Undefined while it goes on. */
  readonly overSinceMs?: number | undefined;
}

/** The findings of a part of a round. */
export interface Finding {
  readonly notices: readonly Notice[];
  /** False if something could not be checked. */
  readonly isComplete: boolean;
}

/** True while an alarm stands: it has not been answered, and is not over. */
export function stands({ kind, overSinceMs }: Notice): boolean {
  return kind === 'alarm' && overSinceMs === undefined;
}

/** True if an alarm stands that is about one of these people, or may be about anybody. */
export function isInDoubt(notices: readonly Notice[], people: readonly string[]): boolean {
  return notices.some((one) => stands(one) && (one.about === undefined || people.includes(one.about)));
}
