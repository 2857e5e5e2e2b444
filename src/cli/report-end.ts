import type { KeyDirectory } from '../client/key-directory.ts';
import type { LogEnd } from '../core/audit/log-end.ts';
import { formatBase64, formatHex } from '../core/encoding/bytes.ts';
import { isGlasskeyError } from '../core/errors.ts';

/** What is told of a log that has ended, in lines. Its texts are printable ASCII; that they are true, only its signer says. */
export function endLines({ origin, position, reason, successor }: LogEnd): string[] {
  const why = reason === '' ? '' : `: ${reason}`;
  const ended = `the log ${origin} has ended with entry ${position}, and says so itself${why}`;
  if (successor === undefined) return [ended, '  it names no successor'];
  const { origin: next, url, fingerprint, bundleKey } = successor;
  return [
    ended,
    `  it names its successor: ${next}${url === '' ? '' : ` at ${url}`}`,
    `  fingerprint of the successor's trust bundle: ${formatHex(fingerprint)}`,
    `  key of its later bundles: ${formatBase64(bundleKey)}`,
    '  compare them with somebody you trust before you use it: nothing is followed by itself',
  ];
}

/** The same for programs. */
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

/** Tells the user on stderr where the log has ended. Where the server cannot be asked, nothing is told. */
export async function reportEnd(directory: KeyDirectory): Promise<void> {
  try {
    const end = await directory.logEnd();
    if (end !== undefined) process.stderr.write(`${endLines(end).join('\n')}\n`);
  } catch (error) {
    const isUnanswered = isGlasskeyError(error) && error.fault !== 'verification' && error.fault !== 'decode';
    if (!isUnanswered) throw error;
  }
}
