import { signedLogEndCodec } from '../../core/audit/log-end.ts';
import { decode } from '../../core/encoding/codec.ts';
import type { LogContext } from './log-context.ts';

/** Returns the encoded SignedLogEnd of a log whose last entry is released; undefined while the log goes on. */
export async function readReleasedEnd(
  { store }: Pick<LogContext, 'store'>,
  releasedSize: number,
): Promise<Uint8Array | undefined> {
  const encoded = await store.readLogEnd();
  if (encoded === undefined) return undefined;
  const { end } = decode(signedLogEndCodec, encoded);
  return end.position < releasedSize ? encoded : undefined;
}
