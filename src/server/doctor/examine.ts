import { parseCertificate } from '../../ca/certificate.ts';
import { parsePem } from '../../ca/der/pem.ts';
import { serverBase } from '../../client/transport.ts';
import { AUDITOR_PATHS } from '../../contract/paths.ts';
import { ensure } from '../../core/errors.ts';
import { platformFetch } from '../../core/net/bounded-fetch.ts';
import { DataFolder, readServerConfig } from '../data-folder.ts';
import { parseListen } from '../listen-address.ts';
import { inspectedTarget } from '../log-status.ts';
import { readBundle } from '../open-server.ts';
import { readSettings } from '../settings/server-settings.ts';
import { checkDatabase } from './check-database.ts';
import { checkFolder } from './check-folder.ts';
import { checkPort, checkPublicUrl } from './check-served.ts';
import { checkAuditor, checkWitnesses } from './check-witnesses.ts';
import { failing, fine, type Finding, reasonOf } from './finding.ts';
import type { ProbeTools } from './probe.ts';

/** Options of {@link examine}. */
export interface ExamineOptions extends Partial<ProbeTools> {
  readonly data: string;
  readonly database?: string | undefined;
  /** `host:port` on which the server listens, or will. */
  readonly listen: string;
  /** URL of the third-party auditor. Default: none is asked. */
  readonly auditor?: string | undefined;
}

/**
 * Examines a data folder and what its server relies on, beside running servers, and changes nothing. What cannot be
 * looked at is a finding, too. Throws `usage` for a folder that `init` did not make.
 */
export async function examine(options: ExamineOptions): Promise<readonly Finding[]> {
  const tools = { fetch: options.fetch ?? platformFetch, now: options.now ?? Date.now };
  const folder = new DataFolder(options.data);
  const address = parseListen(options.listen);
  const config = await readServerConfig(folder);
  const text = await folder.read(folder.trust);
  ensure(text !== undefined, 'usage', `${folder.trust} is missing`);
  const bundle = readBundle(folder, config, text);
  const isCreated = (await folder.readMarker()) !== undefined;
  const issuer = parseCertificate(parsePem('CERTIFICATE', bundle.issuers[0] ?? ''));
  const auditor = options.auditor === undefined ? undefined : serverBase(options.auditor) + AUDITOR_PATHS.head;
  const found = await Promise.all([
    checkSettings(folder),
    checkFolder(folder, config.dev),
    checkDatabase(() => inspectedTarget(folder, options.database), { origin: config.origin, isCreated }, tools.now),
    checkPort(address, bundle, tools),
    checkPublicUrl(config.publicUrl, bundle, issuer, tools),
    checkWitnesses(bundle.witnessPolicy, tools),
    auditor === undefined ? [] : checkAuditor(auditor, tools),
  ]);
  return found.flat();
}

async function checkSettings(folder: DataFolder): Promise<Finding> {
  try {
    await readSettings(folder);
    return fine('settings', 'glasskey.toml has no problem');
  } catch (error) {
    return failing('settings', reasonOf(error), 'glasskey config check says where');
  }
}
