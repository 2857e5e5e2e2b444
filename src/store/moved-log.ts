import { ensure } from '../core/errors.ts';

/**
 * Returns the name in `logs` of a log that is being copied into this database. An origin has no spaces, so a server
 * finds no log by such a name.
 */
export function arrivingName(origin: string): string {
  return `${origin} arriving`;
}

/** Returns the name in `logs` of a log that has left this database, which must never be served from here again. */
export function movedName(origin: string, place: string): string {
  return `${origin}${MOVED}${place}`;
}

/** Throws `usage` if one of these names in `logs` is that of the log after it has left. */
export function assertNotMoved(origin: string, names: readonly string[]): void {
  const start = movedName(origin, '');
  const place = names.find((name) => name.startsWith(start))?.slice(start.length);
  const advice = 'serve it from there; if a move was interrupted, run "glasskey admin move-database" again';
  ensure(place === undefined, 'usage', `the log ${origin} has moved from this database to ${place}: ${advice}`);
}

const MOVED = ' moved to ';
