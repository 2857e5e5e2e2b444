import { equalBytes } from '../../core/encoding/bytes.ts';
import { GlasskeyError } from '../../core/errors.ts';
import type { IntentRow } from '../../store/ports.ts';
import type { LogContext } from '../log/log-context.ts';

/** The right to make a version, or the same request that already has it. */
export type RecordedIntent = { readonly own: true } | { readonly own: false; readonly existing: IntentRow };

/**
 * Step `recordIntent`: claims the version before anything is signed, so that of two requests only one goes on. The same
 * request again finds itself. Throws `version-conflict` where another request has the version.
 */
export async function recordIntent(
  { store, now }: Pick<LogContext, 'store' | 'now'>,
  intent: { readonly labelKey: Uint8Array; readonly version: number; readonly requestHash: Uint8Array },
): Promise<RecordedIntent> {
  const result = await store.openIntent({ ...intent, createdMs: now() });
  if (result.opened) return { own: true };
  const { existing } = result;
  if (equalBytes(existing.requestHash, intent.requestHash)) return { own: false, existing };
  throw new GlasskeyError('version-conflict', 'another request is changing the identity at this moment');
}
