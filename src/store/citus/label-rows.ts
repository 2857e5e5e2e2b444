import { sql } from 'drizzle-orm';
import { Batcher } from '../batcher.ts';
import { withRecord } from '../packed-record.ts';
import type { LabelAt, LogStore } from '../ports.ts';
import { keyOf, type StoreContext } from '../rows.ts';
import { labels, versions } from '../schema.ts';
import { arrays, columnsBut, fields, type RowOf, statement } from '../statement.ts';
import { present } from '../stored-row.ts';

type Part = 'readLabelAt' | 'readHashedLabelAt' | 'readLadder';

/** A label by its key, and the size of the log to read it at. */
interface AskedLabel {
  readonly labelKey: Uint8Array;
  readonly size: number;
}

/** The same by its hash. */
interface AskedHash {
  readonly labelHash: Uint8Array;
  readonly size: number;
}

/** Labels in one read. */
const MAX_ASKED = 64;
/** Rows read for the hashes of one read: only planted rows have the hash of another. */
const MAX_HASHED = 4 * MAX_ASKED;

const LABEL = {
  labelKey: labels.labelKey,
  label: labels.label,
  greatestVersion: labels.greatestVersion,
  vrfMemory: labels.vrfMemory,
};
const HASHED = { labelKey: labels.labelKey, labelHash: labels.labelHash };
const VERSION = columnsBut(versions, 'logId');
const PLACE = { labelKey: versions.labelKey, version: versions.version, position: versions.position };
const RUNG = {
  version: versions.version,
  vrfOutput: versions.vrfOutput,
  vrfProof: versions.vrfProof,
  commitment: versions.commitment,
};

const LABELS = statement(
  ['log', 'labelKeys'],
  (values) => sql`select ${fields(LABEL)} from ${labels}
  where ${labels.logId} = ${values.log} and ${labels.labelKey} = any(${arrays([labels.labelKey, values.labelKeys])})`,
);

// Asks every shard, each of which has an index of hashes.
const HASHES = statement(
  ['log', 'hashes'],
  (values) => sql`select ${fields(HASHED)} from ${labels}
  where ${labels.logId} = ${values.log} and ${labels.labelHash} = any(${arrays([labels.labelHash, values.hashes])})
  limit ${sql.raw(String(MAX_HASHED))}`,
);

const PLACES = statement(['log', 'labelKeys'], (values) => {
  const { logId, labelKey } = versions;
  return sql`select ${fields(PLACE)} from ${versions}
  where ${logId} = ${values.log} and ${labelKey} = any(${arrays([labelKey, values.labelKeys])})`;
});

const VERSIONS = statement(['log', 'labelKeys', 'versions'], (values) => {
  const { logId, labelKey, version } = versions;
  const keys = arrays([labelKey, values.labelKeys]);
  return sql`select ${fields(VERSION)} from ${versions}
  where ${logId} = ${values.log} and ${labelKey} = any(${keys})
    and (${labelKey}, ${version}) in (select * from unnest(${keys}, ${arrays([version, values.versions])}))`;
});

const LADDER = statement(['log', 'labelKey', 'versions'], (values) => {
  const { logId, labelKey, version } = versions;
  return sql`select ${fields(RUNG)} from ${versions}
  where ${logId} = ${values.log} and ${labelKey} = ${values.labelKey}
    and ${version} = any(${arrays([version, values.versions])})`;
});

/** Labels and versions that are distributed by label key. */
export function distributedLabelRows(context: StoreContext): Pick<LogStore, Part> {
  const { driver, logId } = context;
  const together = { maxItems: MAX_ASKED, maxRuns: 4 };
  const byKey = new Batcher<AskedLabel, LabelAt | undefined>({
    ...together,
    run: (asked) => readLabelsAt(context, asked),
  });
  const byHash = new Batcher<AskedHash, LabelAt | undefined>({
    ...together,
    run: (asked) => readHashedLabelsAt(context, asked),
  });
  return {
    readLabelAt: (labelKey, size) => byKey.add({ labelKey, size }),

    readHashedLabelAt: (labelHash, size) => byHash.add({ labelHash, size }),

    async readLadder(labelKey, asked) {
      if (asked.length === 0) return [];
      const parameters = LADDER.bind({ log: logId, labelKey, versions: asked });
      const rows = await driver.query<RowOf<typeof RUNG>>(LADDER.text, parameters);
      const found = new Map(rows.map((row) => [row.version, row]));
      return asked.map((version) => found.get(version));
    },
  };
}

async function readHashedLabelsAt(
  context: StoreContext,
  asked: readonly AskedHash[],
): Promise<readonly (LabelAt | undefined)[]> {
  const { driver, logId } = context;
  const parameters = HASHES.bind({ log: logId, hashes: asked.map(({ labelHash }) => labelHash) });
  const rows = await driver.query<RowOf<typeof HASHED>>(HASHES.text, parameters);
  const keyOfHash = new Map(rows.map((row) => [row.labelHash?.join(), row.labelKey]));
  const keyed = asked.map(({ labelHash, size }) => ({ labelKey: keyOfHash.get(labelHash.join()), size }));
  const known = keyed.flatMap(({ labelKey, size }) => (labelKey === undefined ? [] : [{ labelKey, size }]));
  if (known.length === 0) return asked.map(() => undefined);
  const found = await readLabelsAt(context, known);
  let next = 0;
  return keyed.map(({ labelKey }) => (labelKey === undefined ? undefined : found[next++]));
}

/** Reads labels after their versions, so that a label that has some is there. */
async function readLabelsAt(
  { driver, logId }: StoreContext,
  asked: readonly AskedLabel[],
): Promise<readonly (LabelAt | undefined)[]> {
  const labelKeys = asked.map(({ labelKey }) => labelKey);
  const all = await driver.query<RowOf<typeof PLACE>>(PLACES.text, PLACES.bind({ log: logId, labelKeys }));
  const ofLabel = new Map<string, RowOf<typeof PLACE>[]>();
  for (const row of all.toSorted((a, b) => a.version - b.version)) {
    const key = row.labelKey.join();
    const places = ofLabel.get(key);
    if (places === undefined) ofLabel.set(key, [row]);
    else places.push(row);
  }
  const places = asked.map(({ labelKey, size }) =>
    (ofLabel.get(labelKey.join()) ?? []).filter(({ position }) => position < size),
  );
  const greatest = places.flatMap((of) => of.at(-1) ?? []);
  if (greatest.length === 0) return asked.map(() => undefined);
  const newestKeys = greatest.map(({ labelKey }) => labelKey);
  const parameters = VERSIONS.bind({ log: logId, labelKeys: newestKeys, versions: greatest.map((row) => row.version) });
  const [rows, named] = await Promise.all([
    driver.query<RowOf<typeof VERSION>>(VERSIONS.text, parameters),
    driver.query<RowOf<typeof LABEL>>(LABELS.text, LABELS.bind({ log: logId, labelKeys: newestKeys })),
  ]);
  const versionOf = new Map(rows.map((row) => [keyOf(row), row]));
  const labelOf = new Map(named.map((row) => [row.labelKey.join(), row]));
  return places.map((of) => {
    const last = of.at(-1);
    const version = last && versionOf.get(keyOf(last));
    const label = last && labelOf.get(last.labelKey.join());
    if (version === undefined || label === undefined) return undefined;
    const { vrfMemory, ...row } = label;
    return {
      label: present(row),
      vrfMemory: vrfMemory ?? undefined,
      positions: of.map(({ position }) => position),
      greatest: withRecord(present(version)),
    };
  });
}
