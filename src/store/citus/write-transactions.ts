import { sql } from 'drizzle-orm';
import { parseHex } from '../../core/encoding/bytes.ts';
import { appendValues, assertMoved, assertUnsettled } from '../append.ts';
import { APPEND_SMALL, LARGE_INSERTS } from '../append-statements.ts';
import { FAIL_INTENT_SMALL, failureValues, unlessStopped } from '../issuance-rows.ts';
import type { AppendBatch, LogStore } from '../ports.ts';
import type { StoreContext } from '../rows.ts';
import { certificates, revocations } from '../schema.ts';
import type { RunInTransaction, SqlParameter } from '../sql-driver.ts';
import { arrays, assignments, fields, type RowOf, statement } from '../statement.ts';
import { SIGNED_INSERT, SUBMIT_SMALL, type SubmissionValues } from '../submit-versions.ts';

/** Implements {@link LogStore.append} as one transaction: Citus plans no statement that writes several tables. */
export async function appendDistributed(context: StoreContext, batch: AppendBatch): Promise<void> {
  const values = appendValues(context, batch);
  await context.driver
    .transaction(async (run) => {
      const small = APPEND_SMALL.bind(values);
      const [row] = await run<{ moved: number; revoked: string | null }>(APPEND_SMALL.text, small);
      assertMoved(batch, row?.moved ?? 0);
      // Sent at once, and run one after the other.
      await Promise.all(largeInserts(values, batch).map(({ text, parameters }) => run(text, parameters)));
      await fillExpiry(run, context.logId, row?.revoked);
    })
    .catch(assertUnsettled);
  context.emit('appended');
}

/** Returns the statements of the tables for which the batch has rows. Entries are always among them. */
function largeInserts(
  values: ReturnType<typeof appendValues>,
  batch: AppendBatch,
): { readonly text: string; readonly parameters: SqlParameter[] }[] {
  const inserts = Object.entries(LARGE_INSERTS) as [keyof typeof LARGE_INSERTS, (typeof LARGE_INSERTS)['entries']][];
  return inserts
    .filter(([table]) => batch[table === 'labels' ? 'versions' : table].length > 0)
    .map(([, insert]) => ({ text: insert.text, parameters: insert.bind(values) }));
}

/** Writes submissions and their certificates, for {@link LogStore.submit}, as one transaction. */
export function submitDistributed(
  { driver }: StoreContext,
  values: SubmissionValues,
): Promise<readonly { readonly ord: number; readonly id: number }[]> {
  return driver.transaction(async (run) => {
    const claimed = await run<{ ord: number; id: number }>(SUBMIT_SMALL.text, SUBMIT_SMALL.bind(values));
    const signed = claimed.map(({ ord }) => ord - 1).filter((index) => values.serials[index] !== undefined);
    if (signed.length === 0) return claimed;
    const of = <T>(column: readonly T[]): T[] => signed.map((index) => column[index] as T);
    const parameters = SIGNED_INSERT.bind({
      log: values.log,
      serials: of(values.serials),
      labelKeys: of(values.labelKeys),
      versions: of(values.versions),
      requestHashes: of(values.requestHashes),
      contents: of(values.contents),
      spkiHashes: of(values.spkiHashes),
      notBefores: of(values.notBefores),
      notAfters: of(values.notAfters),
    });
    await run(SIGNED_INSERT.text, parameters);
    return claimed;
  });
}

/** Implements {@link LogStore.failIntent} as one transaction. */
export function failDistributed(context: StoreContext): LogStore['failIntent'] {
  return (intent, from, revocation, trail) => {
    const parameters = FAIL_INTENT_SMALL.bind(failureValues(context, intent, from, revocation, trail));
    return unlessStopped(() =>
      context.driver.transaction(async (run) => {
        const [row] = await run<{ failed: number; revoked: string | null }>(FAIL_INTENT_SMALL.text, parameters);
        await fillExpiry(run, context.logId, row?.revoked);
        return row?.failed === 1;
      }),
    );
  };
}

const EXPIRY = { serial: certificates.serial, notAfterMs: certificates.notAfterMs };

const EXPIRIES = statement(['log', 'serials'], (values) => {
  const { logId, serial } = certificates;
  return sql`select ${fields(EXPIRY)} from ${certificates}
  where ${logId} = ${values.log} and ${serial} = any(${arrays([serial, values.serials])})`;
});

const FILL_EXPIRY = statement(['log', 'serials', 'notAfters'], (values) => {
  const { logId, serial, notAfterMs } = revocations;
  const known = arrays([serial, values.serials], [notAfterMs, values.notAfters]);
  return sql`update ${revocations} set ${assignments(revocations, { notAfterMs: sql`known.not_after` })}
  from unnest(${known}) as known (serial, not_after) where ${logId} = ${values.log} and ${serial} = known.serial`;
});

/** Fills in when revoked certificates expire, for new rows of the CRL: their serials as hex, with commas between. */
async function fillExpiry(run: RunInTransaction, log: number, revoked: string | null | undefined): Promise<void> {
  if (revoked === null || revoked === undefined) return;
  const asked = EXPIRIES.bind({ log, serials: revoked.split(',').map(parseHex) });
  const rows = await run<RowOf<typeof EXPIRY>>(EXPIRIES.text, asked);
  if (rows.length === 0) return;
  const serials = rows.map(({ serial }) => serial);
  const notAfters = rows.map(({ notAfterMs }) => notAfterMs);
  await run(FILL_EXPIRY.text, FILL_EXPIRY.bind({ log, serials, notAfters }));
}
