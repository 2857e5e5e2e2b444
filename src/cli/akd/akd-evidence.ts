import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { AkdExhibits, AkdFinding } from '../../akd/akd-finding.ts';
import { JsonFields, parseJson } from '../../contract/json-fields.ts';
import { decodeLossyUtf8, formatHex } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { hexOf, signedEpochJson, signedEpochOf } from './akd-auditor.ts';
import type { AkdKind } from './akd-state.ts';
import { readBounded } from './folder-source.ts';

/** A finding about an AKD log, as its file has it. */
export interface AkdEvidence {
  readonly place: string;
  readonly kind: AkdKind;
  readonly code: string;
  readonly message: string;
  readonly exhibits: AkdExhibits;
}

const FORMAT = 'glasskey-akd-evidence-1';

/** Most names of objects that evidence has. */
const MAX_NAMES = 10;
const MAX_EVIDENCE_BYTES = 64 * 1024;

/**
 * Writes a finding to new files in `folder` (mode 0600): JSON, and beside it the object that does not verify. Returns
 * the path of the JSON, also if the same finding is there already.
 */
export async function writeAkdEvidence(
  finding: AkdFinding,
  place: string,
  kind: AkdKind,
  folder: string,
): Promise<string> {
  const { names, endEpoch, reached, object, signed } = finding.exhibits;
  const exhibits = {
    endEpoch,
    names: names.slice(0, MAX_NAMES).map((name) => name.slice(0, 256)),
    ...(reached === undefined ? {} : { reached: formatHex(reached) }),
    ...(object === undefined ? {} : { sha256: sha256(object), bytes: object.length }),
    ...(signed === undefined ? {} : { signed: signedEpochJson(signed) }),
  };
  const content = { place, kind, code: finding.code, message: finding.message, ...exhibits };
  const id = sha256(Buffer.from(JSON.stringify(content))).slice(0, 12);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const earlier = (await readdir(folder)).find(
    (name) => name.startsWith('akd-evidence-') && name.endsWith(`-${id}.json`),
  );
  if (earlier !== undefined) return join(folder, earlier);
  const at = new Date().toISOString();
  const path = join(folder, `akd-evidence-${at.replaceAll(/[:.]/g, '-')}-${id}.json`);
  const options = { mode: 0o600, flag: 'wx', flush: true };
  if (object !== undefined) await writeFile(objectPath(path), object, options);
  await writeFile(path, `${JSON.stringify({ format: FORMAT, at, ...content }, null, 2)}\n`, options);
  return path;
}

/** The file of the object is next to the JSON, under the same name. */
function objectPath(path: string): string {
  return join(dirname(path), basename(path).replace(/(?:\.json)?$/, '.proof'));
}

/** Reads evidence of somebody else, and its object if it has one. Throws `bad-evidence`, `usage` above a bound. */
export async function readAkdEvidence(path: string, maxBytes: number): Promise<AkdEvidence> {
  const text = decodeLossyUtf8(await readBounded(path, MAX_EVIDENCE_BYTES));
  const fields = new JsonFields(parseJson(text, 'bad-evidence'), 'bad-evidence', 'evidence');
  ensure(fields.string('format', 64) === FORMAT, 'bad-evidence', `${path} is no evidence of an audit of an AKD log`);
  const object = fields.has('sha256') ? await readBounded(objectPath(path), maxBytes) : undefined;
  const isSame = object === undefined || sha256(object) === fields.string('sha256', 64);
  ensure(isSame, 'bad-evidence', `${objectPath(path)} is not the object that the evidence names`);
  return {
    place: fields.string('place', 4096),
    kind: kindOf(fields.object('kind')),
    code: fields.string('code', 64),
    message: fields.string('message', 4096),
    exhibits: {
      names: fields.strings('names', { minimum: 0, maximum: MAX_NAMES }, 256),
      endEpoch: fields.integer('endEpoch'),
      reached: fields.has('reached') ? hexOf(fields, 'reached', 32) : undefined,
      object,
      signed: fields.has('signed') ? signedEpochOf(fields.object('signed')) : undefined,
    },
  };
}

function kindOf(fields: JsonFields): AkdKind {
  return {
    configuration: fields.oneOf('configuration', ['whatsapp', 'experimental']),
    domainLabel: fields.has('domainLabel') ? fields.string('domainLabel', 256, 0) : undefined,
    namedEpoch: fields.oneOf('namedEpoch', ['end', 'start']),
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
