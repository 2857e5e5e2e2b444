import { parseBase64 } from '../core/encoding/bytes.ts';
import { decode } from '../core/encoding/codec.ts';
import { ensure, isGlasskeyError } from '../core/errors.ts';
import { parseNote } from '../core/audit/note.ts';
import { verifyCosignatures } from '../core/audit/cosignature.ts';
import type { PolicyWitness } from '../core/audit/policy-parts.ts';
import { parsePolicy } from '../core/audit/policy.ts';
import { configurationCodec } from '../core/keytrans/configuration.ts';
import type { TrustBundle } from '../contract/trust-bundle.ts';
import { inspectDatabase } from '../store/inspect-database.ts';
import { type InspectedLog, inspectLog } from '../store/inspect-log.ts';
import { readSchemaVersions, type SchemaVersions } from '../store/schema-versions.ts';
import { chooseDatabase } from './choose-database.ts';
import { DataFolder, readServerConfig } from './data-folder.ts';
import { readBundle } from './open-server.ts';

/** The last cosignature of a witness, as the newest released checkpoints show it. */
export interface WitnessStatus {
  /** The name of the witness in the policy. */
  readonly name: string;
  /** Undefined if none of the newest checkpoints has its cosignature. */
  readonly last: { readonly size: number; readonly timestampMs: number } | undefined;
}

/** The standing of a log, read from its database. */
export interface LogStatus extends Omit<InspectedLog, 'logId' | 'checkpoints' | 'auditor'> {
  readonly origin: string;
  readonly database: 'postgres' | 'pglite';
  readonly schema: SchemaVersions;
  readonly witnesses: readonly WitnessStatus[];
  /** Undefined if the log has no third-party auditor. */
  readonly auditor: { readonly head: InspectedLog['auditor'] } | undefined;
}

/**
 * Reads how the log of a data folder stands. Works beside running servers, and changes nothing; needs no key and no
 * passphrase. Throws `usage` if the database does not hold the log, `storage-locked` if a server holds the embedded
 * database, `storage-failed`, `bad-bundle`.
 */
export async function readLogStatus(options: {
  readonly data: string;
  readonly database?: string | undefined;
}): Promise<LogStatus> {
  const folder = new DataFolder(options.data);
  const config = await readServerConfig(folder);
  const text = await folder.read(folder.trust);
  ensure(text !== undefined, 'usage', `${folder.trust} is missing`);
  const bundle = readBundle(folder, config, text);
  const database = await inspectDatabase(await inspectedTarget(folder, options.database));
  try {
    const schema = await readSchemaVersions(database.read);
    const log = await inspectLog(database, config.origin);
    ensure(
      log !== undefined,
      'usage',
      `this database holds no log ${config.origin}: is it the one that serve is given?`,
    );
    const { logId: _, checkpoints, auditor, ...same } = log;
    return {
      origin: config.origin,
      database: database.kind,
      schema,
      ...same,
      witnesses: witnessStatuses(bundle, checkpoints),
      auditor: isAudited(bundle) ? { head: auditor } : undefined,
    };
  } finally {
    await database.close();
  }
}

/** Returns the database to look at: the one that `serve` uses. Throws `usage` for a URL that is none. */
export async function inspectedTarget(folder: DataFolder, database: string | undefined): Promise<InspectedTarget> {
  const chosen = (await chooseDatabase(folder, { database }))?.target;
  return typeof chosen === 'string' ? chosen : { dataDir: folder.database };
}

/** A database that can be looked at. */
type InspectedTarget = Parameters<typeof inspectDatabase>[0];

function isAudited({ keytransConfiguration }: TrustBundle): boolean {
  return decode(configurationCodec, parseBase64(keytransConfiguration)).mode === 'thirdPartyAuditing';
}

function witnessStatuses(
  { witnessPolicy }: TrustBundle,
  checkpoints: InspectedLog['checkpoints'],
): readonly WitnessStatus[] {
  const { witnesses } = parsePolicy(witnessPolicy);
  const last = new Map<string, WitnessStatus['last']>();
  for (const { size, note } of checkpoints) {
    const missing = witnesses.filter(({ name }) => !last.has(name));
    if (missing.length === 0) break;
    for (const { name, timestampMs } of cosignaturesOf(note, missing)) last.set(name, { size, timestampMs });
  }
  return witnesses.map(({ name }) => ({ name, last: last.get(name) }));
}

/** Returns the cosignatures of a stored checkpoint, none for one that cannot be read. */
function cosignaturesOf(note: string, witnesses: readonly PolicyWitness[]): { name: string; timestampMs: number }[] {
  try {
    const found = verifyCosignatures(
      parseNote(note),
      witnesses.map(({ vkey }) => vkey),
    );
    return found.flatMap(({ vkey, timestampMs }) => {
      const witness = witnesses.find((one) => one.vkey === vkey);
      return witness === undefined ? [] : [{ name: witness.name, timestampMs }];
    });
  } catch (error) {
    if (isGlasskeyError(error)) return [];
    throw error;
  }
}
