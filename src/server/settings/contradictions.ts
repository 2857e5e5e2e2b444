import { createSecureContext } from 'node:tls';
import { templateProblem } from '../../service/evidence/email/mail-text.ts';
import { attestationRootsProblem } from './attestation-roots.ts';
import { caFileProblem } from './notify.ts';
import type { SettingsFile } from './schema.ts';
import type { SettingPath } from './toml-lines.ts';

/** Returns the text of a file that the settings name; undefined if it cannot be read. */
export type ReadSettingFile = (name: string) => string | undefined;

/** A setting that contradicts another one, or a file that it names. */
export interface Contradiction {
  readonly path: SettingPath;
  readonly reason: string;
}

/** Returns the contradictions among valid settings, and between them and the files that they name. */
export function contradictions(file: SettingsFile, files: ReadSettingFile): Contradiction[] {
  const { policy = [], oidc = [] } = file;
  const issuers = oidc.map(({ issuer }) => issuer);
  const named = new Set(policy.flatMap(({ evidence, recovery = [] }) => [...evidence, ...recovery]));
  const unknown = policy.flatMap((row, index) =>
    (['evidence', 'recovery'] as const).flatMap((key) =>
      (row[key] ?? [])
        .filter((name) => name.startsWith('oidc:') && !issuers.includes(name.slice('oidc:'.length)))
        .map((name) => ({
          path: ['policy', index, key],
          reason: `no [[oidc]] table has exactly this issuer: ${name}`,
        })),
    ),
  );
  const unused = issuers.flatMap((issuer, index) =>
    named.has(`oidc:${issuer}`)
      ? []
      : [{ path: ['oidc', index, 'issuer'], reason: 'no [[policy]] row uses this issuer' }],
  );
  const repeated = issuers.flatMap((issuer, index) =>
    issuers.indexOf(issuer) < index
      ? [{ path: ['oidc', index, 'issuer'], reason: 'another [[oidc]] table has this issuer' }]
      : [],
  );
  return [
    ...unknown,
    ...unused,
    ...repeated,
    ...mailProblems(file, files),
    ...webhookProblems(file, files),
    ...lookupProblems(file, files),
    ...recoveryProblems(file, files),
    ...notifyProblems(file, files),
    ...pkcs11Problems(file, files),
    ...tlsProblems(file, files),
    ...acmeProblems(file, files),
    ...attestProblems(file, files),
  ];
}

/** Fewest bytes of the secret of lookup tokens: HS256 needs at least 256 bits (RFC 7518 §3.2). */
const MIN_LOOKUP_SECRET = 32;

function lookupProblems({ lookups }: SettingsFile, read: ReadSettingFile): Contradiction[] {
  if (lookups === undefined) return [];
  const secret = read(lookups.secret_file)?.trim();
  const path = ['lookups', 'secret_file'];
  if (secret === undefined) return [{ path, reason: 'cannot be read' }];
  return secret.length < MIN_LOOKUP_SECRET
    ? [{ path, reason: `must hold at least ${MIN_LOOKUP_SECRET} characters` }]
    : [];
}

function mailProblems({ policy = [], email, notify }: SettingsFile, read: ReadSettingFile): Contradiction[] {
  const row = policy.findIndex(({ evidence, recovery = [] }) => [...evidence, ...recovery].includes('email'));
  if (email === undefined) {
    return row < 0
      ? []
      : [{ path: ['policy', row, 'evidence'], reason: 'needs an [email] table, which sends the codes' }];
  }
  const problems: Contradiction[] = [];
  const problem = (key: string, reason: string) => problems.push({ path: ['email', key], reason });
  const isUsed = row >= 0 || notify?.mail === true;
  if (!isUsed) problem('smtp', 'no [[policy]] row uses "email", and no [notify] table sends notices');
  const { user, password_file: passwordFile, text_file: textFile } = email;
  if ((user === undefined) !== (passwordFile === undefined))
    problem('user', 'user and password_file must be set together');
  if (passwordFile !== undefined && read(passwordFile) === undefined) problem('password_file', 'cannot be read');
  const text = textFile === undefined ? undefined : read(textFile);
  if (textFile !== undefined && text === undefined) problem('text_file', 'cannot be read');
  const reason = text === undefined ? undefined : templateProblem(text);
  if (reason !== undefined) problem('text_file', reason);
  return problems;
}

function notifyProblems({ notify }: SettingsFile, read: ReadSettingFile): Contradiction[] {
  const reason = notify && caFileProblem(notify, read);
  return reason === undefined ? [] : [{ path: ['notify', 'ca_file'], reason }];
}

function recoveryProblems({ recovery }: SettingsFile, read: ReadSettingFile): Contradiction[] {
  const name = recovery?.text_file;
  if (name === undefined) return [];
  const text = read(name);
  const path = ['recovery', 'text_file'];
  if (text === undefined) return [{ path, reason: 'cannot be read' }];
  const says = ['identity', 'date'].find((fact) => !text.includes(`{${fact}}`));
  return says === undefined ? [] : [{ path, reason: `the text lacks {${says}}` }];
}

/** Fewest characters of the secret that signs requests to a webhook. */
const MIN_SECRET = 16;

function webhookProblems({ webhook }: SettingsFile, read: ReadSettingFile): Contradiction[] {
  const secret = webhook && (read(webhook.secret_file)?.trim() ?? '');
  if (secret === undefined || secret.length >= MIN_SECRET) return [];
  return [{ path: ['webhook', 'secret_file'], reason: `must hold at least ${MIN_SECRET} characters` }];
}

function pkcs11Problems({ pkcs11 }: SettingsFile, read: ReadSettingFile): Contradiction[] {
  if (pkcs11 === undefined) return [];
  const problems: Contradiction[] = [];
  const problem = (key: string, reason: string) => problems.push({ path: ['pkcs11', key], reason });
  const { pin, keys } = pkcs11;
  if ('file' in pin && read(pin.file) === undefined) problem('pin', 'cannot be read');
  const names = Object.values(keys)
    .flat()
    .map((one) => JSON.stringify([one?.label, one?.id]));
  if (names.length === 0) problem('keys', 'must name at least one key');
  if (new Set(names).size < names.length) problem('keys', 'two purposes share one key');
  return problems;
}

/** Fewest and most characters of the secret of the mail server: it goes into an Authorization header. */
const ACME_SECRET = /^[A-Za-z0-9._~+/=-]{32,512}$/;

function acmeProblems({ acme, email }: SettingsFile, read: ReadSettingFile): Contradiction[] {
  if (acme?.mail === undefined) return [];
  if (email === undefined)
    return [{ path: ['acme', 'mail'], reason: 'needs an [email] table, which sends the challenges' }];
  const secret = read(acme.mail.secret_file)?.trim();
  const path = ['acme', 'mail', 'secret_file'];
  if (secret === undefined) return [{ path, reason: 'cannot be read' }];
  return ACME_SECRET.test(secret) ? [] : [{ path, reason: 'must hold at least 32 letters, digits and ._~+/=-' }];
}

function attestProblems({ acme }: SettingsFile, read: ReadSettingFile): Contradiction[] {
  if (acme?.attest === undefined) return [];
  const text = read(acme.attest.roots);
  const reason = text === undefined ? 'cannot be read' : attestationRootsProblem(text);
  return reason === undefined ? [] : [{ path: ['acme', 'attest', 'roots'], reason }];
}

function tlsProblems({ tls, est, http }: SettingsFile, read: ReadSettingFile): Contradiction[] {
  const problems: Contradiction[] = [];
  if (est !== undefined && http?.trusted_proxies === undefined)
    problems.push({
      path: ['est', 'client_certificate_header'],
      reason: 'needs trusted_proxies in [http]: anybody else could forge the header',
    });
  if (tls === undefined) return problems;
  const [cert, key] = [read(tls.certificate), read(tls.key)];
  if (cert === undefined) problems.push({ path: ['tls', 'certificate'], reason: 'cannot be read' });
  if (key === undefined) problems.push({ path: ['tls', 'key'], reason: 'cannot be read' });
  if (cert === undefined || key === undefined) return problems;
  try {
    createSecureContext({ cert, key });
  } catch {
    problems.push({ path: ['tls', 'key'], reason: 'does not match the certificate, or one of them is not PEM' });
  }
  return problems;
}
