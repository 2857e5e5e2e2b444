import { fingerprint } from '../contract/bundle-signature.ts';
import { parseTrustBundle } from '../contract/parse-trust-bundle.ts';
import { type LogEnd, signLogEnd, type Successor } from '../core/audit/log-end.ts';
import { formatBase64, parseBase64, parseHex } from '../core/encoding/bytes.ts';
import { ensure } from '../core/errors.ts';
import { type EndedLog, endLog } from '../service/sequencing/end-log.ts';
import type { LogContext } from '../service/log/log-context.ts';
import { asUserInput, readInput } from './user-input.ts';
import { DataFolder } from './data-folder.ts';
import { withKeys } from './key-ring.ts';

/** Options of {@link endLogOfFolder}. */
export interface EndFolderOptions {
  readonly data: string;
  /** File with the successor's trust bundle, if the log has a successor. */
  readonly successor?: string | undefined;
  readonly reason: string;
  readonly who: string;
  readonly acceptClockGap?: boolean | undefined;
}

/**
 * Ends the log of a data folder with a LogEnd that the bundle key signs (`endLog`). Throws `usage` for an unreadable
 * successor, a reason that is too long or an unexpected bundle key, `bad-key-file`, and the errors of `endLog`.
 */
export async function endLogOfFolder(context: LogContext, options: EndFolderOptions): Promise<EndedLog> {
  const folder = new DataFolder(options.data);
  const text = await folder.read(folder.trust);
  ensure(text !== undefined, 'usage', `${folder.trust} is missing`);
  const { bundle } = parseTrustBundle(text);
  const { reason, who, acceptClockGap = false } = options;
  const isShown = /^[\x20-\x7e]{0,255}$/.test(reason);
  ensure(isShown, 'usage', 'the reason must be at most 255 characters of printable ASCII');
  const successor = options.successor === undefined ? undefined : await readSuccessor(options.successor);
  const isOther = successor?.origin !== context.origin;
  ensure(isOther, 'usage', 'a log cannot succeed itself: the successor needs another origin');
  return withKeys(folder, async (keys) => {
    const key = await keys.signer('bundle');
    const isExpected = formatBase64(key.publicKey) === bundle.bundleKey;
    ensure(isExpected, 'usage', `${folder.key('bundle')} is not the bundle key that clients know`);
    const sign = (position: number) => {
      const end: LogEnd = { format: 1, origin: context.origin, position, reason, successor };
      return signLogEnd(end, (message) => key.sign(message));
    };
    return endLog(context, { sign, who, acceptClockGap });
  });
}

async function readSuccessor(path: string): Promise<Successor> {
  const { bundle } = await asUserInput(path, async () => parseTrustBundle(await readInput(path)));
  const { origin, publicUrl: url = '', bundleKey } = bundle;
  return { origin, url, fingerprint: parseHex(fingerprint(bundle)), bundleKey: parseBase64(bundleKey) };
}
