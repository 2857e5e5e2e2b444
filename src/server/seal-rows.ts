import { createHash } from 'node:crypto';
import { parseCertificate } from '../ca/certificate.ts';
import { equalBytes, formatHex } from '../core/encoding/bytes.ts';
import { sha256 } from '../core/crypto/sha256.ts';
import { ensure, isGlasskeyError } from '../core/errors.ts';
import { decodeIdentityRecord } from '../identity/identity-record.ts';
import { identityText } from '../service/admin/list-identities.ts';
import type { LogContext } from '../service/log/log-context.ts';
import { sealHead } from '../service/sequencing/seal-head.ts';
import type { UnsealedRow } from '../store/ports.ts';
import { DataFolder } from './data-folder.ts';

/** A row that authorises something and that this log has not sealed, as an administrator sees it. */
export interface ShownRow {
  readonly table: string;
  /** Its primary key inside the log. */
  readonly key: string;
  /** The right that it gives. Untrusted text. */
  readonly about: string;
  /** The identity that it is for; undefined if it is for none, or the database does not say a label that fits. */
  readonly identity: string | undefined;
  /** The VRF output that the row is for, hex. */
  readonly labelKey: string | undefined;
}

/** The rows without a seal, and the digest that stands for exactly this content of them. */
export interface UnsealedRows {
  readonly rows: readonly ShownRow[];
  readonly digest: string;
}

const DIGEST_CHARACTERS = 32;

/** Returns the rows that authorise something and that this log has not sealed. Throws `storage-failed`. */
export async function listUnsealed(context: LogContext): Promise<UnsealedRows> {
  return show(context, await context.store.listUnsealed());
}

/**
 * Seals the rows that an administrator looked at, and has the data folder accept no unsealed row from now on. The trail
 * names the administrator. Throws `rows-changed` unless `digest` is that of the rows without a seal, `storage-failed`,
 * and what {@link sealHead} throws.
 */
export async function sealRows(
  context: LogContext,
  data: string,
  { digest, who }: { readonly digest: string; readonly who: string },
): Promise<UnsealedRows> {
  const folder = new DataFolder(data);
  const marker = await folder.readMarker();
  ensure(marker !== undefined, 'usage', `${folder.marker} is missing`);
  const found = await context.store.listUnsealed();
  const message = 'the rows without a seal are not those of this digest: look at them again, without --finish';
  ensure(digestOf(found) === digest, 'rows-changed', message);
  const sealed: UnsealedRow[] = [];
  for (const row of found) {
    const isSealed = await (row.seal === undefined ? sealHead(context) : context.store.sealRow(row));
    if (isSealed) sealed.push(row);
  }
  if (sealed.length > 0) {
    const why = `${sealed.length} rows, digest ${digest}`;
    await context.trail.record([{ act: 'rows-sealed', who, why }], (record) => context.store.appendTrail(record));
  }
  await folder.writeMarker({ ...marker, rows: 'sealed' });
  return show(context, sealed);
}

/**
 * Covers every column of every row but the head, since the seals do. Without the key of the seals, nobody can compute
 * it.
 */
function digestOf(rows: readonly UnsealedRow[]): string {
  const lines = rows
    .flatMap(({ table, key, seal }) => (seal === undefined ? [] : [`${table} ${key} ${formatHex(sha256(seal))}\n`]))
    .toSorted();
  const hash = createHash('sha256').update(`glasskey unsealed rows v1\n${lines.join('')}`);
  return hash.digest('hex').slice(0, DIGEST_CHARACTERS);
}

async function show(context: LogContext, rows: readonly UnsealedRow[]): Promise<UnsealedRows> {
  return { rows: await Promise.all(rows.map((row) => describe(context, row))), digest: digestOf(rows) };
}

async function describe({ vrf }: LogContext, { table, key, about, name, record }: UnsealedRow): Promise<ShownRow> {
  const isNamed = name?.label !== undefined && equalBytes(await vrf.labelKey(name.label), name.labelKey);
  const identity = isNamed && name.label !== undefined ? identityText(name.label) : undefined;
  const content = record === undefined ? '' : `: ${recordText(record)}`;
  return { table, key, about: about + content, identity, labelKey: name && formatHex(name.labelKey) };
}

/** The authorisation that a queued record says, and the keys that it holds. */
function recordText(value: Uint8Array): string {
  try {
    const { authorization, certificates, pending } = decodeIdentityRecord(value);
    const kind = authorization.type === 'maintenance' ? `maintenance: ${authorization.kind}` : authorization.type;
    const keys = certificates.map((der) => formatHex(parseCertificate(der).keysSha256));
    const waiting = pending === undefined ? [] : [`pending ${formatHex(pending.spkiSha256)}`];
    return [kind, keys.length === 0 ? 'no key' : `keys ${keys.join(' ')}`, ...waiting].join(', ');
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    return 'an unreadable record';
  }
}
