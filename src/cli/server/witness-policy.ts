import { parsePolicy, type Policy } from '../../core/audit/policy.ts';
import { parseTrustBundle, formatTrustBundle } from '../../contract/parse-trust-bundle.ts';
import { signTrustBundle } from '../../contract/bundle-signature.ts';
import type { SignedTrustBundle } from '../../contract/trust-bundle.ts';
import { formatBase64 } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { assertReachable } from '../../service/witnessing/witness-quorum.ts';
import { type DataFolder, keyPassphrase, readServerConfig } from './data-folder.ts';
import { readSigner } from './server-keys.ts';

/**
 * Reads the policy by which a log is witnessed (c2sp.org/tlog-policy). `origin` is the log's, where it has one already.
 * Throws `bad-policy`, and `usage` for one that this log could never satisfy.
 */
export function readWitnessPolicy(text: string, origin?: string): Policy {
  const policy = parsePolicy(text);
  const names = policy.logs.map(({ vkey }) => vkey.name);
  const isOfLog = names.length === 0 || (origin !== undefined && names.includes(origin));
  ensure(isOfLog, 'usage', 'the policy lists logs, and this one is not among them');
  assertReachable(policy);
  return policy;
}

/**
 * Makes and stores the next trust bundle of a data folder, with another witness policy, signed by the bundle key, which must
 * be there. A running server uses it after its next start. Throws `usage`, `bad-policy`, `bad-key-file`.
 */
export async function replaceWitnessPolicy(folder: DataFolder, text: string): Promise<SignedTrustBundle> {
  const { origin } = await readServerConfig(folder);
  readWitnessPolicy(text, origin);
  const current = await folder.read(folder.trust);
  ensure(current !== undefined, 'usage', `${folder.trust} is missing`);
  const { bundle } = parseTrustBundle(current);
  const key = await readSigner(folder, 'bundle', await keyPassphrase(folder));
  const isKey = formatBase64(key.publicKey) === bundle.bundleKey;
  ensure(
    isKey,
    'usage',
    `${folder.key('bundle')} is not the key that clients expect the next bundle to be signed with`,
  );
  const next = await signTrustBundle({ ...bundle, sequence: bundle.sequence + 1, witnessPolicy: text }, [key]);
  await folder.write(folder.trust, formatTrustBundle(next));
  return next;
}
