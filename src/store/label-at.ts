import { and, eq, isNotNull, sql } from 'drizzle-orm';
import { Batcher } from './batcher.ts';
import { withRecord } from './packed-record.ts';
import type { LabelAt, LogStore } from './ports.ts';
import { inOrder, type StoreContext } from './rows.ts';
import { labels, versions } from './schema.ts';
import { present } from './stored-row.ts';
import { arrays, columnsBut, fields, type RowOf, statement } from './statement.ts';

const LABEL = {
  labelKey: labels.labelKey,
  label: labels.label,
  greatestVersion: labels.greatestVersion,
  vrfMemory: labels.vrfMemory,
};
const VERSION = columnsBut(versions, 'logId');

/** A label by its key or its hash, and the size of the log to read it at. */
interface AskedLabel {
  readonly name: Uint8Array;
  readonly size: number;
}

type LabelAtRow = RowOf<typeof LABEL> & RowOf<typeof VERSION> & { readonly ord: number; readonly positions: number[] };

const LABELS_AT = labelsBy(labels.labelKey);
const HASHED_LABELS_AT = labelsBy(labels.labelHash);

/**
 * Compiles the read of labels by a column. The log holds a label's versions in their order, so the greatest below a
 * size is the last of its positions. Lateral joins with a limit make the planner look rows up one by one, whatever
 * sizes it believes the tables to have.
 */
function labelsBy(found: typeof labels.labelKey | typeof labels.labelHash) {
  return statement(['log', 'names', 'sizes'], (values) => {
    const { logId, labelKey, position, version } = versions;
    const ofLabel = sql`${logId} = ${values.log} and ${labelKey} = label_row."labelKey" and ${position} < asked.size`;
    return sql`select asked.ord, label_row.*, newest.*,
      array(select ${position} from ${versions} where ${ofLabel} order by ${version}) as positions
    from unnest(${arrays([found, values.names], [position, values.sizes])}) with ordinality as asked (name, size, ord)
    cross join lateral (
      select ${fields(LABEL)} from ${labels}
      where ${labels.logId} = ${values.log} and ${found} = asked.name limit 1) as label_row
    cross join lateral (
      select ${fields(VERSION)} from ${versions} where ${ofLabel} order by ${version} desc limit 1) as newest`;
  });
}

/** Reads of labels as the log has them at a size, many in one statement. */
export function labelsAt(context: StoreContext): Pick<LogStore, 'readLabelAt' | 'readHashedLabelAt' | 'rememberVrf'> {
  const { queries, logId } = context;
  const readBy = (by: typeof LABELS_AT) =>
    new Batcher<AskedLabel, LabelAt | undefined>({
      maxItems: 64,
      maxRuns: 4,
      run: (asked) => read(context, by, asked),
    });
  const [byKey, byHash] = [readBy(LABELS_AT), readBy(HASHED_LABELS_AT)];
  return {
    readLabelAt: (name, size) => byKey.add({ name, size }),

    readHashedLabelAt: (name, size) => byHash.add({ name, size }),

    async rememberVrf({ labelKey, greatestVersion }, { labelHash, vrfMemory }) {
      const ofLabel = and(eq(labels.logId, logId), eq(labels.labelKey, labelKey));
      const isSame = and(eq(labels.greatestVersion, greatestVersion), isNotNull(labels.label));
      await queries.run((db) => db.update(labels).set({ labelHash, vrfMemory }).where(and(ofLabel, isSame)));
    },
  };
}

async function read(
  { driver, logId }: StoreContext,
  by: typeof LABELS_AT,
  asked: readonly AskedLabel[],
): Promise<readonly (LabelAt | undefined)[]> {
  const names = asked.map(({ name }) => name);
  const sizes = asked.map(({ size }) => size);
  const rows = await driver.query<LabelAtRow>(by.text, by.bind({ log: logId, names, sizes }));
  return inOrder(rows, asked.length, ({ positions, label, greatestVersion, vrfMemory, ...newest }) => ({
    label: present({ labelKey: newest.labelKey, label, greatestVersion }),
    vrfMemory: vrfMemory ?? undefined,
    positions,
    greatest: withRecord(present(newest)),
  }));
}
