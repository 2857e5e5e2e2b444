import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import {
  type AkdConfiguration,
  experimentalConfiguration,
  whatsAppConfiguration,
} from '../../akd/akd-configuration.ts';
import type { AkdSource } from '../../akd/akd-source.ts';
import { httpSource } from '../../akd/http-source.ts';
import { withNames } from '../../akd/named-source.ts';
import type { NamedEpoch } from '../../akd/object-name.ts';
import { serverBase } from '../../client/transport.ts';
import { decodeLossyUtf8, parseHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { platformFetch } from '../../core/net/bounded-fetch.ts';
import { userFolder } from '../user-folder.ts';
import type { AkdAuditor } from './akd-auditor.ts';
import type { AkdTask } from './akd-round.ts';
import type { AkdKind } from './akd-state.ts';
import { folderSource, readBounded } from './folder-source.ts';

/** The options of `audit-akd`, as typed. */
export interface AkdFlags {
  readonly configuration: 'whatsapp' | 'experimental';
  readonly domainLabel?: string;
  readonly namedEpoch: NamedEpoch;
  readonly from?: number;
  readonly startRoot?: string;
  readonly to?: number;
  readonly names?: string;
  readonly state?: string;
  readonly auditor?: string;
  readonly auditorNamespace?: string;
  readonly auditorKey?: string;
  readonly maxObjectMib: number;
  readonly maxNodes: number;
  readonly watch?: boolean;
  readonly interval: number;
  readonly check?: boolean;
  readonly json?: boolean;
}

/** Longest wait for an object. While a large proof is verified, an answer that has come waits too. */
const TIMEOUT_MS = 300_000;

/** Most bytes of the file of `--names`. */
const MAX_NAMES_BYTES = 64 * 2 ** 20;

/** Returns the task that the options name. Throws `usage`. */
export async function akdTaskOf(place: string, flags: AkdFlags): Promise<AkdTask> {
  const kind = akdKindOf(flags);
  const listed = sourceOf(place, flags.maxObjectMib * 2 ** 20);
  const source = flags.names === undefined ? listed : withNames(listed, await readNames(flags.names));
  const { maxNodes, from, to } = flags;
  return {
    source,
    configuration: akdConfigurationOf(kind),
    kind,
    folder: flags.state ?? defaultFolder(source.place),
    maxNodes,
    from,
    startRoot: flags.startRoot === undefined ? undefined : hex32(flags.startRoot, '--start-root'),
    to,
    auditor: auditorOf(flags),
  };
}

/** Returns what kind of log the options name. Throws `usage`. */
export function akdKindOf({ configuration, domainLabel, namedEpoch }: AkdFlags): AkdKind {
  const isExperimental = configuration === 'experimental';
  const fits = isExperimental === (domainLabel !== undefined);
  ensure(fits, 'usage', '--domain-label belongs to --configuration experimental, which needs it');
  return { configuration, domainLabel, namedEpoch };
}

/** Returns the hashes of a kind of log. Throws `usage`. */
export function akdConfigurationOf({ configuration, domainLabel }: AkdKind): AkdConfiguration {
  return configuration === 'whatsapp' ? whatsAppConfiguration() : experimentalConfiguration(domainLabel ?? '');
}

function sourceOf(place: string, maxBytes: number): AkdSource {
  if (!/^https?:/i.test(place)) return folderSource(resolve(place), maxBytes);
  return httpSource({ base: safeBase(place), fetch: platformFetch, timeoutMs: TIMEOUT_MS, maxBytes });
}

/** Nothing that is published there is signed, so TLS is all that says whose it is. */
function safeBase(url: string): string {
  const base = serverBase(url);
  const { protocol, hostname } = new URL(base);
  const isLoopback = hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
  ensure(
    protocol === 'https:' || isLoopback,
    'usage',
    'give an https URL: without TLS anybody could change the answers',
  );
  return base;
}

async function readNames(path: string): Promise<readonly string[]> {
  const text = decodeLossyUtf8(await readBounded(path, MAX_NAMES_BYTES));
  return text.split(/\r?\n/).filter((line) => line !== '');
}

function auditorOf({ auditor, auditorNamespace, auditorKey }: AkdFlags): AkdAuditor | undefined {
  if (auditor === undefined && auditorNamespace === undefined) return undefined;
  const isWhole = auditor !== undefined && auditorNamespace !== undefined && auditorKey !== undefined;
  ensure(isWhole, 'usage', '--auditor, --auditor-namespace and --auditor-key belong together');
  const publicKey = hex32(auditorKey, '--auditor-key');
  return { base: safeBase(auditor), namespace: auditorNamespace, publicKey };
}

/** Parses an option of 32 bytes in hexadecimal. Throws `usage`. */
export function hex32(text: string, option: string): Uint8Array {
  ensure(/^[0-9a-fA-F]{64}$/.test(text), 'usage', `${option} is 64 hexadecimal digits`);
  return parseHex(text);
}

function defaultFolder(place: string): string {
  const name = place
    .replace(/^https?:\/\//, '')
    .replaceAll(/[^A-Za-z0-9.-]/g, '_')
    .slice(-60);
  return join(userFolder(), `akd-${name}-${createHash('sha256').update(place).digest('hex').slice(0, 8)}`);
}
