import { randomBytes } from 'node:crypto';
import { uptime } from 'node:os';
import { parseCsr } from '../../ca/csr/csr.ts';
import type { CertificateUrls } from '../../ca/extension-writer.ts';
import { cosignatureSigner } from '../../core/audit/cosignature.ts';
import { noteSigner } from '../../core/audit/note.ts';
import type { Vkey } from '../../core/audit/vkey.ts';
import { NO_QUORUM, type Policy } from '../../core/audit/policy-parts.ts';
import { cipherSuite } from '../../core/crypto/cipher-suite.ts';
import { compressPoint } from '../../core/crypto/compress-point.ts';
import { sha256 } from '../../core/crypto/sha256.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { ensure } from '../../core/errors.ts';
import { assertLifetime, type Configuration, configurationCodec } from '../../core/keytrans/configuration.ts';
import { cachedTileReader, PrefixTileCache } from '../../core/prefix/tile-cache.ts';
import { RecentCache } from '../../core/recent-cache.ts';
import type { IdentityRules } from '../../identity/identity.ts';
import type { BudgetExchange } from '../budget-exchange.ts';
import type { LogStore, Store } from '../../store/ports.ts';
import { type Fetch, platformFetch } from '../../core/net/bounded-fetch.ts';
import { openEvidence } from '../evidence/evidence-services.ts';
import { DEFAULT_EVIDENCE, type EvidenceSettings } from '../evidence/evidence-settings.ts';
import { IssuedCertificates } from './issued-certificates.ts';
import { type IssuingCa, IssuingCas } from './issuing-cas.ts';
import { LabelVrf } from './label-vrf.ts';
import { DEFAULT_SERVICE_LIMITS, type ServiceLimits } from '../service-limits.ts';
import type { LogContext, LogKeys, StoreAccess } from './log-context.ts';
import type { Observer } from '../service-event.ts';
import { SignedCheckpointFile } from './signed-checkpoint-file.ts';
import type { CsrParser } from '../threads/threaded-csr-parser.ts';
import { Trail } from './trail.ts';
import { VrfMemory } from './vrf-memory.ts';
import { WitnessQuorum } from '../witnessing/witness-quorum.ts';
import { CrlShards } from './crl-shards.ts';
import type { ProfileTable } from './profile-table.ts';
import { readableCsrParser } from './readable-csr.ts';
import { Reloadable } from './reloadable.ts';

/** Name of the issuing CA with which a log began. */
const FIRST_CA = 'issuer';

/** Memory for the newest AuditorUpdates, bytes: auditors and publishers follow the log. */
const NEW_UPDATES_BYTES = 4 * 2 ** 20;
/** Default wait of a recovery: 7 days. */
export const DEFAULT_RECOVERY_DELAY_MS = 7 * 86_400_000;

/** Options of {@link openLog}. */
export interface OpenLogOptions {
  readonly store: Store;
  readonly origin: string;
  readonly keys: LogKeys;
  readonly identityRules: IdentityRules;
  readonly profiles: ProfileTable;
  /** True if the trust bundle requires clients to understand ML-DSA. Default: false. */
  readonly allowsMlDsa?: boolean | undefined;
  readonly urls: CertificateUrls;
  /** Default: applications vouch for every identity, without limits. */
  readonly evidence?: EvidenceSettings | undefined;
  /** Asks other servers for evidence. Default: the platform's. */
  readonly fetch?: Fetch | undefined;
  /** Issuing CAs after the one in `keys`, oldest first. Default: none. */
  readonly laterCas?: readonly IssuingCa[] | undefined;
  /** Wait of a recovery, ms: that of the trust bundle. Default: {@link DEFAULT_RECOVERY_DELAY_MS}. */
  readonly recoveryDelayMs?: number | undefined;
  /** Bounds that differ from {@link DEFAULT_SERVICE_LIMITS}. */
  readonly limits?: Partial<ServiceLimits>;
  /** Default: the system's clock. */
  readonly now?: () => number;
  /** Milliseconds that no setting of the clock changes. Default: `now` if that is given, or else since boot. */
  readonly monotonic?: () => number;
  /** Default: the system's generator. */
  readonly random?: (length: number) => Uint8Array;
  /** Default: in this thread. */
  readonly parseCsr?: CsrParser;
  /** Returns true while rows without a valid seal count too, for servers of an older program. Default: they do not. */
  readonly acceptsUnsealed?: (() => boolean) | undefined;
  /** Default: events are dropped. */
  readonly observe?: Observer;
  /** Nothing is released without its quorum. Default: `quorum none`. */
  readonly policy?: Policy | undefined;
  /** Reaches witnesses. Default: the platform's `fetch`. */
  readonly fetchWitness?: Fetch | undefined;
  /** The file outside the database that keeps the last signed checkpoint. Default: none. */
  readonly lastSigned?: string | undefined;
  /** The number of this process among several on the same folder, from 1. Default: 1. */
  readonly processNumber?: number | undefined;
  /** Shares token buckets with the other processes of this server. Default: there are none. */
  readonly budgets?: BudgetExchange | undefined;
}

/**
 * Opens a log that exists in the store. Throws `not-found` if it does not, `bad-key` if the keys are not those of its
 * Configuration, `unsupported-operation` for a deployment mode that is not served, `usage` for a policy whose quorum
 * cannot be reached.
 */
export async function openLog(options: OpenLogOptions): Promise<LogContext> {
  const { store, origin, keys } = options;
  const row = await store.findLog(origin);
  ensure(row !== undefined, 'not-found', 'the database holds no log of this origin');
  const configuration = decode(configurationCodec, row.configuration);
  const isServed = configuration.mode !== 'thirdPartyManagement';
  ensure(isServed, 'unsupported-operation', 'logs with third-party management are not served');
  assertKeys(configuration, keys);
  const limits = { ...DEFAULT_SERVICE_LIMITS, ...options.limits };
  assertLimits(limits, configuration);
  const observe = options.observe ?? (() => undefined);
  const [logStore, reservedStore] = sealingStores(options, row.logId, observe);
  const prefixTiles = new PrefixTileCache(limits.prefixTileCacheBytes);
  const base = {
    origin,
    store: logStore,
    identityRules: options.identityRules,
    vrf: new LabelVrf(keys.vrf, limits.vrfCacheSize),
    vrfMemory: new VrfMemory(keys.rowSeal, origin),
    now: options.now ?? Date.now,
    monotonic: options.monotonic ?? options.now ?? (() => uptime() * 1000),
    random: options.random ?? ((length) => new Uint8Array(randomBytes(length))),
    observe,
    parseCsr: readableCsrParser(options.parseCsr ?? parseCsr, () => reloadable.allowsMlDsa),
    fetch: options.fetch ?? platformFetch,
    budgets: options.budgets,
  } satisfies Partial<LogContext>;
  const reloadable: Reloadable = new Reloadable({
    profiles: options.profiles,
    issuingCas: new IssuingCas([
      { name: FIRST_CA, issuer: keys.issuer, signsFromMs: -Infinity, urls: options.urls },
      ...(options.laterCas ?? []),
    ]),
    evidence: openEvidence(base, options.evidence ?? DEFAULT_EVIDENCE),
    allowsMlDsa: options.allowsMlDsa ?? false,
  });
  const checkpointSigner = noteSigner(origin, keys.checkpoint);
  const { lastSigned, processNumber } = options;
  return {
    ...base,
    ...onStore(logStore, prefixTiles, base),
    reserved: onStore(reservedStore, prefixTiles, base),
    format: row.format,
    configuration,
    configHash: sha256(row.configuration),
    keys,
    noteSigner: checkpointSigner,
    checkpointCosigner: keys.checkpointMlDsa && cosignatureSigner(origin, keys.checkpointMlDsa),
    witnesses: witnessQuorum(options, base, limits, checkpointSigner.vkey),
    lastSigned:
      lastSigned === undefined
        ? undefined
        : new SignedCheckpointFile(lastSigned, origin, [checkpointSigner.vkey], undefined, processNumber),
    reloadable,
    crlShards: new CrlShards(logStore, limits.crlShardSize),
    recoveryDelayMs: options.recoveryDelayMs ?? DEFAULT_RECOVERY_DELAY_MS,
    limits,
    issued: new IssuedCertificates(limits.issuedCacheSize),
    prefixTiles,
    newUpdates: new RecentCache<Uint8Array>(NEW_UPDATES_BYTES, ({ length }) => length),
  };
}

/** Returns what reads and writes a log's rows through a store. */
function onStore(
  store: LogStore,
  prefixTiles: PrefixTileCache,
  { origin, now }: Pick<LogContext, 'origin' | 'now'>,
): StoreAccess {
  return {
    store,
    trail: new Trail({ store, origin, now }),
    readPrefixTiles: cachedTileReader(prefixTiles, (names) => store.readPrefixTiles(names)),
  };
}

/** Returns the log's rows for requests, and on the reserved connections. */
function sealingStores(options: OpenLogOptions, logId: number, observe: Observer): [LogStore, LogStore] {
  const { store, origin, keys, acceptsUnsealed = () => false } = options;
  const refused = (table: string): void => observe({ type: 'unsealed-row', table });
  const sealing = { key: keys.rowSeal, origin, acceptsUnsealed, refused };
  return [store.log(logId, { sealing }), store.log(logId, { sealing, reserved: true })];
}

function witnessQuorum(
  { origin, policy, fetchWitness }: OpenLogOptions,
  { now, observe }: Pick<LogContext, 'now' | 'observe'>,
  limits: ServiceLimits,
  vkey: Vkey,
): WitnessQuorum | undefined {
  if (policy === undefined || policy.quorum === NO_QUORUM) return undefined;
  return new WitnessQuorum({ policy, log: { origin, vkeys: [vkey] }, limits, now, observe, fetch: fetchWitness });
}

/** Throws `bad-key` unless these are the private keys of the Configuration, and each is used once. */
export function assertKeys(configuration: Configuration, keys: LogKeys): void {
  const suite = cipherSuite(configuration.cipherSuite);
  suite.assertSignatureKey(configuration.signaturePublicKey);
  suite.assertVrfKey(configuration.vrfPublicKey);
  const isTreeHeadKey = equalBytes(keys.treeHead.publicKey, configuration.signaturePublicKey);
  ensure(isTreeHeadKey, 'bad-key', 'the tree-head key is not the one of the log');
  const isVrfKey = equalBytes(keys.vrf.publicKey, configuration.vrfPublicKey);
  ensure(isVrfKey, 'bad-key', 'the VRF key is not the one of the log');
  const publicKeys = [
    keys.treeHead.publicKey,
    keys.checkpoint.publicKey,
    keys.vrf.publicKey,
    keys.issuer.signer.publicKey,
    ...(keys.ocsp === undefined ? [] : [keys.ocsp.publicKey]),
  ];
  const distinct = new Set(publicKeys.map((key) => Buffer.from(compressPoint(key)).toString('hex')));
  ensure(distinct.size === publicKeys.length, 'bad-key', 'every key of a log has one purpose only');
}

function assertLimits(limits: ServiceLimits, configuration: Configuration): void {
  const beats = limits.heartbeatMs < configuration.maxBehindMs;
  ensure(beats, 'value-out-of-range', 'the heartbeat is slower than the log may be behind');
  assertLifetime(configuration);
  const { maximumLifetimeMs = Infinity, maxBehindMs } = configuration;
  ensure(maximumLifetimeMs > maxBehindMs, 'value-out-of-range', 'entries expire before a head is too old to be served');
  const fits = limits.entrySize >= 1 && limits.entrySize <= 255;
  ensure(fits, 'value-out-of-range', 'a log entry adds 1 to 255 leaves');
}
