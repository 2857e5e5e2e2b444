import type { SettingsFile } from './schema.ts';
import type { SettingPath } from './toml-lines.ts';

/** Parts of a settings file that do not fit each other, though each is fine. */
export function contradictions(file: SettingsFile): { readonly path: SettingPath; readonly reason: string }[] {
  const { policy = [], oidc = [] } = file;
  const issuers = oidc.map(({ issuer }) => issuer);
  const named = new Set(policy.flatMap(({ evidence }) => evidence));
  const unknown = policy.flatMap((row, index) =>
    row.evidence.flatMap((name) =>
      name.startsWith('oidc:') && !issuers.includes(name.slice('oidc:'.length))
        ? [{ path: ['policy', index, 'evidence'], reason: `there is no [[oidc]] of exactly that issuer: ${name}` }]
        : [],
    ),
  );
  const unused = issuers.flatMap((issuer, index) =>
    named.has(`oidc:${issuer}`)
      ? []
      : [{ path: ['oidc', index, 'issuer'], reason: 'no row of [[policy]] says for whom this issuer vouches' }],
  );
  const repeated = issuers.flatMap((issuer, index) =>
    issuers.indexOf(issuer) < index ? [{ path: ['oidc', index, 'issuer'], reason: 'this issuer is there twice' }] : [],
  );
  return [...unknown, ...unused, ...repeated];
}
