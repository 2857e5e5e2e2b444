import { formatHex, parseBase64 } from '../core/encoding/bytes.ts';
import { decode } from '../core/encoding/codec.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { type Configuration, configurationCodec } from '../core/keytrans/configuration.ts';
import { verifyBundleSignatures } from '../contract/bundle-signature.ts';
import { parseTrustBundle } from '../contract/parse-trust-bundle.ts';
import type { TrustBundle } from '../contract/trust-bundle.ts';
import { Metrics } from '../http/metrics.ts';
import { CA_PREFIX, CRL_PREFIX, PATHS } from '../contract/paths.ts';
import type { CertificateUrls } from '../ca/extension-writer.ts';
import { parsePem } from '../ca/der/pem.ts';
import type { BudgetExchange } from '../service/budget-exchange.ts';
import type { EvidenceSettings } from '../service/evidence/evidence-settings.ts';
import type { IssuingCa } from '../service/log/issuing-cas.ts';
import type { LaterCa } from './later-cas.ts';
import { appendGenesis, createLog } from '../service/sequencing/genesis.ts';
import type { LogContext } from '../service/log/log-context.ts';
import { openLog, type OpenLogOptions } from '../service/log/open-log.ts';
import { replaceConfiguration } from '../service/sequencing/replace-configuration.ts';
import type { ServiceEvent } from '../service/service-event.ts';
import { registerToken } from '../service/log/tokens.ts';
import type { SchemaOptions } from '../store/migrate.ts';
import { openStore, type StoreTarget } from '../store/open-store.ts';
import type { Store } from '../store/ports.ts';
import { chooseDatabase, describeDatabase } from './choose-database.ts';
import { DataFolder, keyPassphrase, type LogMarker, readServerConfig, type ServerConfig } from './data-folder.ts';
import { threadedCsrParser } from '../service/threads/threaded-csr-parser.ts';
import { allowsMlDsa, assertRequired } from './log-requirements.ts';
import { openServerKeys } from './server-keys.ts';
import { witnessingOf } from '../core/audit/disjoint-quorums.ts';
import { readWitnessPolicy } from './witness-policy.ts';
import { DEFAULT_PROFILES, type ProfileTable } from '../service/log/profile-table.ts';

/** An open log with its database and keys. It serves nothing: `startServer` does. */
export interface OpenServer {
  /** `glasskey.json` of the folder. */
  readonly config: ServerConfig;
  /** The database. */
  readonly store: Store;
  /** Keys, clock, limits and current settings of the log. */
  readonly context: LogContext;
  /** Counters in Prometheus's format, fed by the events of the log. */
  readonly metrics: Metrics;
  /** The root certificate, DER. */
  readonly root: Uint8Array;
  /** Adds to issuing CAs the URLs that their certificates name. */
  readonly withUrls: (later: readonly LaterCa[]) => readonly IssuingCa[];
  /** The signed trust bundle, JSON, for clients. */
  readonly trustBundle: string;
  /** Warnings about the durability of the database and the witness policy, for the operator. */
  readonly warnings: readonly string[];
  /** Closes the database, ends the threads and logs out of the token. */
  close(): Promise<void>;
}

/** Options of {@link openServer}. */
export interface OpenServerOptions {
  /** The data folder, as `glasskey init` or `initialise` creates it. */
  readonly data: string;
  /**
   * `postgres://…`, or the place of an embedded database. Default: the one that GLASSKEY_DATABASE, `glasskey.toml` or
   * `log.json` names.
   */
  readonly database?: StoreTarget | undefined;
  /** True to create the log in the database if this folder never had one. Default: false, and nothing is created. */
  readonly creates?: boolean | undefined;
  /** True for a command that only reads: it refuses a database with an older schema, and changes nothing. */
  readonly onlyReads?: boolean | undefined;
  /** The server's own URL, which replaces the public URL of a log made for development. */
  readonly listensAt?: string;
  /** Certificate profiles by identity. Default: the default profile for every identity. */
  readonly profiles?: ProfileTable;
  /** Evidence that vouches for identities. Default: applications vouch for every identity. */
  readonly evidence?: EvidenceSettings;
  /** The number of this process among several on the folder, from 1, and what they share. Default: it is alone. */
  readonly processNumber?: number | undefined;
  readonly budgets?: BudgetExchange | undefined;
  /** Receives every event of the log. */
  readonly observe?: (event: ServiceEvent) => void;
}

const FIRST_SERVE = 'the first "glasskey serve", or "glasskey init --database", creates it';
const UNSEALED_ROWS =
  'rows without a seal still count: once no server of an older release runs, run `glasskey admin seal-rows`';
const DISJOINT_QUORUMS =
  'two quorums of the witness policy share no witness: raise a threshold (glasskey admin witness-policy)';

/**
 * Opens a data folder and its database, for a program that administers the log. The caller closes the result. Throws
 * `usage` for a folder or settings with a problem, `bad-bundle`, `bad-policy`, `bad-key-file`, `hsm-refused`,
 * `hsm-unavailable`, `bad-key`, `storage-locked` if another process uses the embedded database, `storage-unsafe`,
 * `storage-failed`.
 */
export async function openServer(options: OpenServerOptions): Promise<OpenServer> {
  const folder = new DataFolder(options.data);
  const config = await readServerConfig(folder);
  const trustBundle = await folder.read(folder.trust);
  ensure(trustBundle !== undefined, 'usage', `${folder.trust} is missing`);
  const bundle = readBundle(folder, config, trustBundle);
  const policy = readWitnessPolicy(bundle.witnessPolicy, config.origin);
  const marker = await folder.readMarker();
  const database = (await chooseDatabase(folder, options))?.target;
  ensure(database !== undefined, 'usage', `${folder.path} has no log yet: ${FIRST_SERVE}`);
  const passphrase = await keyPassphrase(folder);
  const acceptsUnsealed = folder.unsealedRowsGate();
  const keys = await openServerKeys(folder, passphrase);
  const csrParser = threadedCsrParser();
  let store: Store | undefined;
  const close = async (): Promise<void> => {
    await store?.close();
    await Promise.all([keys.close(), csrParser.close()]);
  };
  try {
    const creates = options.creates === true && marker === undefined;
    store = await openHolding(
      database,
      { holds: creates ? undefined : config.origin, onlyReads: options.onlyReads },
      marker,
    );
    const { warnings: durability } = await store.checkDurability();
    const metrics = new Metrics();
    const publicUrl = (config.dev ? options.listensAt : undefined) ?? config.publicUrl;
    const withUrls = (later: readonly LaterCa[]): readonly IssuingCa[] =>
      later.map((ca) => ({ ...ca, urls: caUrls(publicUrl, ca.name) }));
    assertAnnounced(bundle, keys.laterCas);
    const { profiles = DEFAULT_PROFILES } = options;
    assertRequired(bundle, profiles, [{ issuer: keys.log.issuer }, ...keys.laterCas]);
    const open: OpenLogOptions = {
      store,
      origin: config.origin,
      keys: keys.log,
      identityRules: config.identityRules,
      profiles,
      allowsMlDsa: allowsMlDsa(bundle),
      evidence: options.evidence,
      urls: {
        crl: publicUrl && publicUrl + PATHS.issuerCrl,
        caIssuers: publicUrl && publicUrl + PATHS.issuerDer,
        ocsp: publicUrl && publicUrl + PATHS.ocsp,
      },
      laterCas: withUrls(keys.laterCas),
      parseCsr: csrParser.parse,
      policy,
      recoveryDelayMs: bundle.recoveryDelayMs,
      lastSigned: folder.lastSigned,
      processNumber: options.processNumber,
      budgets: options.budgets,
      acceptsUnsealed,
      observe: (event) => {
        metrics.observe(event);
        options.observe?.(event);
      },
    };
    const configuration = configurationOf(trustBundle);
    if (options.onlyReads !== true) await replaceConfiguration(store, config.origin, configuration);
    const context = creates ? await openOrCreate(open, configuration, folder, database) : await openLog(open);
    if (options.creates === true) await registerFirstToken(context, await folder.read(folder.token));
    const warnings = [
      ...durability,
      ...(witnessingOf(policy) === 'disjoint' ? [DISJOINT_QUORUMS] : []),
      ...(acceptsUnsealed() ? [UNSEALED_ROWS] : []),
    ];
    return { config, store, context, metrics, root: keys.root, withUrls, trustBundle, warnings, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Returns the URLs of an issuing CA after the first. */
function caUrls(publicUrl: string | undefined, name: string): CertificateUrls {
  return {
    crl: publicUrl && `${publicUrl}${CRL_PREFIX}issuers/${name}.crl`,
    caIssuers: publicUrl && `${publicUrl}${CA_PREFIX}${name}.der`,
    ocsp: publicUrl && publicUrl + PATHS.ocsp,
  };
}

/** Throws `usage` unless the bundle names every issuing CA: clients refuse the certificates of any other. */
export function assertAnnounced({ issuers }: TrustBundle, later: readonly LaterCa[]): void {
  const announced = issuers.map((pem) => formatHex(parsePem('CERTIFICATE', pem)));
  for (const { name, issuer } of later)
    ensure(announced.includes(formatHex(issuer.certificate.der)), 'usage', `the trust bundle does not name ${name}`);
}

/** Parses the bundle and verifies its signatures. Throws `bad-bundle`, `usage` if it belongs to another log. */
export function readBundle(folder: DataFolder, config: ServerConfig, text: string): TrustBundle {
  const signed = parseTrustBundle(text);
  verifyBundleSignatures(signed);
  ensure(signed.bundle.origin === config.origin, 'usage', `${folder.trust} belongs to another log`);
  return signed.bundle;
}

/**
 * Opens a database. Throws `usage`, having changed nothing, if it lacks the log that it must hold. A folder whose log
 * was created in one database never creates it in another: two logs with the same name and keys are a fork.
 */
async function openHolding(
  database: StoreTarget,
  schema: SchemaOptions,
  marker: LogMarker | undefined,
): Promise<Store> {
  try {
    return await openStore(database, schema);
  } catch (cause) {
    if (!isGlasskeyError(cause, 'not-found')) throw cause;
    const created = `which was created in ${marker?.database}`;
    const advice = 'give the same --database again, or restore it; a log must never be begun twice';
    const reason = marker === undefined ? FIRST_SERVE : `${created}: ${advice}`;
    const separator = marker === undefined ? ': ' : ', ';
    throw new GlasskeyError('usage', `this database does not hold the log${separator}${reason}`, { cause });
  }
}

/** Opens the log, or creates it, or finishes its creation. */
async function openOrCreate(
  open: OpenLogOptions,
  configuration: Configuration,
  folder: DataFolder,
  database: StoreTarget,
): Promise<LogContext> {
  const context = await openLog(open).catch((error: unknown) => {
    if (!isGlasskeyError(error, 'not-found')) throw error;
    return createLog(open, configuration);
  });
  await appendGenesis(context);
  await folder.writeMarker({ database: describeDatabase(database), rows: 'sealed' });
  return context;
}

/** Makes the first token valid. A row of it without a seal is reported, and keeps nobody from administering the log. */
async function registerFirstToken(context: LogContext, text: string | undefined): Promise<void> {
  if (text === undefined) return;
  try {
    await registerToken(context, text.trim(), 'registration', 'service');
  } catch (error) {
    if (!isGlasskeyError(error, 'unsealed-row')) throw error;
  }
}

/** Returns the Configuration in the trust bundle, which was checked. */
function configurationOf(trustBundle: string): Configuration {
  const { bundle } = parseTrustBundle(trustBundle);
  return decode(configurationCodec, parseBase64(bundle.keytransConfiguration));
}
