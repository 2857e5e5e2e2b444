import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parsePem } from '../ca/der/pem.ts';
import { cosignatureVkey, ed25519Vkey, formatVkey, isKeyName, ML_DSA_COSIGNATURE } from '../core/audit/vkey.ts';
import type { CipherSuite } from '../core/crypto/cipher-suite.ts';
import { compressPoint } from '../core/crypto/compress-point.ts';
import type { SignerAlgorithm } from '../core/crypto/signer.ts';
import { formatBase64 } from '../core/encoding/bytes.ts';
import { encode } from '../core/encoding/codec.ts';
import { ensure, isGlasskeyError } from '../core/errors.ts';
import { type Configuration, configurationCodec } from '../core/keytrans/configuration.ts';
import { signTrustBundle } from '../contract/bundle-signature.ts';
import { formatTrustBundle } from '../contract/parse-trust-bundle.ts';
import { DEFAULT_IDENTITY_RULES } from '../identity/identity.ts';
import { DEFAULT_RECOVERY_DELAY_MS } from '../service/log/open-log.ts';
import { newTokenText } from '../service/log/tokens.ts';
import { type FolderLock, lockFolder } from '../store/folder-lock.ts';
import { createPassphrase, DataFolder, type ServerConfig } from './data-folder.ts';
import { type KeyRing, withKeys } from './key-ring.ts';
import { assertOutlivesRecovery, configurationFrom, DEFAULT_LOG_SETTINGS, type LogSettings } from './log-settings.ts';
import { assertNewPolicy } from './witness-policy.ts';
import { createCaCertificates, createKeyFiles, createMlDsaKey, readMlDsaKey, suiteOf } from './server-keys.ts';

/** Options of {@link initialise}, most of which are fixed for the life of the log. */
export interface InitOptions {
  /** The data folder to create, or to complete after a crash. */
  readonly data: string;
  /** Algorithm of the tree-head and VRF keys, which decides the KEYTRANS cipher suite: `ed25519` or `p256`. */
  readonly suite: CipherSuite['keyAlgorithm'];
  /** The log's unique name. Default: the host of `publicUrl` and a random part. */
  readonly origin: string | undefined;
  /** URL that certificates and clients use. Default: none, and certificates point nowhere. */
  readonly publicUrl: string | undefined;
  /** Algorithm of the root and the issuing CA: `ed25519`, `p256` or `p384`. */
  readonly caKey: SignerAlgorithm;
  /** Monitoring window, maximum lifetime and auditor. Default: 6 h, none, none. */
  readonly log?: LogSettings;
  /** True to sign checkpoints with ML-DSA-44 too. Default: false. */
  readonly mlDsa?: boolean | undefined;
  /** A C2SP tlog-policy. The log releases nothing without its quorum of witnesses. Default: `quorum none`. */
  readonly witnessPolicy?: string | undefined;
  /** True accepts a policy with quorums that share no witness. Default: false. */
  readonly allowsDisjointQuorums?: boolean | undefined;
  /** True for development: certificates point to the address on which the server listens. */
  readonly dev: boolean;
  /** Time for which a recovery is visible before it takes effect, ms. Default: {@link DEFAULT_RECOVERY_DELAY_MS}. */
  readonly recoveryDelayMs?: number | undefined;
  /** The current time, ms since 1970. */
  readonly nowMs: number;
}

/** Time to wait for another process that holds the folder, ms. */
const LOCK_PATIENCE_MS = 5_000;
const LOCK_POLL_MS = 50;

/**
 * Creates a data folder: keys, CA certificates, the trust bundle, the first application token. The server creates the
 * log in the database at its first start. Safe to repeat after a crash: existing files stay. Throws `usage` if the
 * folder is complete, `storage-locked` while another process initialises it.
 */
export async function initialise(options: InitOptions): Promise<ServerConfig> {
  const folder = new DataFolder(options.data);
  const assertIncomplete = (): void => ensure(!folder.isComplete, 'usage', `${options.data} is already initialised`);
  assertIncomplete();
  const publicUrl = options.publicUrl === undefined ? undefined : readPublicUrl(options.publicUrl);
  if (options.witnessPolicy !== undefined) assertNewPolicy(options.witnessPolicy, options);
  assertAuditsAll(options.log);
  assertOutlivesRecovery(options.log, options.recoveryDelayMs ?? DEFAULT_RECOVERY_DELAY_MS);
  await folder.make();
  const lock = await waitForLock(folder.path);
  try {
    assertIncomplete();
    return await fill(folder, options, publicUrl);
  } finally {
    await lock.release();
  }
}

/** Throws `usage` for an auditor that begins after entries that nobody has: clients refuse what it has not audited. */
function assertAuditsAll({ auditor }: LogSettings = DEFAULT_LOG_SETTINGS): void {
  const advice = 'leave --auditor-start out; `glasskey admin auditor` takes it for a log that exists';
  const message = `a new log has no entry, so that its auditor cannot start at entry ${auditor?.startPosition}: ${advice}`;
  ensure((auditor?.startPosition ?? 0) === 0, 'usage', message);
}

/** Locks the folder, with some patience: the lock of a process that was just killed is not free at once. */
async function waitForLock(path: string): Promise<FolderLock> {
  for (const deadline = performance.now() + LOCK_PATIENCE_MS; ; await sleep(LOCK_POLL_MS)) {
    try {
      return await lockFolder(path);
    } catch (error) {
      if (!isGlasskeyError(error, 'storage-locked') || performance.now() > deadline) throw error;
    }
  }
}

async function fill(folder: DataFolder, options: InitOptions, publicUrl: string | undefined): Promise<ServerConfig> {
  const { caKey, suite, dev, nowMs, log = DEFAULT_LOG_SETTINGS } = options;
  const origin = await settleOrigin(folder, options.origin, publicUrl);
  const passphrase = await createPassphrase(folder);
  if (options.mlDsa === true) await createMlDsaKey(folder, passphrase);
  await folder.readOrCreate(folder.token, () => `${newTokenText()}\n`);
  const config: ServerConfig = { format: 1, origin, publicUrl, caKey, dev, identityRules: DEFAULT_IDENTITY_RULES, log };
  await withKeys(folder, async (keys) => {
    await createKeyFiles(folder, passphrase, keys, { caKey, suite });
    await createCaCertificates(folder, keys, origin, nowMs);
    const { witnessPolicy = 'quorum none', recoveryDelayMs = DEFAULT_RECOVERY_DELAY_MS } = options;
    await writeTrustBundle(folder, passphrase, keys, config, { witnessPolicy, recoveryDelayMs });
  });
  await folder.write(folder.config, `${JSON.stringify(config, null, 2)}\n`);
  return config;
}

/** Returns the given origin, or the public URL's host and a random part, since no two logs may share one. */
async function settleOrigin(
  folder: DataFolder,
  given: string | undefined,
  publicUrl: string | undefined,
): Promise<string> {
  const host = publicUrl === undefined ? 'glasskey.local' : new URL(publicUrl).hostname;
  const origin = given ?? `${host}/${randomBytes(4).toString('hex')}`;
  ensure(
    isKeyName(origin) && origin.length <= 255,
    'usage',
    'an origin must have at most 255 characters, without spaces and plus signs',
  );
  // A repeated run keeps the origin that the first one chose.
  const kept = (await folder.readOrCreate(`${folder.path}/origin`, () => `${origin}\n`)).trim();
  ensure(given === undefined || given === kept, 'usage', `this folder already has the origin ${kept}`);
  return kept;
}

function readPublicUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '';
  ensure(isPlain, 'usage', 'the public URL must be an http or https URL without query and fragment');
  return url.href.replace(/\/$/, '');
}

/** Returns the Configuration of a log with these settings and keys. */
async function configurationOf(keys: KeyRing, settings: LogSettings): Promise<Configuration> {
  const treeHead = await keys.signer('tree-head');
  const vrf = await keys.signer('vrf');
  return configurationFrom(settings, {
    cipherSuite: suiteOf(treeHead).id,
    signaturePublicKey: treeHead.publicKey,
    vrfPublicKey: compressPoint(vrf.publicKey),
  });
}

async function writeTrustBundle(
  folder: DataFolder,
  passphrase: string,
  keys: KeyRing,
  config: ServerConfig,
  settled: { readonly witnessPolicy: string; readonly recoveryDelayMs: number },
): Promise<void> {
  const [checkpoint, mlDsa, bundleKey] = await Promise.all([
    keys.signer('checkpoint'),
    readMlDsaKey(folder, passphrase),
    keys.signer('bundle'),
  ]);
  const [root = '', issuer = ''] = await Promise.all([
    folder.read(folder.certificate('root')),
    folder.read(folder.certificate('issuer')),
  ]);
  for (const pem of [root, issuer]) parsePem('CERTIFICATE', pem);
  const configuration = await configurationOf(keys, config.log);
  const vkeys = [ed25519Vkey(config.origin, checkpoint.publicKey)];
  if (mlDsa !== undefined) vkeys.push(cosignatureVkey(config.origin, ML_DSA_COSIGNATURE, mlDsa.publicKey));
  const signed = await signTrustBundle(
    {
      format: 1,
      sequence: 1,
      origin: config.origin,
      ...(config.publicUrl === undefined ? {} : { publicUrl: config.publicUrl }),
      roots: [root],
      issuers: [issuer],
      keytransConfiguration: formatBase64(encode(configurationCodec, configuration)),
      auditLogVkeys: vkeys.map(formatVkey),
      ...settled,
      identityRules: config.identityRules,
      bundleKey: formatBase64(bundleKey.publicKey),
    },
    [bundleKey],
  );
  await folder.write(folder.trust, formatTrustBundle(signed));
}
