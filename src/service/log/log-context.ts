import type { Issuer } from '../../ca/authority.ts';
import type { NoteCosigner } from '../../core/audit/cosignature.ts';
import type { NoteSigner } from '../../core/audit/note.ts';
import type { MlDsaSigner } from '../../core/crypto/ml-dsa.ts';
import type { Signer } from '../../core/crypto/signer.ts';
import type { VrfProver } from '../../core/crypto/vrf-prover.ts';
import type { Configuration } from '../../core/keytrans/configuration.ts';
import type { ReadTiles } from '../../core/prefix/drive.ts';
import type { PrefixTileCache } from '../../core/prefix/tile-cache.ts';
import type { RecentCache } from '../../core/recent-cache.ts';
import type { IdentityRules } from '../../identity/identity.ts';
import type { LogStore } from '../../store/ports.ts';
import type { Fetch } from '../../core/net/bounded-fetch.ts';
import type { IssuedCertificates } from './issued-certificates.ts';
import type { LabelVrf } from './label-vrf.ts';
import type { BudgetExchange } from '../budget-exchange.ts';
import type { ServiceLimits } from '../service-limits.ts';
import type { SignedCheckpointFile } from './signed-checkpoint-file.ts';
import type { WitnessQuorum } from '../witnessing/witness-quorum.ts';
import type { Observer } from '../service-event.ts';
import type { CsrParser } from '../threads/threaded-csr-parser.ts';
import type { Trail } from './trail.ts';
import type { VrfMemory } from './vrf-memory.ts';
import type { CrlShards } from './crl-shards.ts';
import type { Reloadable } from './reloadable.ts';

/** The private keys of one log. None is used for anything else. */
export interface LogKeys {
  /** Signs KEYTRANS tree heads: `Configuration.signature_public_key`. */
  readonly treeHead: Signer;
  /** Signs the audit log's checkpoints under the log's origin as the key name: Ed25519. */
  readonly checkpoint: Signer;
  /** Signs them with ML-DSA-44 as well, as a cosigner under the same name; undefined if the log has no such key. */
  readonly checkpointMlDsa?: MlDsaSigner | undefined;
  readonly vrf: VrfProver;
  /** Seals rows that authorise something: 32 bytes, the same on every server of the log. */
  readonly rowSeal: Uint8Array;
  /** The CA with which the log began. Later ones are in {@link LogContext.reloadable}. */
  readonly issuer: Issuer;
  /** Signs OCSP responses; if undefined, each process makes its own key. */
  readonly ocsp?: Signer | undefined;
}

/** Access to the rows of a log, through some connections. */
export interface StoreAccess {
  readonly store: LogStore;
  /** Writes the audit trail. */
  readonly trail: Trail;
  /** Reads prefix tiles through {@link LogContext.prefixTiles}. */
  readonly readPrefixTiles: ReadTiles;
}

/** Everything of one open log, immutable but for {@link LogContext.reloadable}. Nothing in `src/service` is global. */
export interface LogContext extends StoreAccess {
  readonly origin: string;
  /** The same through connections that no request uses: for the writer, for readiness, and for waits for releases. */
  readonly reserved: StoreAccess;
  /** The format in which rows are written, from when this process opened the log (docs/upgrade.md). */
  readonly format: number;
  readonly configuration: Configuration;
  /** SHA-256 of the encoded Configuration. */
  readonly configHash: Uint8Array;
  readonly keys: LogKeys;
  /** The checkpoint key under its name. */
  readonly noteSigner: NoteSigner;
  /** The ML-DSA-44 checkpoint key under its name. */
  readonly checkpointCosigner: NoteCosigner | undefined;
  /** The witnesses that cosign before anything is released; undefined for `quorum none`. */
  readonly witnesses: WitnessQuorum | undefined;
  /** Remembers the last signed checkpoint outside the database; undefined if nothing does. */
  readonly lastSigned: SignedCheckpointFile | undefined;
  readonly identityRules: IdentityRules;
  /** Settings that a reload replaces: profiles, issuing CAs, and the judges of evidence. */
  readonly reloadable: Reloadable;
  /** Assigns certificates to CRL shards. */
  readonly crlShards: CrlShards;
  /** Time for which a recovery is visible before it takes effect, ms: that of the trust bundle. */
  readonly recoveryDelayMs: number;
  readonly limits: ServiceLimits;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds that no setting of the clock changes; they go on while the machine sleeps. */
  readonly monotonic: () => number;
  /** Cryptographically secure random bytes. */
  readonly random: (length: number) => Uint8Array;
  readonly observe: Observer;
  /** Shares token buckets with the other processes of this server; undefined if there are none. */
  readonly budgets: BudgetExchange | undefined;
  /** Asks other servers for evidence. */
  readonly fetch: Fetch;
  /** Parses CSRs, in another thread if the program has one. */
  readonly parseCsr: CsrParser;
  /** The VRF, through a bounded cache. */
  readonly vrf: LabelVrf;
  /** The VRF results that the rows of labels keep. */
  readonly vrfMemory: VrfMemory;
  /** The last certificates that this process signed. */
  readonly issued: IssuedCertificates;
  /** Decoded prefix tiles. */
  readonly prefixTiles: PrefixTileCache;
  /** Encoded AuditorUpdates of entries that this process has appended, by position. */
  readonly newUpdates: RecentCache<Uint8Array>;
}
