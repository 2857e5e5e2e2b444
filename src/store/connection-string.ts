import { userInfo } from 'node:os';
import { ensure, GlasskeyError } from '../core/errors.ts';

/** Protection of a connection, as libpq's `sslmode` names it. */
export const TLS_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type TlsMode = (typeof TLS_MODES)[number];

/** One server of a database: a TCP port, or a socket in a folder. */
export interface DatabaseHost {
  readonly host: string;
  readonly port: number;
  /** The path of a Unix socket; undefined for TCP. */
  readonly socket: string | undefined;
}

/** A parsed `postgres://` URL. */
export interface DatabaseAddress {
  /** Tried in this order. */
  readonly hosts: readonly DatabaseHost[];
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: TlsMode;
  /** File with the accepted CA certificates; `system` or undefined for those of Node.js. */
  readonly rootCertificates: string | undefined;
  /** Files of a client certificate and its key. */
  readonly clientCertificate: { readonly certificate: string; readonly key: string } | undefined;
  readonly channelBinding: 'disable' | 'prefer' | 'require';
  /** True to pass over servers that only read. */
  readonly mustWrite: boolean;
  /** Time to wait for one server, s; undefined for the default. */
  readonly connectTimeoutSeconds: number | undefined;
  /** Command-line options for the session. */
  readonly options: string | undefined;
}

/** The parameters that a URL may have, as libpq names them. */
const PARAMETERS = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'channel_binding',
  'target_session_attrs',
  'connect_timeout',
  'options',
] as const;
type Parameters = Partial<Record<(typeof PARAMETERS)[number], string>>;

/** A parameter of a URL, as it is written and as it is meant. */
interface UrlParameter {
  readonly written: string;
  readonly name: (typeof PARAMETERS)[number];
  readonly value: string;
}

/** The parts of a `postgres://` URL as they are written, and its parameters. */
interface UrlParts {
  readonly scheme: string;
  readonly user: string;
  readonly password: string | undefined;
  readonly hosts: string;
  readonly database: string | undefined;
  readonly parameters: readonly UrlParameter[];
}

const DEFAULT_PORT = 5432;
const URL_FORM =
  /^(?<scheme>postgres(?:ql)?:\/\/)(?:(?<user>[^:@/?#]*)(?::(?<password>[^/?#]*))?@)?(?<hosts>[^@/?#]*)(?:\/(?<database>[^/?#]*))?(?:\?(?<query>[^#]*))?$/;

/** Returns true for a text in the form of a `postgres://` URL. */
export function isDatabaseUrl(text: string): boolean {
  return URL_FORM.test(text);
}

/** Splits a URL. Throws `usage` if it is none, and for an unknown parameter; no message repeats the URL. */
export function splitDatabaseUrl(url: string): UrlParts {
  const groups = URL_FORM.exec(url)?.groups;
  ensure(groups !== undefined, 'usage', 'the database must be a postgres:// URL');
  const pairs = (groups['query'] ?? '').split('&').filter((pair) => pair !== '');
  return {
    scheme: groups['scheme'] ?? '',
    user: groups['user'] ?? '',
    password: groups['password'],
    hosts: groups['hosts'] ?? '',
    database: groups['database'],
    parameters: pairs.map(parameterOf),
  };
}

/**
 * Parses the URL of a PostgreSQL database, in libpq's form (PostgreSQL 34.1.1.2). Throws `usage`, for an unknown
 * parameter too; no message repeats the URL, which may hold a password.
 */
export function parseConnectionString(url: string): DatabaseAddress {
  const parts = splitDatabaseUrl(url);
  const parameters: Parameters = Object.fromEntries(
    parts.parameters.filter(({ value }) => value !== '').map(({ name, value }) => [name, value]),
  );
  const { env } = process;
  const part = (text = ''): string | undefined => nonEmpty(decoded(text));
  const user = parameters.user ?? part(parts.user) ?? env['PGUSER'] ?? userInfo().username;
  const hosts = hostsOf(parts.hosts, parameters);
  const target = oneOf('target_session_attrs', parameters.target_session_attrs, ['any', 'read-write', 'primary']);
  return {
    hosts,
    user,
    password: parameters.password ?? part(parts.password) ?? env['PGPASSWORD'] ?? '',
    database: parameters.dbname ?? part(parts.database) ?? env['PGDATABASE'] ?? user,
    ...protectionOf(parameters),
    mustWrite: target === undefined ? hosts.length > 1 : target !== 'any',
    connectTimeoutSeconds: numberOf('connect_timeout', parameters.connect_timeout, 3_600),
    options: parameters.options,
  };
}

/** Returns what is weak about how a database is reached, for the operator; undefined if nothing is. */
export function transportWarning({ tls, channelBinding, hosts }: DatabaseAddress): string | undefined {
  const isRemote = hosts.some(({ socket }) => socket === undefined);
  if (tls !== 'require' || channelBinding === 'require' || !isRemote) return undefined;
  return (
    'sslmode=require encrypts the connection to the database and verifies nothing: whoever is between can be the ' +
    'database; use sslmode=verify-full, with sslrootcert for a CA of your own'
  );
}

function protectionOf(
  parameters: Parameters,
): Pick<DatabaseAddress, 'tls' | 'rootCertificates' | 'clientCertificate' | 'channelBinding'> {
  const { sslrootcert, sslcert, sslkey } = parameters;
  const asked = oneOf('sslmode', parameters.sslmode, TLS_MODES);
  const isSystem = sslrootcert === 'system';
  const isWeak = isSystem && asked !== undefined && asked !== 'verify-full';
  ensure(!isWeak, 'usage', 'the database URL has sslrootcert=system, which needs sslmode=verify-full');
  ensure((sslcert === undefined) === (sslkey === undefined), 'usage', 'the database URL needs both sslcert and sslkey');
  // As in libpq: a root certificate is there to be used.
  const tls = asked === 'require' && sslrootcert !== undefined ? 'verify-ca' : asked;
  return {
    tls: tls ?? (isSystem ? 'verify-full' : 'prefer'),
    rootCertificates: isSystem ? undefined : sslrootcert,
    clientCertificate:
      sslcert === undefined || sslkey === undefined ? undefined : { certificate: sslcert, key: sslkey },
    channelBinding:
      oneOf('channel_binding', parameters.channel_binding, ['disable', 'prefer', 'require'] as const) ?? 'prefer',
  };
}

function parameterOf(written: string): UrlParameter {
  const [key = '', ...rest] = written.split('=');
  const name = PARAMETERS.find((one) => one === decoded(key));
  if (name === undefined)
    throw new GlasskeyError('usage', `the database URL has an unknown parameter: ${decoded(key)}`);
  return { written, name, value: decoded(rest.join('=')) };
}

/** Returns the servers of `host1:port1,host2:port2`, or of the parameters, which win. */
function hostsOf(authority: string, parameters: Parameters): readonly DatabaseHost[] {
  const written = authority.split(',').map((one) => {
    const parts = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(one);
    if (parts === null) throw new GlasskeyError('usage', 'the database URL has a port that is no number');
    return parts;
  });
  const names = parameters.host?.split(',') ?? written.map(([, name = '']) => decoded(name));
  const ports = parameters.port?.split(',') ?? written.map(([, , port]) => port ?? '');
  ensure(
    ports.length === 1 || ports.length === names.length,
    'usage',
    'the database URL has other numbers of hosts and ports',
  );
  return names.map((name, i) => {
    const text = nonEmpty(ports[ports.length === 1 ? 0 : i] ?? '') ?? process.env['PGPORT'];
    const port = numberOf('port', text, 65_535) ?? DEFAULT_PORT;
    const host = nonEmpty(name.replaceAll(/^\[|\]$/g, '')) ?? process.env['PGHOST'] ?? 'localhost';
    return { host, port, socket: host.startsWith('/') ? `${host}/.s.PGSQL.${port}` : undefined };
  });
}

function oneOf<T extends string>(name: string, value: string | undefined, allowed: readonly T[]): T | undefined {
  const found = allowed.find((one) => one === value);
  const message = `the database URL has another ${name} than ${allowed.join(', ')}`;
  ensure(value === undefined || found !== undefined, 'usage', message);
  return found;
}

function numberOf(name: string, value: string | undefined, most: number): number | undefined {
  if (value === undefined) return undefined;
  const isOne = /^\d{1,5}$/.test(value) && Number(value) <= most;
  ensure(isOne, 'usage', `the database URL has a ${name} that is no number up to ${most}`);
  return Number(value);
}

function nonEmpty(text: string): string | undefined {
  return text === '' ? undefined : text;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new GlasskeyError('usage', 'the database URL has a % that begins no escape');
  }
}
