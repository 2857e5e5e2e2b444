import type { Identity, IdentityKind } from './identity.ts';

/** Some of a log's identities: the scope of a row in a configuration. */
export interface IdentityScope {
  readonly identities: IdentityKind | 'any';
  /** Hosts in canonical form that identities must have; undefined: any host, or none. */
  readonly domains: readonly string[] | undefined;
}

/** Returns true if the scope includes the identity. */
export function covers({ identities, domains }: IdentityScope, identity: Identity): boolean {
  if (identities !== 'any' && identities !== identity.kind) return false;
  if (domains === undefined) return true;
  const host = hostOf(identity);
  return host !== undefined && domains.includes(host);
}

/** Returns the host of a canonical identity; undefined for a telephone number or a URI without one. */
export function hostOf({ text, kind }: Pick<Identity, 'text' | 'kind'>): string | undefined {
  if (kind === 'tel') return undefined;
  const hierarchical = /^[a-z][a-z0-9+.-]*:\/\/([^/]+)/.exec(text);
  if (hierarchical !== null) return hierarchical[1];
  const at = text.lastIndexOf('@');
  return at < 0 ? undefined : text.slice(at + 1);
}
