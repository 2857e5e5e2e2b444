// Bounds the guesses at one account's password, by the door that a guess comes through.
// A door that is used up closes for itself alone: strangers share one, and so cannot close an owner's.

/**
 * Guesses within a day. `sessions` and `devices` bound all of them together: whoever can open many sessions, or add
 * devices with the key of one, gains nothing by it.
 */
export const DEFAULT_LIMITS = { stranger: 10, session: 5, sessions: 20, device: 10, devices: 30, windowMs: 86_400_000 };

export class VaultRefusal extends Error {
  constructor(code, message, retryAfterSeconds) {
    super(message);
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The counters that a guess takes from. A session or device takes from its own and from that of all of them. */
const countersOf = ({ kind, id }) => {
  if (kind === 'stranger') return [['stranger', 'stranger']];
  return [
    [kind, `${kind} ${id}`],
    [`${kind}s`, `${kind}s`],
  ];
};

/** Takes one guess. Returns the new counters of the account, or throws `rate-limited` and changes nothing. */
export function takeGuess(counters, door, limits, nowMs) {
  const open = Object.entries(counters).filter(([, { sinceMs }]) => nowMs - sinceMs < limits.windowMs);
  const next = Object.fromEntries(open);
  for (const [limit, name] of countersOf(door)) {
    const { count, sinceMs } = next[name] ?? { count: 0, sinceMs: nowMs };
    if (count >= limits[limit]) {
      const seconds = Math.ceil((sinceMs + limits.windowMs - nowMs) / 1000);
      throw new VaultRefusal('rate-limited', `too many guesses by ${door.kind}s: wait, or use another way in`, seconds);
    }
    next[name] = { count: count + 1, sinceMs };
  }
  return next;
}

/** Gives a guess back that was right. */
export function returnGuess(counters, door) {
  const names = countersOf(door).map(([, name]) => name);
  const give = ([name, one]) => [name, names.includes(name) ? { ...one, count: Math.max(0, one.count - 1) } : one];
  return Object.fromEntries(Object.entries(counters).map(give));
}
