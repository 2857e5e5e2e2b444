import { ensure } from '../core/errors.ts';
import type { LogContext } from '../service/log/log-context.ts';
import { sealHead } from '../service/sequencing/seal-head.ts';
import type { UnsealedRow } from '../store/ports.ts';
import { DataFolder } from './data-folder.ts';

/** Returns the rows that authorise something and that this log has not sealed. Throws `storage-failed`. */
export function listUnsealed({ store }: LogContext): Promise<readonly UnsealedRow[]> {
  return store.listUnsealed();
}

/**
 * Seals every row of {@link listUnsealed}, and has the data folder accept no unsealed row from now on. The trail names
 * the administrator. Returns the sealed rows. Throws `storage-failed`, and what {@link sealHead} throws.
 */
export async function sealRows(context: LogContext, data: string, who: string): Promise<readonly UnsealedRow[]> {
  const folder = new DataFolder(data);
  const marker = await folder.readMarker();
  ensure(marker !== undefined, 'usage', `${folder.marker} is missing`);
  const found = await context.store.listUnsealed();
  const sealed: UnsealedRow[] = [];
  for (const row of found) {
    const isSealed = await (row.table === 'heads' ? sealHead(context) : context.store.sealRow(row));
    if (isSealed) sealed.push(row);
  }
  if (sealed.length > 0) {
    const why = `${sealed.length} rows`;
    await context.trail.record([{ act: 'rows-sealed', who, why }], (record) => context.store.appendTrail(record));
  }
  await folder.writeMarker({ ...marker, rows: 'sealed' });
  return sealed;
}
