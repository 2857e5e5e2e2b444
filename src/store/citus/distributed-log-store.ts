import type { LogStore } from '../ports.ts';
import type { StoreContext } from '../rows.ts';
import { distributedCertificateRows } from './certificate-rows.ts';
import { eraseDistributed } from './erasure-transaction.ts';
import { distributedIssuanceRows } from './issuance-rows.ts';
import { distributedLabelRows } from './label-rows.ts';
import { distributedTreeRows } from './tree-rows.ts';
import { type IsSettled, settledOn, Visibility } from './visibility.ts';
import { visibleReads } from './visible-log-store.ts';
import { appendDistributed } from './write-transactions.ts';

/**
 * A log's rows in a database whose large tables are distributed (distributed-tables.ts): `together` with other
 * statements where one would need rows of several nodes. Default for `isSettled`: Citus is asked.
 */
export function distributedLogStore(
  context: StoreContext,
  together: LogStore,
  isSettled: IsSettled = settledOn(context.driver),
): LogStore {
  const visibility = new Visibility(isSettled);
  const rows: LogStore = {
    ...together,
    ...distributedTreeRows(context, visibility),
    ...distributedLabelRows(context),
    ...distributedIssuanceRows(context),
    ...distributedCertificateRows(context),
    erase: eraseDistributed(context),
    append: (batch) => appendDistributed(context, batch),
  };
  return { ...rows, ...visibleReads(rows, visibility) };
}
