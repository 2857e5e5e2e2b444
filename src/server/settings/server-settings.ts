import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import type { z } from 'zod';
import { encodeUtf8 } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { RateLimitSettings } from '../../http/rate-limits.ts';
import { DEFAULT_TEXT, type EmailSettings } from '../../service/evidence/email/email-settings.ts';
import type { TlsFiles } from '../../http/server.ts';
import type { CertificateHeader } from '../../http/shown-certificate.ts';
import type { AcmeSettings } from '../../service/acme/acme-settings.ts';
import type { EvidenceSettings } from '../../service/evidence/evidence-settings.ts';
import type { OidcIssuerSettings } from '../../service/evidence/oidc/oidc-settings.ts';
import { DEFAULT_RECOVERY, type RecoverySettings } from '../../service/evidence/recovery-settings.ts';
import { DEFAULT_PROFILES, type ProfileTable } from '../../service/log/profile-table.ts';
import type { WebhookSettings } from '../../service/evidence/webhook/webhook-settings.ts';
import type { NotifySettings } from '../../service/notify/notify-settings.ts';
import type { LookupSettings } from '../../service/prover/lookup-policy.ts';
import { DEFAULT_POLICY } from '../../service/evidence/policy-table.ts';
import type { DataFolder } from '../data-folder.ts';
import { contradictions, type ReadSettingFile } from './contradictions.ts';
import { attestationRoots } from './attestation-roots.ts';
import { notifySettings } from './notify.ts';
import { type Pkcs11Settings, pkcs11Settings } from './pkcs11.ts';
import { type SettingsFile, settingsSchema } from './schema.ts';
import { lineOf, type SettingPath, settingLines } from './toml-lines.ts';

/** The operator's settings: `glasskey.toml`, with every default filled in. */
export interface ServerSettings {
  /** Certificate profiles by identity. */
  readonly profiles: ProfileTable;
  readonly evidence: EvidenceSettings;
  /** Notices to owners of changes; undefined: nobody is told. */
  readonly notify: NotifySettings | undefined;
  readonly clients: RateLimitSettings;
  /** Keys in a token; undefined if all keys are in files. */
  readonly pkcs11: Pkcs11Settings | undefined;
  /** Certificate and key, PEM; undefined for plain HTTP. */
  readonly tls: TlsFiles | undefined;
  /** Time after which a connection without a request is closed, ms; undefined for the default. */
  readonly keepAliveMs: number | undefined;
  /** True to serve the explorer, the page at `/`. */
  readonly explorer: boolean;
  readonly certificateHeader: CertificateHeader;
  /** ACME; undefined: it is off. */
  readonly acme: AcmeSettings | undefined;
  /** The PostgreSQL of the log; undefined if the file names none. */
  readonly databaseUrl: string | undefined;
}

/** A mistake in the settings file. */
export interface SettingProblem {
  /** The line, from 1; undefined if unknown. */
  readonly line: number | undefined;
  /** Path of the member; empty for the document itself. */
  readonly path: SettingPath;
  readonly reason: string;
}

/** The settings, or every mistake in the file. */
export type SettingsOutcome =
  | { readonly settings: ServerSettings; readonly problems: readonly [] }
  | { readonly settings: undefined; readonly problems: readonly SettingProblem[] };

/** Parses a `glasskey.toml` and reads the `files` that it names. The empty text stands for the defaults. */
export function checkSettings(text: string, files: ReadSettingFile): SettingsOutcome {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = 'not TOML'] = error.message.split('\n');
    return { settings: undefined, problems: [{ line: error.line, path: [], reason }] };
  }
  const read = settingsSchema.safeParse(document);
  const lines = settingLines(text);
  const found = read.success ? contradictions(read.data, files) : read.error.issues.flatMap(problemsOf);
  const problems = found.map(({ path, reason }) => ({ line: lineOf(lines, path), path, reason }));
  if (!read.success || problems.length > 0) return { settings: undefined, problems };
  return { settings: settingsOf(read.data, files), problems: [] };
}

/** Reads the settings of a data folder. Throws `usage` with every mistake in the file. */
export async function readSettings(folder: DataFolder): Promise<ServerSettings> {
  const { settings, problems } = checkSettings((await folder.read(folder.settings)) ?? '', settingFiles(folder));
  ensure(settings !== undefined, 'usage', problems.map((one) => problemText(folder.settings, one)).join('; '));
  return settings;
}

/** Returns a reader of the files that settings name, relative to the data folder. */
export function settingFiles(folder: DataFolder): ReadSettingFile {
  return (name) => {
    try {
      return readFileSync(resolve(folder.path, name), 'utf8');
    } catch {
      return undefined;
    }
  };
}

/** Formats a problem as compilers do: `FILE:LINE: member: reason`. */
export function problemText(file: string, { line, path, reason }: SettingProblem): string {
  const place = line === undefined ? file : `${file}:${line}`;
  return path.length === 0 ? `${place}: ${reason}` : `${place}: ${path.join('.')}: ${reason}`;
}

/** Converts an issue of the schema. An unknown key is a problem of that key, not of its table. */
function problemsOf(issue: z.core.$ZodIssue): Omit<SettingProblem, 'line'>[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code !== 'unrecognized_keys') return [{ path, reason: issue.message }];
  return issue.keys.map((key) => ({ path: [...path, key], reason: 'no such setting' }));
}

function settingsOf(
  {
    profile,
    policy,
    oidc,
    email,
    webhook,
    recovery,
    limits,
    lookups,
    http,
    pkcs11,
    tls,
    est,
    acme,
    database,
    notify,
  }: SettingsFile,
  files: ReadSettingFile,
): ServerSettings {
  return {
    profiles: profile ?? DEFAULT_PROFILES,
    evidence: {
      policy: policy?.map((row) => ({ ...row, domains: row.domains, recovery: row.recovery })) ?? DEFAULT_POLICY,
      identityLimit: limits?.identity,
      oidc: oidc?.map(oidcIssuer) ?? [],
      email: email && emailSettings(email, files),
      webhook: webhook && webhookSettings(webhook, files),
      recovery: recovery && recoverySettings(recovery, files),
    },
    notify: notify && notifySettings(notify, email && emailSettings(email, files), files),
    clients: {
      perClient: limits?.client,
      perApplication: limits?.application,
      perAsker: limits?.lookup,
      lookups: lookups && lookupSettings(lookups, files),
      trustedProxies: http?.trusted_proxies ?? [],
    },
    pkcs11: pkcs11 && pkcs11Settings(pkcs11),
    tls: tls && { certificate: files(tls.certificate) ?? '', key: files(tls.key) ?? '' },
    keepAliveMs: http?.keep_alive,
    explorer: http?.explorer ?? true,
    certificateHeader: { name: est?.client_certificate_header, trustedProxies: http?.trusted_proxies ?? [] },
    acme: acme && acmeSettings(acme, email, files),
    databaseUrl: database?.url,
  };
}

function oidcIssuer(one: NonNullable<SettingsFile['oidc']>[number]): OidcIssuerSettings {
  const { issuer, audience, identity, algorithms, clock_skew: clockSkewMs, max_age: maxAgeMs, jwks_uri: jwksUri } = one;
  return { issuer, audiences: audience, identity, algorithms, clockSkewMs, maxAgeMs, jwksUri };
}

function emailSettings(one: NonNullable<SettingsFile['email']>, files: ReadSettingFile): EmailSettings {
  const { smtp, user, password_file: passwordFile, from, subject, text_file: textFile, attempts } = one;
  const password = passwordFile === undefined ? undefined : files(passwordFile)?.trim();
  const text = (textFile === undefined ? undefined : files(textFile)) ?? DEFAULT_TEXT;
  const limits = { codeLifetimeMs: one.code_lifetime, attempts, codesPerIdentity: one.codes_per_hour };
  return { smtp: { ...smtp, user, password }, from, subject, text, ...limits };
}

function recoverySettings(one: NonNullable<SettingsFile['recovery']>, files: ReadSettingFile): RecoverySettings {
  const { max_vetoes: maxVetoes, subject, text_file: textFile } = one;
  const text = (textFile === undefined ? undefined : files(textFile)) ?? DEFAULT_RECOVERY.text;
  return { maxVetoes, subject, text };
}

function lookupSettings(one: NonNullable<SettingsFile['lookups']>, files: ReadSettingFile): LookupSettings {
  const secret = files(one.secret_file)?.trim() ?? '';
  return { privateKinds: one.private, secret: encodeUtf8(secret) };
}

function acmeSettings(
  { url, mail, attest }: NonNullable<SettingsFile['acme']>,
  email: SettingsFile['email'],
  files: ReadSettingFile,
): AcmeSettings {
  const devices = attest && { roots: attestationRoots(files(attest.roots) ?? ''), prefix: attest.prefix };
  const common = { url, attest: devices };
  if (mail === undefined || email === undefined) return common;
  const { from, codes_per_hour: mailsPerHour } = email;
  const secret = files(mail.secret_file)?.trim() ?? '';
  return { ...common, mail: { from, mailsPerHour, authservId: mail.authserv_id, secret } };
}

function webhookSettings(one: NonNullable<SettingsFile['webhook']>, files: ReadSettingFile): WebhookSettings {
  const { url, secret_file: secretFile, timeout: timeoutMs, operations } = one;
  return { url, secret: files(secretFile)?.trim() ?? '', timeoutMs, operations };
}
