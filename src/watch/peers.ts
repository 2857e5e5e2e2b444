import { treeOf } from '../client/audit/assert-continues.ts';
import { readAuditTrust } from '../client/audit/audit-trust.ts';
import { verifyCheckpoint } from '../core/audit/checkpoint.ts';
import { encodeUtf8 } from '../core/encoding/bytes.ts';
import { GlasskeyError } from '../core/errors.ts';
import type { WatchContext } from './watch-context.ts';

/** Another watcher of the same log, or anybody who serves a checkpoint that the log showed. */
export interface Peer {
  readonly url: string;
  /** Fetches the newest checkpoint that the peer was shown; untrusted. Throws `network-failed`, `bad-response`. */
  readonly checkpoint: () => Promise<string>;
}

/** Time for which the log may show this watcher less than a peer was shown, ms. */
const BEHIND_MS = 15 * 60_000;

interface Waiting {
  readonly checkpoint: string;
  readonly size: number;
  readonly sinceMs: number;
}

/**
 * Checkpoints that other watchers were shown. The next audit holds the log to them. Each is signed by the log: a lying
 * peer can neither accuse it nor, by being silent, hide more than itself. Two that contradict each other prove a fork.
 */
export class PeerCheckpoints {
  readonly #peers: readonly Peer[];
  readonly #context: Pick<WatchContext, 'run' | 'now' | 'observe'>;
  #held: readonly Waiting[] = [];
  #audited = 0;

  constructor(peers: readonly Peer[], context: Pick<WatchContext, 'run' | 'now' | 'observe'>) {
    this.#peers = peers;
    this.#context = context;
  }

  /** Checkpoints of at most as many entries as were audited in the last round. */
  get held(): readonly string[] {
    return this.#held.filter(({ size }) => size <= this.#audited).map(({ checkpoint }) => checkpoint);
  }

  /**
   * Forgets what the round has just held the log to, and asks every peer. A peer that does not answer, or answers with
   * something that the log has not signed, is no finding about the log. Throws `tree-rolled-back` if the log has shown
   * this watcher less than it showed a peer for too long.
   */
  async ask(audited: number): Promise<void> {
    const { observe, now } = this.#context;
    this.#held = this.#held.filter(({ size }) => size > this.#audited);
    this.#audited = audited;
    const asked = await Promise.all(
      this.#peers.map(async (peer) => {
        try {
          return [await this.#verified(await peer.checkpoint())];
        } catch (error) {
          observe({ type: 'failed', work: 'peer', error, isMisbehaviour: false });
          return [];
        }
      }),
    );
    const late = this.#held.find(({ size, sinceMs }) => size > audited && now() - sinceMs > BEHIND_MS);
    const longest = Math.max(0, ...this.#held.map(({ size }) => size));
    // Of what is ahead, one is enough: it is kept until the log has come there.
    const fresh = asked.flat().filter(({ size }) => size <= audited || size > longest);
    this.#held = [...this.#held, ...fresh].slice(0, MAX_HELD);
    if (late === undefined) return;
    const message = `the log signed ${late.size} entries for another watcher, and shows ${audited} here`;
    throw new GlasskeyError('tree-rolled-back', message);
  }

  async #verified(text: string): Promise<Waiting> {
    const { run, now } = this.#context;
    const trust = await run(async (operation) => ({ result: readAuditTrust(operation.trust.bundle) }));
    verifyCheckpoint(encodeUtf8(text), trust);
    return { checkpoint: text, size: treeOf(text).size, sinceMs: now() };
  }
}

/** Checkpoints that wait for an audit. */
const MAX_HELD = 64;
