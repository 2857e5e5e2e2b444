import { randomBytes } from 'node:crypto';
import { createIssuingCa, createRoot, type Issuer } from '../../src/ca/authority.ts';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { DEFAULT_PROFILES, type ProfileTable } from '../../src/service/log/profile-table.ts';
import { cipherSuite, KT_128_SHA256_ED25519, KT_128_SHA256_P256 } from '../../src/core/crypto/cipher-suite.ts';
import { noteSigner } from '../../src/core/audit/note.ts';
import { mlDsaSigner } from '../../src/core/crypto/ml-dsa.ts';
import type { Signer } from '../../src/core/crypto/signer.ts';
import type { VrfProver } from '../../src/core/crypto/vrf-prover.ts';
import type { Configuration } from '../../src/core/keytrans/configuration.ts';
import { DEFAULT_IDENTITY_RULES, type IdentityRules } from '../../src/identity/identity.ts';
import { createLog } from '../../src/service/sequencing/genesis.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import type { EvidenceSettings } from '../../src/service/evidence/evidence-settings.ts';
import type { ServiceLimits } from '../../src/service/service-limits.ts';
import type { LogContext, LogKeys } from '../../src/service/log/log-context.ts';
import { LogService } from '../../src/service/log-service.ts';
import type { NotificationsOptions } from '../../src/service/notify/notifications.ts';
import type { OpenLogOptions } from '../../src/service/log/open-log.ts';
import type { ServiceEvent } from '../../src/service/service-event.ts';
import { nativeVrfProver } from '../../src/service/threads/native-vrf-prover.ts';
import { createToken } from '../../src/service/log/tokens.ts';
import { openStore, type StoreTarget } from '../../src/store/open-store.ts';
import type { LogStore, LogStoreOptions, NewLog, Store } from '../../src/store/ports.ts';
import { pgliteDatabase } from './pglite.ts';
import type { TestWitnesses } from './test-witnesses.ts';

/** When tests happen. */
export const TEST_START_MS = 1_800_000_000_000;

/** A clock that only tests move. */
export class TestClock {
  nowMs = TEST_START_MS;
  #stepsMs = 0;
  readonly now = (): number => this.nowMs;
  readonly monotonic = (): number => this.nowMs - this.#stepsMs;

  /** Lets time pass. */
  advance(ms: number): void {
    this.nowMs += ms;
  }

  /** Sets the wall clock, while no time passes. */
  step(ms: number): void {
    this.nowMs += ms;
    this.#stepsMs += ms;
  }
}

/** A log under test with everything around it. */
export interface TestLog {
  readonly store: Store;
  readonly context: LogContext;
  readonly service: LogService;
  readonly clock: TestClock;
  readonly events: ServiceEvent[];
  /** An application token. */
  readonly token: string;
  /** How to open the same log again, as another process would. */
  readonly options: OpenLogOptions;
  close(): Promise<void>;
}

/** What differs from log to log. */
export interface TestLogOptions {
  /** Default: an embedded database in memory. */
  readonly target?: StoreTarget;
  readonly limits?: Partial<ServiceLimits>;
  readonly configuration?: Partial<Configuration>;
  /** Puts something in front of the log's store, to make it fail. */
  readonly wrap?: (store: LogStore, options?: LogStoreOptions) => LogStore;
  /** Format of the log's rows. Default: the newest. */
  readonly format?: number;
  /** Number of the cipher suite. Default: KT_128_SHA256_Ed25519. */
  readonly suiteId?: number;
  /** Makes the VRF prover; default: the native one in this thread. */
  readonly vrfProver?: (secretKey: Uint8Array) => VrfProver;
  /** Default: {@link DEFAULT_IDENTITY_RULES}. */
  readonly identityRules?: IdentityRules;
  /** Who may have a name. Default: applications vouch for everybody. */
  readonly evidence?: EvidenceSettings;
  /** Whom the log tells of changes. Default: nobody. */
  readonly notify?: NotificationsOptions;
  /** Profiles of certificates. Default: the default profile for everybody. */
  readonly profiles?: ProfileTable;
  /** Whether the log requires ML-DSA of its clients. Default: false. */
  readonly allowsMlDsa?: boolean;
  /** How the log asks other servers. */
  readonly fetch?: Fetch;
  /** When the log begins. Default: {@link TEST_START_MS}. */
  readonly startMs?: number;
  /** Whether checkpoints are signed with ML-DSA-44, too. Default: false. */
  readonly mlDsa?: boolean;
  /** Who has to cosign before anything is released. Default: nobody. */
  readonly witnesses?: TestWitnesses | undefined;
  /** File that remembers outside the database what was signed last. Default: none. */
  readonly lastSigned?: string | undefined;
  /** Puts other keys in the place of those that are made. */
  readonly replaceKeys?: (keys: LogKeys) => Promise<LogKeys>;
  /** Whether the sequencer's loop runs; without it, tests call `service.sequencer.step()`. Default true. */
  readonly loop?: boolean;
}

/** Limits that make tests fast, and verify every answer. */
export const TEST_LIMITS: Partial<ServiceLimits> = {
  minBatchIntervalMs: 0,
  batchIntervalMs: 20,
  pollMs: 20,
  backoffMs: 5,
  maxBackoffMs: 20,
  releaseIntervalMs: 0,
  witnessRestMs: 0,
  maxWitnessRestMs: 0,
  verifyOneIn: 1,
  // Tests look after recoveries and notices themselves.
  recoveryIntervalMs: 2 ** 31 - 1,
  notifyIntervalMs: 2 ** 31 - 1,
};

async function newSigner(algorithm: Signer['algorithm']): Promise<Signer> {
  return signerFromKey(await createKey(algorithm));
}

type KeyOptions = Pick<TestLogOptions, 'suiteId' | 'vrfProver' | 'mlDsa'>;

/** A fresh key for everything. */
export async function newLogKeys(nowMs: number, { suiteId, vrfProver, mlDsa }: KeyOptions = {}): Promise<LogKeys> {
  const suite = suiteId ?? KT_128_SHA256_ED25519;
  const [treeHead, checkpoint, rootKey, issuingKey] = await Promise.all([
    newSigner(cipherSuite(suite).keyAlgorithm),
    newSigner('ed25519'),
    newSigner('p256'),
    newSigner('p256'),
  ]);
  const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
  const root = await createRoot({ signer: rootKey, commonName: 'Test Root', nowMs: nowMs - 60_000, random });
  const common = { commonName: 'Test Issuing CA', nowMs: nowMs - 60_000, random };
  const issuer: Issuer = await createIssuingCa({ ...common, signer: issuingKey, root });
  const makeProver = vrfProver ?? ((secretKey: Uint8Array) => nativeVrfProver(suite, secretKey));
  const checkpointMlDsa = mlDsa === true ? mlDsaSigner(random(32), random) : undefined;
  return { treeHead, checkpoint, checkpointMlDsa, vrf: makeProver(random(32)), rowSeal: random(32), issuer };
}

/** The Configuration that fits the keys. */
export function configurationFor(keys: LogKeys): Configuration {
  return {
    cipherSuite: keys.treeHead.algorithm === 'p256' ? KT_128_SHA256_P256 : KT_128_SHA256_ED25519,
    mode: 'contactMonitoring',
    signaturePublicKey: keys.treeHead.publicKey,
    vrfPublicKey: keys.vrf.publicKey,
    maxAheadMs: 60_000,
    maxBehindMs: 600_000,
    reasonableMonitoringWindowMs: 6 * 3_600_000,
    maximumLifetimeMs: undefined,
  };
}

/** Makes a log and serves it. */
export async function createTestLog(options: TestLogOptions = {}): Promise<TestLog> {
  const clock = new TestClock();
  clock.nowMs = options.startMs ?? TEST_START_MS;
  const events: ServiceEvent[] = [];
  const store = await openStore(options.target ?? { database: await pgliteDatabase() }, { now: clock.now });
  const { wrap = (rows) => rows, format } = options;
  const wrapped = Object.assign(Object.create(store) as Store, {
    createLog: (log: NewLog) => store.createLog({ ...log, ...(format === undefined ? {} : { format }) }),
    log: (...of: Parameters<Store['log']>) => wrap(store.log(...of), of[1]),
  });
  const made = await newLogKeys(clock.nowMs, options);
  const keys = (await options.replaceKeys?.(made)) ?? made;
  const open: OpenLogOptions = {
    store: wrapped,
    origin: 'log.example',
    keys,
    identityRules: options.identityRules ?? DEFAULT_IDENTITY_RULES,
    profiles: options.profiles ?? DEFAULT_PROFILES,
    allowsMlDsa: options.allowsMlDsa,
    urls: { crl: 'http://log.example/crl/issuer.crl', caIssuers: 'http://log.example/ca/issuer.der' },
    limits: { ...TEST_LIMITS, ...options.limits },
    now: clock.now,
    monotonic: clock.monotonic,
    observe: (event) => events.push(event),
    policy: options.witnesses?.policy,
    fetchWitness: options.witnesses?.fetch,
    lastSigned: options.lastSigned,
    evidence: options.evidence,
    fetch: options.fetch,
  };
  await options.witnesses?.know(noteSigner(open.origin, keys.checkpoint).vkey, clock.now);
  const configuration = { ...configurationFor(keys), ...options.configuration } as Configuration;
  const context = await createLog(open, configuration);
  const service = new LogService(context, {
    sequence: options.loop ?? true,
    ...(options.notify === undefined ? {} : { notify: options.notify }),
  });
  await service.start();
  if (options.witnesses !== undefined && options.loop !== false) await service.progress.waitForRelease(1, 30_000);
  const { token } = await createToken(context, 'test');
  const close = async (): Promise<void> => {
    await service.stop();
    await store.close();
  };
  return { store, context, service, clock, events, token, options: open, close };
}
