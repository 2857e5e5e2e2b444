import { formatNote, type NoteSignature, parseNote } from '../../core/audit/note.ts';
import { assertWitnessed, isQuorum, MAX_WITNESS_AHEAD_MS } from '../../core/audit/policy.ts';
import type { Policy } from '../../core/audit/policy-parts.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { type Fetch, platformFetch } from '../../core/net/bounded-fetch.ts';
import type { ServiceLimits } from '../service-limits.ts';
import type { Observer } from '../service-event.ts';
import type { OwnLog } from './seen-checkpoint.ts';
import { type SignedCheckpoint, WitnessPeer, type WitnessResult } from './witness-peer.ts';

/** Most witnesses that are asked: their lines and the log's own must fit into one note. */
const MAX_ASKED = 60;

/** Options of a {@link WitnessQuorum}. */
export interface WitnessQuorumOptions {
  readonly policy: Policy;
  /** The log that asks. */
  readonly log: OwnLog;
  readonly limits: Pick<ServiceLimits, 'witnessTimeoutMs' | 'witnessRestMs' | 'maxWitnessRestMs'>;
  /** Now in ms. */
  readonly now: () => number;
  readonly observe: Observer;
  /** Default: the platform's. */
  readonly fetch?: Fetch | undefined;
}

type Finding = Extract<WitnessResult, { readonly type: 'ahead' | 'inconsistent' }>;

/** The witnesses of a log's own policy. Nothing is released without their quorum (`docs/spec.md#audit-log`). */
export class WitnessQuorum {
  readonly policy: Policy;
  readonly #options: WitnessQuorumOptions;
  readonly #peers: readonly WitnessPeer[];
  /** A finding of an earlier round, made after that round's release. */
  #late: GlasskeyError | undefined;

  /** Throws `usage` for a policy whose quorum can never be reached by asking the witnesses that have a URL. */
  constructor(options: WitnessQuorumOptions) {
    assertReachable(options.policy);
    this.policy = options.policy;
    this.#options = options;
    this.#peers = makePeers(options);
  }

  /** Returns true if a note has the quorum's cosignatures, none older than `maxAgeMs`. Default: of any age. */
  isWitnessed(note: string, maxAgeMs = Infinity): boolean {
    try {
      assertWitnessed(this.policy, parseNote(note), { nowMs: this.#options.now(), maxAgeMs });
      return true;
    } catch (error) {
      if (isGlasskeyError(error)) return false;
      throw error;
    }
  }

  /**
   * Asks all witnesses at once to cosign. Returns the note with their lines as soon as they make the quorum. Throws
   * `log-rolled-back` if one shows a checkpoint signed by this log of a tree that the log does not have. Throws
   * `head-moved` if `committedSize` shows that another writer was faster, `release-stalled` if the quorum is missing.
   */
  async gather(checkpoint: SignedCheckpoint, committedSize: () => Promise<number>): Promise<string> {
    if (this.#late !== undefined) throw this.#late;
    const gathered: NoteSignature[] = [];
    const reasons: string[] = [];
    const note = await this.#askAll('cosign', checkpoint, async (peer, result) => {
      if (result.type === 'cosigned') gathered.push(...result.signatures);
      else if (isFinding(result)) reasons.push(await this.#judge(peer, result, checkpoint.size, committedSize));
      else reasons.push(`${peer.title}: ${result.type === 'failed' ? result.detail : result.type}`);
      return this.#assemble(checkpoint.note, gathered);
    });
    if (note !== undefined) return note;
    throw new GlasskeyError('release-stalled', `size ${checkpoint.size} lacks the quorum (${reasons.join('; ')})`);
  }

  /**
   * Asks the witnesses about the last checkpoint that this log has signed, before it signs another one. Waits until all
   * have answered or timed out. Returns if the witnesses that did not confirm it cannot make a quorum: then no client
   * can have accepted a newer checkpoint. Throws `log-rolled-back` if a witness shows that this log has signed more, or
   * another tree, than `committedSize` covers. Throws `release-stalled` if too few confirm; an unproven claim confirms
   * nothing.
   */
  async confirm(checkpoint: SignedCheckpoint, committedSize: () => Promise<number>): Promise<void> {
    const silent = new Set(this.policy.witnesses.map(({ name }) => name));
    const reasons: string[] = [];
    await this.#askAll<never>('confirm', checkpoint, async (peer, result) => {
      if (result.type === 'failed') {
        reasons.push(`${peer.title}: ${result.detail}`);
        return undefined;
      }
      // This log signed a larger committed size before it stopped; the next proof starts from that size.
      const isOurs = result.type === 'ahead' && result.size <= (await committedSize());
      if (isFinding(result) && !isOurs) {
        reasons.push(await this.#judge(peer, result, checkpoint.size, committedSize));
        return undefined;
      }
      for (const name of peer.names) silent.delete(name);
      return undefined;
    });
    const message = `too few witnesses confirmed the last checkpoint (${reasons.join('; ')})`;
    ensure(!isQuorum(this.policy, silent), 'release-stalled', message);
  }

  /** Asks all witnesses. Settles with the first defined value or error of `take`, or undefined after all answers. */
  #askAll<T>(
    verb: 'cosign' | 'confirm',
    checkpoint: SignedCheckpoint,
    take: (peer: WitnessPeer, result: WitnessResult) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const asked = this.#peers.map(async (peer) => {
      const started = performance.now();
      try {
        const result = await peer[verb](checkpoint);
        this.#tell(peer, result, performance.now() - started);
        return await take(peer, result);
      } catch (error) {
        // This round may be over already: the next one throws the error.
        if (isGlasskeyError(error, 'log-rolled-back')) this.#late = error;
        throw error;
      }
    });
    const firsts = asked.map(async (one) => (await one) ?? new Promise<never>(() => undefined));
    const last = Promise.all(asked).then((values) => values.find((value) => value !== undefined));
    return Promise.race([...firsts, last]);
  }

  /**
   * Judges a witness's contradiction: throws `head-moved` or `log-rolled-back` if it is proven. An unproven one is only
   * the witness's word, so it does not stop the log, nor does it count as an answer. Returns a text about it for
   * people.
   */
  async #judge(
    peer: WitnessPeer,
    finding: Finding,
    size: number,
    committedSize: () => Promise<number>,
  ): Promise<string> {
    const committed = await committedSize();
    if (finding.type === 'ahead' && finding.size <= committed) {
      throw new GlasskeyError('head-moved', `${peer.title} has cosigned size ${finding.size}, which is newer`);
    }
    if (finding.type === 'ahead' && !finding.isProven)
      return `${peer.title}: it names size ${finding.size}, but shows no such checkpoint of this log`;
    const found =
      finding.type === 'ahead'
        ? `has cosigned size ${finding.size} of this log, and this database has only ${committed} entries`
        : `has cosigned another tree of size ${finding.size} than this database has (it says: ${finding.detail})`;
    const message = `the witness ${peer.title}, asked about size ${size}, ${found}. The database is old or forked`;
    throw new GlasskeyError('log-rolled-back', message);
  }

  /** Returns the note with the gathered lines in the policy's order; undefined if they do not make the quorum yet. */
  #assemble(note: string, gathered: readonly NoteSignature[]): string | undefined {
    const lines = this.policy.witnesses.flatMap(({ name, vkey }) => {
      const line = gathered.find((one) => one.name === vkey.name && one.keyId === vkey.keyId);
      return line === undefined ? [] : [{ name, line }];
    });
    if (!isQuorum(this.policy, new Set(lines.map(({ name }) => name)))) return undefined;
    const { text, signatures } = parseNote(note);
    const whole = { text, signatures: [...signatures, ...lines.map(({ line }) => line)] };
    // Clients will verify the note in the same way.
    assertWitnessed(this.policy, whole, { nowMs: this.#options.now(), maxAgeMs: MAX_WITNESS_AHEAD_MS });
    return formatNote(whole);
  }

  #tell(peer: WitnessPeer, result: WitnessResult, milliseconds: number): void {
    const isWord = result.type === 'ahead' && !result.isProven;
    const outcome = result.type === 'failed' ? result.outcome : isWord ? 'unproven' : result.type;
    const detail = 'detail' in result ? result.detail : 'size' in result ? `size ${result.size}` : undefined;
    this.#options.observe({ type: 'witness', witness: peer.title, outcome, detail, milliseconds });
  }
}

function isFinding(result: WitnessResult): result is Finding {
  return result.type === 'ahead' || result.type === 'inconsistent';
}

/** Throws `usage` for a policy whose quorum can never be reached by asking the witnesses that have a URL. */
export function assertReachable(policy: Policy): void {
  const asked = policy.witnesses.filter(({ url }) => url !== undefined);
  ensure(asked.length <= MAX_ASKED, 'usage', `more than ${MAX_ASKED} witnesses cannot be asked`);
  for (const { name, url = '' } of asked) {
    const isUrl = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
    ensure(isUrl, 'usage', `the URL of the witness ${name} is not an http or https URL`);
  }
  const isPossible = isQuorum(policy, new Set(asked.map(({ name }) => name)));
  ensure(isPossible, 'usage', 'the witnesses of the policy that have a URL cannot make its quorum');
}

/** Makes one peer for each URL: a witness with two keys is asked once. */
function makePeers({ policy, log, limits, now, fetch = platformFetch }: WitnessQuorumOptions): WitnessPeer[] {
  const byUrl = new Map<string, Policy['witnesses'][number][]>();
  for (const witness of policy.witnesses) {
    if (witness.url === undefined) continue;
    const url = new URL(witness.url).href;
    byUrl.set(url, [...(byUrl.get(url) ?? []), witness]);
  }
  return [...byUrl].map(
    ([url, witnesses]) =>
      new WitnessPeer({
        names: witnesses.map(({ name }) => name),
        vkeys: witnesses.map(({ vkey }) => vkey),
        log,
        url,
        fetch,
        now,
        timeoutMs: limits.witnessTimeoutMs,
        restMs: limits.witnessRestMs,
        maxRestMs: limits.maxWitnessRestMs,
      }),
  );
}
