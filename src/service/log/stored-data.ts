import { type AuditEntry, auditEntryCodec } from '../../core/audit/audit-entry.ts';
import { decode } from '../../core/encoding/codec.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import type { EntryRow } from '../../store/ports.ts';

/**
 * Returns a handler for the error of a check of what the store holds. It throws `storage-corrupt` with `message` where
 * the check blames the data: whoever got that code would look for the fault in its own request, or in the log.
 */
export function corrupt(message: string): (cause: unknown) => never {
  return (cause) => {
    const isOfData = isGlasskeyError(cause) && cause.fault !== 'storage' && cause.fault !== 'overload';
    throw isOfData ? new GlasskeyError('storage-corrupt', message, { cause }) : cause;
  };
}

/** Runs a check of what the store holds. Throws as {@link corrupt}. */
export function asStored<T>(message: string, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    return corrupt(message)(cause);
  }
}

/** Decodes a stored log entry. Throws `storage-corrupt`. */
export function auditEntryOf({ auditEntry }: Pick<EntryRow, 'auditEntry'>): AuditEntry {
  return asStored('a stored log entry is damaged', () => decode(auditEntryCodec, auditEntry));
}
