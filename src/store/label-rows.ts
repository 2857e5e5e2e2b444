import { ensure } from '../core/errors.ts';
import { Batcher } from './batcher.ts';
import { MAX_RANGE } from './log-rows.ts';
import type { LabelRow, LadderRow, LogStore, VersionRow } from './ports.ts';
import { inOrder, orUndefined, type StoreContext } from './rows.ts';

type Part = 'findLabel' | 'readVersions' | 'readVersionPositions' | 'readLabelAt' | 'readLadder' | 'listLabels';

type LadderColumns = {
  readonly version: number;
  readonly vrf_output: Uint8Array;
  readonly vrf_proof: Uint8Array;
  readonly commitment: Uint8Array;
};

type VersionColumns = LadderColumns & {
  readonly position: number;
  readonly opening: Uint8Array | null;
  readonly value: Uint8Array | null;
};

type LabelColumns = { readonly label: Uint8Array | null; readonly greatest_version: number };

type LabelStateColumns = LabelColumns & VersionColumns & { readonly ord: number; readonly positions: number[] };

/** What `readLabelAt` is asked for. */
interface LabelAt {
  readonly labelKey: Uint8Array;
  readonly size: number;
}

type LabelState = NonNullable<Awaited<ReturnType<LogStore['readLabelAt']>>>;

const VERSION_COLUMNS = 'version, position, vrf_output, vrf_proof, commitment, opening, value';

const LABEL = 'select label, greatest_version from labels where log_id = $1 and label_key = $2';

const VERSIONS = `select ${VERSION_COLUMNS} from versions
  where log_id = $1 and label_key = $2 and version >= $3 and version <= $4 order by version`;

const POSITIONS = `select coalesce(array_agg(position order by version), '{}') as positions from versions
  where log_id = $1 and label_key = $2 and position < $3`;

// A label's versions are in the log in their order, so the greatest below a size is the last of its positions. Lateral
// joins with a limit make the planner look rows up one by one, whatever it believes the sizes of the tables to be.
const LABELS_AT = `select asked.ord, label_row.*, newest.*,
    array(select position from versions where log_id = $1 and label_key = asked.label_key and position < asked.size
      order by version) as positions
  from unnest($2::bytea[], $3::int8[]) with ordinality as asked (label_key, size, ord)
  cross join lateral (select label, greatest_version from labels
    where log_id = $1 and label_key = asked.label_key limit 1) as label_row
  cross join lateral (select ${VERSION_COLUMNS} from versions
    where log_id = $1 and label_key = asked.label_key and position < asked.size
    order by version desc limit 1) as newest`;

const LADDER = `select asked.ord, found.* from unnest($3::int8[]) with ordinality as asked (version, ord)
  cross join lateral (select version, vrf_output, vrf_proof, commitment from versions
    where log_id = $1 and label_key = $2 and versions.version = asked.version limit 1) as found`;

// The last row of the window is there whether it matches or not: the next window begins after it.
const LIST = `with looked_at as materialized (
    select label_key, label, greatest_version from labels where log_id = $1 and label_key > $2
    order by label_key limit $3)
  select *, ($4::bytea is null or coalesce(position($4::bytea in label) > 0, false)) as matches from looked_at
  where $4::bytea is null or position($4::bytea in label) > 0
    or label_key = (select label_key from looked_at order by label_key desc limit 1)
  order by label_key`;

const NO_KEY = new Uint8Array(0);

/** Labels and their versions. */
export function labelRows(context: StoreContext): Pick<LogStore, Part> {
  const { driver, logId } = context;
  const labelsAt = new Batcher<LabelAt, LabelState | undefined>({
    maxItems: 64,
    maxRuns: 4,
    run: (asked) => readLabelsAt(context, asked),
  });
  return {
    async findLabel(labelKey) {
      const [row] = await driver.query<LabelColumns>(LABEL, [logId, labelKey]);
      return row === undefined ? undefined : toLabel(labelKey, row);
    },

    async readVersions(labelKey, first, last) {
      ensure(last - first < MAX_RANGE, 'value-out-of-range', `at most ${MAX_RANGE} versions at a time`);
      const rows = await driver.query<VersionColumns>(VERSIONS, [logId, labelKey, first, last]);
      return rows.map((row) => toVersion(labelKey, row));
    },

    async readVersionPositions(labelKey, size) {
      const [row] = await driver.query<{ positions: number[] }>(POSITIONS, [logId, labelKey, size]);
      return row?.positions ?? [];
    },

    async listLabels({ after = NO_KEY, limit, search }) {
      const rows = await driver.query<LabelColumns & { label_key: Uint8Array; matches: boolean }>(LIST, [
        logId,
        after,
        limit,
        search,
      ]);
      const matching = rows.filter(({ matches }) => matches).map((row) => toLabel(row.label_key, row));
      return { rows: matching, next: rows.at(-1)?.label_key };
    },

    readLabelAt: (labelKey, size) => labelsAt.add({ labelKey, size }),

    async readLadder(labelKey, versions) {
      if (versions.length === 0) return [];
      const rows = await driver.query<LadderColumns & { ord: number }>(LADDER, [logId, labelKey, versions]);
      return inOrder(rows, versions.length, toLadder);
    },
  };
}

async function readLabelsAt(
  { driver, logId }: StoreContext,
  asked: readonly LabelAt[],
): Promise<readonly (LabelState | undefined)[]> {
  const keys = asked.map(({ labelKey }) => labelKey);
  const sizes = asked.map(({ size }) => size);
  const rows = await driver.query<LabelStateColumns>(LABELS_AT, [logId, keys, sizes]);
  return inOrder(rows, asked.length, (row) => {
    const labelKey = keys[row.ord - 1] as Uint8Array;
    return { label: toLabel(labelKey, row), positions: row.positions, greatest: toVersion(labelKey, row) };
  });
}

function toLabel(labelKey: Uint8Array, row: LabelColumns): LabelRow {
  return { labelKey, label: orUndefined(row.label), greatestVersion: row.greatest_version };
}

function toLadder(row: LadderColumns): LadderRow {
  return { version: row.version, vrfOutput: row.vrf_output, vrfProof: row.vrf_proof, commitment: row.commitment };
}

function toVersion(labelKey: Uint8Array, row: VersionColumns): VersionRow {
  return {
    labelKey,
    version: row.version,
    position: row.position,
    vrfOutput: row.vrf_output,
    vrfProof: row.vrf_proof,
    commitment: row.commitment,
    opening: orUndefined(row.opening),
    value: orUndefined(row.value),
  };
}
