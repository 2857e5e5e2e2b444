import { signTrustBundle } from '../../contract/bundle-signature.ts';
import { assertSuccessor } from '../../contract/bundle-successor.ts';
import { formatTrustBundle, parseTrustBundle } from '../../contract/parse-trust-bundle.ts';
import type { TrustBundle } from '../../contract/trust-bundle.ts';
import { formatBase64, parseBase64 } from '../../core/encoding/bytes.ts';
import { decode, encode } from '../../core/encoding/codec.ts';
import { ensure } from '../../core/errors.ts';
import { type Configuration, configurationCodec } from '../../core/keytrans/configuration.ts';
import { type DataFolder, keyPassphrase, readServerConfig } from './data-folder.ts';
import { auditorFields, type LogSettings } from './log-settings.ts';
import { readSigner } from './server-keys.ts';

/**
 * Makes and stores the next trust bundle of a data folder, in which the log has that third-party auditor, as its first or in
 * place of another; signed by the bundle key, which must be there. Servers give the log the new Configuration when they
 * start the next time. Throws `usage`, `bad-key` for a key of the auditor that is none, `bad-key-file`.
 */
export async function replaceAuditor(
  folder: DataFolder,
  auditor: NonNullable<LogSettings['auditor']>,
): Promise<TrustBundle> {
  await readServerConfig(folder);
  const text = await folder.read(folder.trust);
  ensure(text !== undefined, 'usage', `${folder.trust} is missing`);
  const { bundle } = parseTrustBundle(text);
  const key = await readSigner(folder, 'bundle', await keyPassphrase(folder));
  const isExpected = formatBase64(key.publicKey) === bundle.bundleKey;
  ensure(isExpected, 'usage', `${folder.key('bundle')} is not the key by which clients accept the next bundle`);
  const current = decode(configurationCodec, parseBase64(bundle.keytransConfiguration));
  const configuration: Configuration = { ...current, ...auditorFields(auditor, current.cipherSuite) };
  const keytransConfiguration = formatBase64(encode(configurationCodec, configuration));
  ensure(keytransConfiguration !== bundle.keytransConfiguration, 'usage', 'the log has that auditor already');
  const earlier = [...(bundle.earlierConfigurations ?? []), bundle.keytransConfiguration];
  const next = await signTrustBundle(
    { ...bundle, sequence: bundle.sequence + 1, keytransConfiguration, earlierConfigurations: [...new Set(earlier)] },
    [key],
  );
  assertSuccessor(bundle, next);
  await folder.write(folder.trust, formatTrustBundle(next));
  return next.bundle;
}
