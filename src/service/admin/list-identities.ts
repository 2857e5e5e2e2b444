import { decodeUtf8, encodeUtf8, formatHex } from '../../core/encoding/bytes.ts';
import type { LogContext } from '../log/log-context.ts';

/** Returns the identity that a label names, as people write it: an e-mail address has no scheme. */
export function identityText(label: Uint8Array): string {
  return decodeUtf8(label).replace(/^mailto:/, '');
}

/** Rows that one statement reads. */
const PAGE = 1_000;

/** An identity as an administrator sees it. */
export interface ListedIdentity {
  /** The canonical identity; undefined after an erasure. */
  readonly identity: string | undefined;
  /** The VRF output of its version 0, hex: its name in the trail, also after an erasure. */
  readonly labelKey: string;
  readonly greatestVersion: number;
}

/**
 * Yields every identity in the log, page by page, in no particular order: memory does not grow with the log. `search`
 * is a part of the canonical identity.
 */
export async function* listIdentities(
  { store }: Pick<LogContext, 'store'>,
  { search }: { readonly search: string | undefined },
): AsyncGenerator<ListedIdentity> {
  const bytes = search === undefined ? undefined : encodeUtf8(search);
  for (let after: Uint8Array | undefined; ;) {
    const page = await store.listLabels({ after, limit: PAGE, search: bytes });
    for (const { label, labelKey, greatestVersion } of page.rows) {
      yield { identity: label && identityText(label), labelKey: formatHex(labelKey), greatestVersion };
    }
    if (page.next === undefined) return;
    after = page.next;
  }
}
