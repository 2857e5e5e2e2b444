import type { VrfResult } from '../core/crypto/vrf-prover.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import {
  type BinaryLadderStep,
  type ChainRequest,
  type ChainResponse,
  type LookupRequest,
  type LookupResponse,
  MAXIMUM_CHAIN_LINKS,
  type SearchRequest,
  type SearchResponse,
} from '../core/keytrans/messages.ts';
import { assembleProof, planGreatestVersionSearch, type ProofPlan } from '../core/keytrans/plan-proof.ts';
import type { CombinedTreeProof } from '../core/keytrans/proofs.ts';
import type { FullTreeHead } from '../core/keytrans/tree-head.ts';
import { keytransNodeHasher } from '../core/log/node-hasher.ts';
import { driveTilesTogether } from '../core/prefix/drive.ts';
import { provePrefixLookups } from '../core/prefix/prefix-tree.ts';
import type { VersionRow } from '../store/ports.ts';
import { AnswerVerifier } from './answer-verifier.ts';
import { EntryReader, type LogEntry } from './entry-reader.ts';
import type { LogContext } from './log-context.ts';
import { LogNodeReader } from './log-node-reader.ts';
import type { LogProgress } from './log-progress.ts';
import type { ReleasedLog } from './released-log.ts';

/** A label as the released log has it. */
interface FoundLabel {
  readonly label: Uint8Array;
  readonly labelKey: Uint8Array;
  /** Positions of its versions below the released size: none for a label that is absent. */
  readonly positions: readonly number[];
  readonly greatest: VersionRow | undefined;
}

/** Search key, VRF proof and commitment of the versions that a proof looks up. */
type LadderKeys = ReadonlyMap<number, VrfResult & { readonly commitment?: Uint8Array }>;

/**
 * Answers KEYTRANS requests from the released log. Nothing of a later size is ever looked at. A lookup takes one round trip
 * for the label, at most one for log entries beside one for the versions of a longer ladder, one per level of prefix tiles
 * that are not cached, and at most one for log tiles.
 */
export class Prover {
  readonly #context: LogContext;
  readonly #progress: LogProgress;
  readonly #entries: EntryReader;
  readonly #nodes: LogNodeReader;
  readonly #verifier: AnswerVerifier;

  constructor(context: LogContext, progress: LogProgress) {
    const { store, limits } = context;
    this.#context = context;
    this.#progress = progress;
    this.#entries = new EntryReader(store, limits.entryCacheSize);
    this.#nodes = new LogNodeReader(store, 'keytrans', keytransNodeHasher, limits.logTileCacheSize);
    this.#verifier = new AnswerVerifier(context, this.#entries, this.#nodes);
  }

  /**
   * Answers an untrusted lookup: the greatest version, or a proof that there is none. Throws `too-far-behind` where the
   * client has seen a larger log, `erased`.
   */
  async lookup(request: LookupRequest): Promise<LookupResponse> {
    const log = await this.#logFor(request.last);
    const found = await this.#find(request.label, log);
    const answer = await this.#answer(request, log, found);
    await this.#verifier.sample(request, answer, log);
    return answer;
  }

  /** Answers an untrusted search for the greatest version. Throws as {@link lookup}, and `search-not-found`. */
  async search(request: SearchRequest): Promise<SearchResponse> {
    const fixed = request.version !== undefined;
    ensure(!fixed, 'unsupported-operation', 'searches for a given version are not served yet');
    const answer = await this.lookup(request);
    ensure(answer.type === 'found', 'search-not-found', 'the label is not in the log');
    return answer.response;
  }

  /** Opens a range of a label's versions. Throws `invalid-request`, `search-not-found` and `erased`. */
  async chain({ label, first, last }: ChainRequest): Promise<ChainResponse> {
    const count = last - first + 1;
    const fits = count >= 1 && count <= MAXIMUM_CHAIN_LINKS;
    ensure(fits, 'invalid-request', `a chain has 1 to ${MAXIMUM_CHAIN_LINKS} versions`);
    const [{ released }, labelKey] = await Promise.all([this.#progress.released(), this.#context.vrf.labelKey(label)]);
    const rows = await this.#context.store.readVersions(labelKey, first, last);
    const visible = rows.filter(({ position }) => position < released.size);
    ensure(visible.length === count, 'search-not-found', 'the label does not have all of these versions');
    return { links: visible.map((row) => openVersion(row)) };
  }

  /** The released log, refreshed where the client has seen more of it than this process. */
  async #logFor(last: number | undefined): Promise<ReleasedLog> {
    ensure(last !== 0, 'invalid-request', 'there is no tree head of size 0');
    const known = await this.#progress.released();
    if (last === undefined || last <= known.released.size) return known;
    const log = await this.#progress.refresh();
    const reached = last <= log.released.size;
    ensure(reached, 'too-far-behind', `this server has released ${log.released.size} entries only`);
    return log;
  }

  async #find(label: Uint8Array, { released }: ReleasedLog): Promise<FoundLabel> {
    const labelKey = await this.#context.vrf.labelKey(label);
    const row = await this.#context.store.readLabelAt(labelKey, released.size);
    return { label, labelKey, positions: row?.positions ?? [], greatest: row?.greatest };
  }

  async #answer(request: LookupRequest, log: ReleasedLog, found: FoundLabel): Promise<LookupResponse> {
    const { greatest } = found;
    const opened = greatest === undefined ? undefined : openVersion(greatest);
    const plan = await this.#plan(request.last, log, found.positions);
    const keys = await this.#ladderKeys(plan, found);
    const proof = await this.#proof(plan, keys, log);
    const fullTreeHead = fullTreeHeadFor(request.last, log);
    if (greatest === undefined || opened === undefined) {
      return { type: 'absent', fullTreeHead, vrfProof: keyOf(keys, 0).proof, proof };
    }
    const binaryLadder = ladderSteps(plan, keys);
    const { version } = greatest;
    return { type: 'found', response: { fullTreeHead, version, ...opened, binaryLadder, search: proof } };
  }

  async #plan(last: number | undefined, { released }: ReleasedLog, positions: readonly number[]): Promise<ProofPlan> {
    const fetched = new Map<number, LogEntry>();
    const timestamp = (position: number): number | undefined =>
      (fetched.get(position) ?? this.#entries.cached(position))?.timestampMs;
    for (;;) {
      const planned = planGreatestVersionSearch({
        config: this.#context.configuration,
        size: released.size,
        last,
        versionPositions: positions,
        source: { timestamp },
      });
      if (planned.done) return planned.plan;
      const entries = await this.#entries.read(planned.missing);
      planned.missing.forEach((position, i) => fetched.set(position, entries[i] as LogEntry));
    }
  }

  /** Stored results of the ladder's versions that exist, new ones of those that do not. */
  async #ladderKeys(plan: ProofPlan, { label, labelKey, positions, greatest }: FoundLabel): Promise<LadderKeys> {
    const exists = (version: number): boolean => version < positions.length;
    const stored = plan.ladder.filter((version) => exists(version) && version !== greatest?.version);
    const absent = plan.ladder.filter((version) => !exists(version));
    const [rows, results] = await Promise.all([
      stored.length === 0 ? [] : this.#context.store.readLadder(labelKey, stored),
      this.#context.vrf.evaluate(label, absent),
    ]);
    const keys = new Map<number, VrfResult & { commitment?: Uint8Array }>();
    for (const row of [greatest, ...rows]) {
      if (row === undefined) continue;
      keys.set(row.version, { output: row.vrfOutput, proof: row.vrfProof, commitment: row.commitment });
    }
    absent.forEach((version, i) => keys.set(version, results[i] as VrfResult));
    return keys;
  }

  async #proof(plan: ProofPlan, keys: LadderKeys, log: ReleasedLog): Promise<CombinedTreeProof> {
    const lookupEntries = await this.#entries.read(plan.lookups.map(({ position }) => position));
    const works = plan.lookups.map(({ versions }, i) => {
      const outputs = versions.map((version) => keyOf(keys, version).output);
      return provePrefixLookups((lookupEntries[i] as LogEntry).prefix, outputs);
    });
    const [prefixProofs, rootEntries, logNodes] = await Promise.all([
      driveTilesTogether(works, this.#context.readPrefixTiles),
      this.#entries.read(plan.prefixRootPositions),
      this.#nodes.readNodes(plan.logNodes, log.logEdge),
    ]);
    const prefixRoots = rootEntries.map(({ prefix }) => prefix.hash);
    return assembleProof(plan, { prefixProofs, prefixRoots, logNodes });
  }
}

function fullTreeHeadFor(last: number | undefined, { released: { size, signature } }: ReleasedLog): FullTreeHead {
  if (last === size) return { type: 'same' };
  return { type: 'updated', treeHead: { treeSize: size, signature }, auditorTreeHead: undefined };
}

function ladderSteps(plan: ProofPlan, keys: LadderKeys): BinaryLadderStep[] {
  const committed = new Set(plan.committed);
  return plan.ladder.map((version) => {
    const { proof, commitment } = keyOf(keys, version);
    return { proof, commitment: committed.has(version) ? commitment : undefined };
  });
}

function keyOf(keys: LadderKeys, version: number): VrfResult & { readonly commitment?: Uint8Array } {
  const key = keys.get(version);
  if (key === undefined) throw new GlasskeyError('storage-corrupt', `version ${version} of a label is missing`);
  return key;
}

function openVersion({ opening, value }: VersionRow): ChainResponse['links'][number] {
  ensure(opening !== undefined && value !== undefined, 'erased', 'the identity was erased');
  return { opening, value: { value, signature: undefined } };
}
