import { auditEvidenceOf } from '../client/audit/audit-evidence.ts';
import { CLOCK_CODES } from '../client/binding/alerts.ts';
import { audit } from '../client/operations/audit.ts';
import type { ClientState } from '../client/state/client-state.ts';
import type { LogEnd } from '../core/audit/log-end.ts';
import { decodeAuditState } from '../client/audit/audit-state.ts';
import { formatHex, parseBase64 } from '../core/encoding/bytes.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { ServerRefusal } from '../client/transport.ts';
import { type Peer, PeerCheckpoints } from './peers.ts';
import { canonicalIdentity } from '../identity/canonical-identity.ts';
import { alarmNotice, blindNotice, endedNotice, sightNotice } from './log-notices.ts';
import { lookName } from './look-name.ts';
import type { Notice } from '../delivery/notice.ts';
import { type AddedVersion, alarmKey, SIGHT_KEY } from './records.ts';
import { changesOfLook } from './told-versions.ts';
import { endWhatRanOut } from './upkeep.ts';
import { unshownNotice } from './version-notices.ts';
import type { WatchContext } from './watch-context.ts';
import { nameChange, type WatchChange } from './watch-store.ts';

/** Failed rounds before misbehaviour that no proof shows is told: a proxy may have damaged a file. */
const LOOKS = 3;
/** The same alarm is told once in this time, ms. */
const ALARM_REST_MS = 86_400_000;
/** Pause between two looks for mandates that ended, ms. */
const UPKEEP_MS = 60_000;
/** Time for the looks of one round, ms. */
const LOOKS_MS = 60_000;
/** The time of the last verified round is stored as often, ms. */
const SIGHT_REST_MS = 600_000;
/** Names that one step of the store tells. */
const NAMES_PER_STEP = 500;

/** The health of a watcher, for its page and metrics. */
export interface WatchHealth {
  /** Entries that are audited. */
  readonly size: number;
  /** Time of the last round in which all of the log verified, ms; undefined before the first. */
  readonly verifiedMs: number | undefined;
  /** Finding about the log, until a round verifies it again. */
  readonly misbehaviour: GlasskeyError | undefined;
  readonly isBlind: boolean;
}

/**
 * Watches the names of a store in one log (docs/spec.md#watched-keys). Each round audits what the log has added, holds
 * lookups and other watchers to it, and looks up the names of which a version came. A name costs no request until then.
 */
export class NameWatcher {
  readonly #context: WatchContext;
  readonly #peers: PeerCheckpoints;
  /** Time of the last verified round of an earlier process, or of the start, ms. */
  readonly #sinceMs: number;
  #health: WatchHealth = { size: 0, verifiedMs: undefined, misbehaviour: undefined, isBlind: false };
  #checkpoint: string | undefined;
  #failedLooks = 0;
  #upkeptMs = 0;
  /** Names whose last look failed: they are looked at last. */
  readonly #failedNames = new Set<string>();

  constructor(context: WatchContext, peers: readonly Peer[] = []) {
    this.#context = context;
    this.#peers = new PeerCheckpoints(peers, context);
    const sight = context.store.sight();
    this.#sinceMs = sight?.verifiedMs ?? context.now();
    this.#health = { ...this.#health, isBlind: sight?.isBlind === true };
  }

  get health(): WatchHealth {
    return this.#health;
  }

  /** The newest audited checkpoint, for owners and other watchers to compare; undefined before there is one. */
  get checkpoint(): string | undefined {
    return this.#checkpoint;
  }

  /** Runs one round. Reports failures to the observer. Throws `storage-failed` alone: then nothing is told for sure. */
  async step(): Promise<void> {
    const { now } = this.#context;
    try {
      await this.#audit();
      await this.#peers.ask(this.#health.size);
      await this.#verified();
    } catch (error) {
      await this.#failed(error);
    }
    await this.#lookAll();
    if (now() - this.#upkeptMs < UPKEEP_MS) return;
    this.#upkeptMs = now();
    await endWhatRanOut(this.#context);
  }

  /** Audits what is new, and notes the added versions before the audit's own state: a kill loses none. */
  async #audit(): Promise<void> {
    const { run, store, observe, threads, now } = this.#context;
    const startedMs = now();
    const report = await run(async (operation, state) => {
      const { maxBehindMs } = operation.trust.config;
      const added = new Map<string, AddedVersion[]>();
      const change = await audit(operation, state, {
        ...threads,
        held: this.#peers.held,
        onProgress: ({ done, total }) => observe({ type: 'progress', done, total }),
        onAdded: (leaves) => {
          for (const { vrfOutput, commitment, position } of leaves) {
            const found = store.match(vrfOutput);
            if (found === undefined) continue;
            const { identity, version } = found;
            const one = { version, position, commitment: formatHex(commitment), seenMs: operation.now() };
            added.set(identity, [...(added.get(identity) ?? []), one]);
          }
        },
      });
      await this.#note(added);
      this.#checkpoint = checkpointOf(change.next);
      return { ...change, result: { ...change.result, maxBehindMs } };
    });
    const { treeSize: size, entries, updates, end, lastEntryMs, maxBehindMs } = report;
    this.#health = { ...this.#health, size };
    observe({ type: 'verified', size, entries, updates });
    if (end !== undefined) await this.#tellEnd(end);
    // The shown part verifies, and is not all: a log that stands still for this watcher hides what came since.
    const isRecent = end !== undefined || startedMs - lastEntryMs <= maxBehindMs;
    const stands = `the newest log entry is of ${new Date(lastEntryMs).toISOString()}: the log stands still, or this clock is wrong`;
    ensure(isRecent, 'tree-head-too-old', stands);
  }

  async #note(added: ReadonlyMap<string, readonly AddedVersion[]>): Promise<void> {
    const { store, observe } = this.#context;
    const changes = [...added].flatMap(([identity, versions]): WatchChange[] => {
      const name = store.name(identity);
      if (name === undefined) return [];
      const fresh = versions.filter(({ version }) => !name.added.some((one) => one.version === version));
      return fresh.length === 0 ? [] : [nameChange({ ...name, added: [...name.added, ...fresh] })];
    });
    if (changes.length === 0) return;
    await store.commit(changes);
    observe({ type: 'added', count: changes.length });
  }

  /** Looks at names with an added version, for a time: a slow server holds up neither audits nor alarms. */
  async #lookAll(): Promise<void> {
    const { store, now } = this.#context;
    const startedMs = now();
    const hasFailed = (identity: string): number => (this.#failedNames.has(identity) ? 1 : 0);
    for (const identity of store.withAdded().toSorted((a, b) => hasFailed(a) - hasFailed(b))) {
      if (now() - startedMs < LOOKS_MS) await this.#look(identity);
      else await this.#tellUnshown(identity, new GlasskeyError('network-failed', 'other lookups take too long'));
    }
  }

  async #look(identity: string): Promise<void> {
    const { run, store, identityRules, observe } = this.#context;
    try {
      await run(async (operation, state) => {
        const name = store.name(identity);
        if (name === undefined || name.added.length === 0) return { result: undefined };
        const since = { version: name.greatest, commitment: name.commitment };
        const canonical = canonicalIdentity(identity, identityRules);
        const looked = await lookName(operation, state, canonical, since, name.added);
        // An address may have been confirmed, or the mandate have ended, meanwhile.
        const current = store.name(identity);
        if (current === undefined) return { next: looked.next, result: undefined };
        const { next, changes } = changesOfLook(this.#context, current, looked);
        await store.commit([nameChange(next), ...changes]);
        return { next: looked.next, result: undefined };
      });
      this.#failedNames.delete(identity);
    } catch (error) {
      if (isGlasskeyError(error, 'storage-failed')) throw error;
      this.#failedNames.add(identity);
      observe({ type: 'failed', work: 'look', error, isMisbehaviour: isLie(error) });
      await this.#tellUnshown(identity, error);
    }
  }

  /** Reports an added version that the server does not show: at once if its answer was a lie, else after a time. */
  async #tellUnshown(identity: string, error: unknown): Promise<void> {
    const { store, now, limits, observe } = this.#context;
    const name = store.name(identity);
    if (name === undefined) return;
    const isOverdue = ({ seenMs, told }: AddedVersion): boolean =>
      told === undefined && (isLie(error) || now() - seenMs >= limits.unshownMs);
    const overdue = name.added.filter(isOverdue);
    if (overdue.length === 0) return;
    const code = isGlasskeyError(error) ? error.code : 'internal';
    const notices = overdue.map((one) => unshownNotice(identity, one, code));
    const added = name.added.map((one) => (isOverdue(one) ? { ...one, told: true as const } : one));
    const told = notices.flatMap((notice) => store.telling(name, notice, now()));
    await store.commit([nameChange({ ...name, added }), ...told]);
    for (let i = 0; i < notices.length; i++) observe({ type: 'told', wording: 'unshown' });
  }

  async #verified(): Promise<void> {
    const { origin, now, observe } = this.#context;
    const { isBlind, verifiedMs = this.#sinceMs } = this.#health;
    this.#failedLooks = 0;
    this.#health = { ...this.#health, verifiedMs: now(), misbehaviour: undefined, isBlind: false };
    if (isBlind) {
      await this.#tellAll(sightNotice(origin, verifiedMs, now()));
      observe({ type: 'blind', isBlind: false });
    }
    await this.#storeSight();
  }

  async #failed(error: unknown): Promise<void> {
    const { origin, now, limits, observe } = this.#context;
    if (isGlasskeyError(error, 'storage-failed')) throw error;
    const isMisbehaviour = isLie(error);
    observe({ type: 'failed', work: 'audit', error, isMisbehaviour });
    if (isMisbehaviour) {
      this.#health = { ...this.#health, misbehaviour: error };
      this.#failedLooks++;
      if (auditEvidenceOf(error)?.proof !== undefined || this.#failedLooks >= LOOKS) await this.#alarm(error);
    }
    const sinceMs = this.#health.verifiedMs ?? this.#sinceMs;
    if (this.#health.isBlind || now() - sinceMs < limits.blindMs) return;
    this.#health = { ...this.#health, isBlind: true };
    await this.#tellAll(blindNotice(origin, sinceMs));
    observe({ type: 'blind', isBlind: true });
    await this.#storeSight();
  }

  /** Stores what the owners know, so that a process that begins anew does not begin to count anew. */
  async #storeSight(): Promise<void> {
    const { store } = this.#context;
    const { isBlind, verifiedMs = this.#sinceMs } = this.#health;
    const known = store.sight();
    if (known?.isBlind === isBlind && verifiedMs - known.verifiedMs < SIGHT_REST_MS) return;
    await store.commit([[SIGHT_KEY, { type: 'sight', verifiedMs, isBlind }]]);
  }

  async #alarm({ code, message }: GlasskeyError): Promise<void> {
    const { origin, now, store, observe } = this.#context;
    const last = store.alarm(code);
    if (last !== undefined && now() - last.toldMs < ALARM_REST_MS) return;
    const toldMs = now();
    await this.#tellAll(alarmNotice(origin, code, message, toldMs));
    // Last, so that a watcher that was killed meanwhile tells again.
    await store.commit([[alarmKey(code), { type: 'alarm', code, message, toldMs }]]);
    observe({ type: 'alarm', code });
  }

  /** Sends everybody one notice that the log has ended. */
  async #tellEnd(end: LogEnd): Promise<void> {
    const { origin, now, store, observe } = this.#context;
    const code = 'log-ended';
    if (store.alarm(code) !== undefined) return;
    await this.#tellAll(endedNotice(origin, end));
    await store.commit([[alarmKey(code), { type: 'alarm', code, message: end.reason, toldMs: now() }]]);
    observe({ type: 'ended' });
  }

  async #tellAll(notice: Notice): Promise<void> {
    const { store, now } = this.#context;
    const names = [...store.names()].map(({ identity }) => identity);
    for (let i = 0; i < names.length; i += NAMES_PER_STEP) {
      // As they are now: an address may have been confirmed since the step before.
      const some = names.slice(i, i + NAMES_PER_STEP).flatMap((identity) => store.name(identity) ?? []);
      await store.commit(some.flatMap((name) => store.telling(name, notice, now())));
    }
  }
}

/** Returns true for an error about what the log or its server did, which no wrong clock explains. */
function isLie(error: unknown): error is GlasskeyError {
  if (!isGlasskeyError(error) || error instanceof ServerRefusal) return false;
  return error.fault === 'verification' && !CLOCK_CODES.has(error.code);
}

function checkpointOf(state: ClientState | undefined): string | undefined {
  return state?.audit === undefined ? undefined : decodeAuditState(parseBase64(state.audit)).checkpoint;
}
