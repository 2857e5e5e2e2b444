import type { KeyDirectory } from '../../client/key-directory.ts';
import type { LogEnd } from '../../core/audit/log-end.ts';
import { formatBase64, formatHex } from '../../core/encoding/bytes.ts';
import { isGlasskeyError } from '../../core/errors.ts';

/** Returns the end of a log for people. Its texts are printable ASCII; only their signer vouches for them. */
export function endLines({ origin, position, reason, successor }: LogEnd): string[] {
  const why = reason === '' ? '' : `: ${reason}`;
  const ended = `the log ${origin} has ended with entry ${position}, as it says itself${why}`;
  if (successor === undefined) return [ended, '  it names no successor'];
  const { origin: next, url, fingerprint, bundleKey } = successor;
  return [
    ended,
    `  it names its successor: ${next}${url === '' ? '' : ` at ${url}`}`,
    `  fingerprint of the successor's trust bundle: ${formatHex(fingerprint)}`,
    `  key of its later bundles: ${formatBase64(bundleKey)}`,
    '  Next: compare these with somebody you trust, then use the new URL; no client follows it automatically',
  ];
}

/** Returns the end of a log as JSON. */
export function endJson({ position, reason, successor }: LogEnd): Record<string, unknown> {
  return {
    position,
    reason,
    successor: successor && {
      origin: successor.origin,
      url: successor.url,
      fingerprint: formatHex(successor.fingerprint),
      bundleKey: formatBase64(successor.bundleKey),
    },
  };
}

/** Reports on stderr that the log has ended, if it has. Reports nothing if the server does not answer. */
export async function reportEnd(directory: KeyDirectory): Promise<void> {
  try {
    const end = await directory.logEnd();
    if (end !== undefined) process.stderr.write(`${endLines(end).join('\n')}\n`);
  } catch (error) {
    const isUnanswered = isGlasskeyError(error) && error.fault !== 'verification' && error.fault !== 'decode';
    if (!isUnanswered) throw error;
  }
}
