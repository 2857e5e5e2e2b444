import type { Identity, IdentityKind } from './identity.ts';

/** Some of the identities of a log: what a row of a configuration is about. */
export interface IdentityScope {
  readonly identities: IdentityKind | 'any';
  /** Only identities whose host is one of these, in canonical form; undefined: of any host, or of none. */
  readonly domains: readonly string[] | undefined;
}

/** Whether the identity is one of them. */
export function covers({ identities, domains }: IdentityScope, identity: Identity): boolean {
  if (identities !== 'any' && identities !== identity.kind) return false;
  if (domains === undefined) return true;
  const host = hostOf(identity);
  return host !== undefined && domains.includes(host);
}

/** The host that a canonical identity is of; undefined for a telephone number or a URI without one. */
export function hostOf({ text, kind }: Pick<Identity, 'text' | 'kind'>): string | undefined {
  if (kind === 'tel') return undefined;
  const hierarchical = /^[a-z][a-z0-9+.-]*:\/\/([^/]+)/.exec(text);
  if (hierarchical !== null) return hierarchical[1];
  const at = text.lastIndexOf('@');
  return at < 0 ? undefined : text.slice(at + 1);
}
