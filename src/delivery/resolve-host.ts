import { Resolver } from 'node:dns/promises';

/** Returns the IP addresses of a host, best first; none if it has none. */
export type ResolveHost = (host: string, signal: AbortSignal) => Promise<readonly string[]>;

const QUERY_TIMEOUT_MS = 3_000;
const TRIES = 2;

/**
 * Asks DNS for the addresses of a host that a stranger chose, IPv4 first. It does not use the system's resolver: that
 * blocks a thread of the process for each name whose servers do not answer, reads `/etc/hosts`, and appends the
 * search domains of this network.
 */
export async function resolvePublicHost(host: string, signal: AbortSignal): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: TRIES });
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const none = (): string[] => [];
  try {
    const found = await Promise.all([resolver.resolve4(host).catch(none), resolver.resolve6(host).catch(none)]);
    return found.flat();
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}
