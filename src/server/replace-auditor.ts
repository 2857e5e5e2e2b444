import type { TrustBundle } from '../contract/trust-bundle.ts';
import { formatBase64, parseBase64 } from '../core/encoding/bytes.ts';
import { decode, encode } from '../core/encoding/codec.ts';
import { ensure } from '../core/errors.ts';
import { type Configuration, configurationCodec } from '../core/keytrans/configuration.ts';
import { type DataFolder, readServerConfig } from './data-folder.ts';
import { auditorFields, type LogSettings } from './log-settings.ts';
import { nextBundle, storeBundle } from './next-bundle.ts';

/**
 * Stores the next trust bundle of a data folder, in which the log has that third-party auditor, as its first or instead
 * of another. The folder must have the bundle key. The log takes the new Configuration at the next start of a server.
 * Throws `usage`, `bad-key` for an invalid auditor's key, and the errors of {@link nextBundle}.
 */
export async function replaceAuditor(
  folder: DataFolder,
  auditor: NonNullable<LogSettings['auditor']>,
): Promise<TrustBundle> {
  await readServerConfig(folder);
  const next = await nextBundle(folder, (current) => withAuditor(current, auditor));
  await storeBundle(folder, next);
  return next.bundle;
}

function withAuditor(
  bundle: TrustBundle,
  auditor: NonNullable<LogSettings['auditor']>,
): Pick<TrustBundle, 'keytransConfiguration' | 'earlierConfigurations'> {
  const current = decode(configurationCodec, parseBase64(bundle.keytransConfiguration));
  const configuration: Configuration = { ...current, ...auditorFields(auditor, current.cipherSuite) };
  const keytransConfiguration = formatBase64(encode(configurationCodec, configuration));
  ensure(
    keytransConfiguration !== bundle.keytransConfiguration,
    'usage',
    'the log already has this auditor, with these settings',
  );
  const earlier = [...(bundle.earlierConfigurations ?? []), bundle.keytransConfiguration];
  return { keytransConfiguration, earlierConfigurations: [...new Set(earlier)] };
}
