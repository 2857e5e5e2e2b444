import { isDeepStrictEqual } from 'node:util';
import { equalBytes, formatHex } from '../../../src/core/encoding/bytes.ts';
import { type Codec, decode, encode, optional, struct, vector } from '../../../src/core/encoding/codec.ts';
import { ensure, isGlasskeyError } from '../../../src/core/errors.ts';
import type { Configuration } from '../../../src/core/keytrans/configuration.ts';
import {
  contactMonitorResponseCodec,
  type MonitorMapEntry,
  monitorMapCodec,
} from '../../../src/core/keytrans/contact-monitor-messages.ts';
import { type Credential, credentialCodec, credentialUpdateCodec } from '../../../src/core/keytrans/credential.ts';
import { distinguishedResponseCodec } from '../../../src/core/keytrans/distinguished-messages.ts';
import { type KnownHead, knownHeadCodec, recentHeads } from '../../../src/core/keytrans/known-head.ts';
import { type KnownVersion, knownVersionCodec, mergeKnownVersions } from '../../../src/core/keytrans/known-version.ts';
import { lookupResponseCodec, searchResponseCodec } from '../../../src/core/keytrans/messages.ts';
import { addToMonitorMap } from '../../../src/core/keytrans/monitor-map.ts';
import { ownerInitResponseCodec } from '../../../src/core/keytrans/owner-init-messages.ts';
import { ownerMonitorResponseCodec } from '../../../src/core/keytrans/owner-monitor-messages.ts';
import { greatestKnown, type OwnerState, ownerStateCodec } from '../../../src/core/keytrans/owner-state.ts';
import {
  settleCredential,
  type UnsettledCredential,
  unsettledCredentialCodec,
  verifyCredentialUpdate,
} from '../../../src/core/keytrans/settle-credential.ts';
import { standingResponseCodec } from '../../../src/core/keytrans/standing-messages.ts';
import { type AuditorTreeHead, auditorTreeHeadCodec, type FullTreeHead } from '../../../src/core/keytrans/tree-head.ts';
import { type TreeView, treeViewCodec } from '../../../src/core/keytrans/tree-view.ts';
import { updateResponseCodec } from '../../../src/core/keytrans/update-messages.ts';
import { verifyContactMonitor } from '../../../src/core/keytrans/verify-contact-monitor.ts';
import { verifyCredential } from '../../../src/core/keytrans/verify-credential.ts';
import { verifyDistinguished } from '../../../src/core/keytrans/verify-distinguished.ts';
import { verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';
import { verifyOwnerInit } from '../../../src/core/keytrans/verify-owner-init.ts';
import {
  ownerMonitorRequest,
  type VerifiedOwnerMonitor,
  verifyOwnerMonitor,
} from '../../../src/core/keytrans/verify-owner-monitor.ts';
import { verifyOwnerUpdate } from '../../../src/core/keytrans/verify-owner-update.ts';
import { type VerifiedSearch, verifySearch } from '../../../src/core/keytrans/verify-search.ts';
import { verifyStanding } from '../../../src/core/keytrans/verify-standing.ts';
import { LABELS, WINDOW_MS } from '../histories.ts';
import { seededRandom } from '../random.ts';
import {
  labelBytes,
  managedConfiguration,
  p256Configuration,
  p256Vrf,
  realVrf,
  referenceConfiguration,
  ReferenceLog,
  type ReferenceEntry,
  type ReferenceVrf,
} from '../reference-log.ts';
import {
  answerContactMonitor,
  answerDistinguished,
  answerOwnerInit,
  answerOwnerMonitor,
  answerOwnerUpdate,
  answerStanding,
  answerVersion,
  makeCredential,
  makeCredentialUpdate,
} from '../reference-operations.ts';
import { answerLookup } from '../reference-prover.ts';
import { choose, pick, type Random } from './damage.ts';
import type { HonestAnswer, Operation } from './damaged-operation.ts';

/** Kinds of logs of which answers are damaged. */
export const LOG_KINDS = ['contactMonitoring', 'p256', 'thirdPartyAuditing', 'thirdPartyManagement'] as const;
export type LogKind = (typeof LOG_KINDS)[number];

/** The operations. Not every kind of log has each. */
export const OPERATIONS = [
  'lookup',
  'absent',
  'version',
  'contact-monitor',
  'distinguished',
  'credential',
  'credential-update',
  'owner-init',
  'owner-monitor',
  'update',
  'standing',
] as const;
export type OperationName = (typeof OPERATIONS)[number];

function setUp(kind: LogKind): readonly [Configuration, ReferenceVrf] {
  const [config, vrf] = configurationOf(kind);
  // Another head would be an honest answer too: here only the newest one counts.
  return [{ ...config, maxBehindMs: 0, maxAheadMs: 0 }, vrf];
}

function configurationOf(kind: LogKind): readonly [Configuration, ReferenceVrf] {
  const plain = referenceConfiguration(WINDOW_MS);
  switch (kind) {
    case 'contactMonitoring':
      return [plain, realVrf];
    case 'p256':
      return [p256Configuration(plain), p256Vrf];
    case 'thirdPartyAuditing':
      return [referenceConfiguration(WINDOW_MS, { maxAuditorLagMs: 1e9, auditorStartPosition: 0 }), realVrf];
    case 'thirdPartyManagement':
      return [managedConfiguration(WINDOW_MS), realVrf];
  }
}

/** All that clients may hold, as bytes. */
interface Held {
  readonly view?: TreeView | undefined;
  readonly ladder?: readonly KnownVersion[];
  readonly entries?: readonly MonitorMapEntry[];
  readonly owner?: OwnerState;
  readonly heads?: readonly KnownHead[];
  readonly unsettled?: UnsettledCredential;
}
const heldCodec: Codec<Held> = struct<Held>({
  view: optional(treeViewCodec),
  ladder: optional(vector(knownVersionCodec, 0, 0xffff)),
  entries: optional(monitorMapCodec),
  owner: optional(ownerStateCodec),
  heads: optional(vector(knownHeadCodec, 0, 0xff)),
  unsettled: optional(unsettledCredentialCodec),
});

/** A log that grows, with people who use it; the honest answers to them are collected. */
export class Collector {
  readonly #random: Random;
  readonly #log: ReferenceLog;
  readonly #answers = new Map<OperationName, HonestAnswer[]>(OPERATIONS.map((name) => [name, []]));
  readonly #contacts = new Map<
    string,
    { size: number; ladder: readonly KnownVersion[]; entries: readonly MonitorMapEntry[] }
  >();
  readonly #owners = new Map<string, { size: number; state: OwnerState }>();
  readonly #unsettled: { readonly label: string; readonly held: UnsettledCredential }[] = [];
  readonly #kind: LogKind;
  readonly #entries: ReferenceEntry[] = [];
  #heads: readonly KnownHead[] = [];

  constructor(kind: LogKind, seed: number, entries: number) {
    this.#kind = kind;
    this.#random = seededRandom(seed);
    this.#log = new ReferenceLog(...setUp(kind), []);
    let timestampMs = 1_700_000_000_000;
    for (let i = 0; i < entries; i++) {
      const isPause = this.#random() < 0.15;
      timestampMs += isPause ? 900 + pick(this.#random, 1500) : 1 + pick(this.#random, 60);
      const labels = LABELS.filter(() => this.#random() < 0.25);
      this.#entries.push({ timestampMs, labels });
      this.#log.append({ timestampMs, labels });
      if (i > 2) this.#collect();
    }
  }

  /** The operations that this log has answers to. */
  get operations(): Operation[] {
    return [...this.#answers].filter(([, answers]) => answers.length > 0).map(([name, answers]) => ({ name, answers }));
  }

  #keep<T>(
    name: OperationName,
    held: Held,
    answer: Omit<HonestAnswer<T>, 'state'>,
  ): ReturnType<HonestAnswer['verify']> {
    const result = answer.verify(answer.response);
    const { codec, response } = answer;
    const isHarmless: HonestAnswer['isHarmless'] = (shown, bytes) => {
      if (answer.isHarmless?.(shown, bytes) === true) return true;
      return this.#hasOtherAuditorHead(encode(codec, response), codec, bytes);
    };
    this.#answers.get(name)!.push({ ...answer, isHarmless, state: () => encode(heldCodec, held) });
    return result;
  }

  /** Whether an answer is the honest one but for the auditor's head, which is another that the auditor signed. */
  #hasOtherAuditorHead<T>(honest: Uint8Array, codec: Codec<T>, bytes: Uint8Array): boolean {
    const headOf = (encoded: Uint8Array) => auditorHeadIn(decode(codec, encoded));
    const [own, other] = [headOf(honest), headOf(bytes)];
    if (own === undefined || other === undefined || other.treeSize < 1 || other.treeSize > this.#log.size) return false;
    const signed = this.#log.auditorTreeHead(other.treeSize);
    const text = (head: AuditorTreeHead): string => formatHex(encode(auditorTreeHeadCodec, head));
    return text(signed) === text(other) && formatHex(bytes).replace(text(other), text(own)) === formatHex(honest);
  }

  /** Whether these are the bytes of an answer that the log gave. */
  #isHonest(name: OperationName, bytes: Uint8Array): boolean {
    return this.#answers.get(name)!.some(({ codec, response }) => equalBytes(encode(codec, response), bytes));
  }

  #auditedSize(size = this.#log.size): { auditedSize?: number } {
    return this.#log.config.mode === 'thirdPartyAuditing' ? { auditedSize: Math.max(1, size - 2) } : {};
  }

  #context(last: number | undefined) {
    const view = last === undefined ? undefined : this.#log.view(last, this.#auditedSize(last).auditedSize);
    return { config: this.#log.config, view, nowMs: this.#log.timestamps.at(-1)! };
  }

  /** What a client may have seen last: nothing, this log, or an earlier one. */
  #someLast(): number | undefined {
    const { size } = this.#log;
    return choose(this.#random, [undefined, size, 1 + pick(this.#random, size), 1 + pick(this.#random, size)]);
  }

  #collect(): void {
    const label = choose(this.#random, LABELS);
    const steps = [
      () => this.#lookup(label),
      () => this.#absent(),
      () => this.#version(label),
      () => this.#contactMonitor(label),
      () => this.#distinguished(),
      () => this.#credential(label),
      () => this.#credentialUpdate(),
      () => this.#ownerInit(label),
      () => this.#ownerUpdate(label),
      () => this.#ownerMonitor(label),
      () => this.#standing(label),
    ];
    for (const step of steps) if (this.#random() < 0.4) step();
  }

  #lookup(label: string): void {
    if (!this.#log.versions.has(label)) return;
    const log = this.#log;
    const last = this.#contacts.get(label)?.size ?? this.#someLast();
    const context = this.#context(last);
    const request = { last, label: labelBytes(label) };
    const found = this.#keep(
      'lookup',
      { view: context.view },
      {
        codec: lookupResponseCodec(log.config),
        response: answerLookup(log, { label, last, ...this.#auditedSize() }),
        verify: (response) => verifyLookup(context, request, response),
      },
    ) as VerifiedSearch;
    const { ladder = [], entries = [] } = this.#contacts.get(label) ?? {};
    this.#contacts.set(label, {
      size: log.size,
      ladder: mergeKnownVersions(ladder, found.ladder),
      entries: found.monitor === undefined ? entries : addToMonitorMap(entries, found.monitor),
    });
  }

  #absent(): void {
    const label = choose(this.#random, ['nobody', 'nowhere', 'no one']);
    const last = this.#someLast();
    const context = this.#context(last);
    this.#keep(
      'absent',
      { view: context.view },
      {
        codec: lookupResponseCodec(this.#log.config),
        response: answerLookup(this.#log, { label, last, ...this.#auditedSize() }),
        verify: (response) => verifyLookup(context, { last, label: labelBytes(label) }, response),
      },
    );
  }

  #version(label: string): void {
    const versions = this.#log.versions.get(label);
    if (versions === undefined) return;
    const version = pick(this.#random, versions.length);
    const last = this.#someLast();
    const context = this.#context(last);
    const request = { last, label: labelBytes(label), version };
    this.#keep(
      'version',
      { view: context.view },
      {
        codec: searchResponseCodec(this.#log.config, { version }),
        response: answerVersion(this.#log, { label, last, version, ...this.#auditedSize() }),
        verify: (response) => verifySearch(context, request, response),
      },
    );
  }

  #standing(label: string): void {
    const positions = this.#log.versionPositions(label);
    const version = pick(this.#random, positions.length);
    const first = positions[version];
    const last = this.#log.size - pick(this.#random, 2);
    const second = Math.min(last, positions[version + 1] ?? last) - 1;
    if (first === undefined || first >= second) return;
    const context = this.#context(last);
    const request = { last, label: labelBytes(label), version, first, second };
    const { commitment } = this.#log.versions.get(label)![version]!;
    this.#keep(
      'standing',
      { view: context.view },
      {
        codec: standingResponseCodec(this.#log.config),
        response: answerStanding(this.#log, { ...request, label, ...this.#auditedSize() }),
        verify: (response) => verifyStanding(context, request, response, commitment),
      },
    );
  }

  #contactMonitor(label: string): void {
    const contact = this.#contacts.get(label);
    if (contact === undefined || contact.entries.length === 0) return;
    const { size: last, ladder, entries } = contact;
    const context = this.#context(last);
    const request = { last, label: labelBytes(label), entries };
    const result = this.#keep(
      'contact-monitor',
      { view: context.view, ladder, entries },
      {
        codec: contactMonitorResponseCodec(this.#log.config),
        response: answerContactMonitor(this.#log, { label, last, entries, ...this.#auditedSize() }),
        verify: (response) => verifyContactMonitor(context, request, response, ladder),
      },
    ) as ReturnType<typeof verifyContactMonitor>;
    this.#contacts.set(label, { ...contact, size: this.#log.size, entries: result.entries });
  }

  #distinguished(): void {
    const stop =
      this.#heads.length > 0 && this.#random() < 0.7 ? choose(this.#random, this.#heads).position : undefined;
    const last = stop === undefined ? this.#someLast() : stop + 1 + pick(this.#random, this.#log.size - stop);
    const context = this.#context(last);
    const request = { last, stop };
    const { heads } = this.#keep(
      'distinguished',
      { view: context.view, heads: this.#heads },
      {
        codec: distinguishedResponseCodec(this.#log.config),
        response: answerDistinguished(this.#log, { ...request, ...this.#auditedSize() }),
        verify: (response) => verifyDistinguished(context, request, response),
      },
    ) as ReturnType<typeof verifyDistinguished>;
    this.#heads = recentHeads(this.#heads, heads);
  }

  #credential(label: string): void {
    if (!this.#log.versions.has(label) || this.#heads.length === 0) return;
    const heads = this.#heads;
    const { position } = choose(this.#random, heads);
    const { config, nowMs } = this.#context(undefined);
    const context = { config, heads, nowMs, maximumAgeMs: 1e15 };
    const { unsettled } = this.#keep(
      'credential',
      { heads },
      {
        codec: credentialCodec(config),
        response: makeCredential(this.#log, { label, position }),
        // Whoever receives a credential knows whom it has to be about.
        verify: (credential) => {
          const verified = verifyCredential(context, credential);
          ensure(equalBytes(verified.label, labelBytes(label)), 'bad-record', 'a credential of somebody else');
          return verified;
        },
        isHarmless: this.#isCredentialOf(label),
      },
    ) as ReturnType<typeof verifyCredential>;
    if (unsettled !== undefined) this.#unsettled.push({ label, held: unsettled });
  }

  /**
   * Another credential of the same person, as the log made it, or as it would have made it for the entry that is named: where
   * a later distinguished entry has the same prefix tree, the same proof holds of it.
   */
  #isCredentialOf(label: string): (result: unknown, bytes: Uint8Array) => boolean {
    const { size, config } = this.#log;
    const codec = credentialCodec(config);
    return (_, bytes) => {
      if (this.#isHonest('credential', bytes)) return true;
      const credential = decode(codec, bytes);
      const { position } = credential;
      // A standard one says nothing of the log's size: it is what the first log says in which its entry is distinguished.
      const first = credential.type === 'standard' ? position + 1 : credential.treeHead.treeSize;
      const last = credential.type === 'standard' ? size : first;
      for (let shown = Math.max(first, position + 1); shown <= Math.min(last, size); shown++) {
        const made = this.#credentialAt(shown, label, position);
        if (made !== undefined) return equalBytes(encode(codec, made), bytes);
      }
      return false;
    };
  }

  /** The credential that the log made when it had `size` entries; undefined if `position` was not distinguished then. */
  #credentialAt(size: number, label: string, position: number): Credential | undefined {
    const log = new ReferenceLog(...setUp(this.#kind), this.#entries.slice(0, size));
    try {
      return makeCredential(log, { label, position });
    } catch (error) {
      if (isGlasskeyError(error, 'invalid-request')) return undefined;
      throw error;
    }
  }

  #credentialUpdate(): void {
    if (this.#unsettled.length === 0) return;
    const { label, held } = choose(this.#random, this.#unsettled);
    const heads = this.#heads;
    const request = settleCredential(held, heads);
    if (typeof request === 'string') return;
    const { config } = this.#log;
    this.#keep(
      'credential-update',
      { heads, unsettled: held },
      {
        codec: credentialUpdateCodec,
        response: makeCredentialUpdate(this.#log, label, request),
        verify: (update) => verifyCredentialUpdate(config, held, heads, update),
      },
    );
  }

  #ownerInit(label: string): void {
    if (this.#heads.length === 0) return;
    const { position: start } = choose(this.#random, this.#heads);
    const last = choose(this.#random, [undefined, start + 1, this.#log.size]);
    const context = this.#context(last);
    const request = { last, label: labelBytes(label), start };
    const honest = answerOwnerInit(this.#log, { label, last, start, ...this.#auditedSize() });
    const { owner } = this.#keep(
      'owner-init',
      { view: context.view },
      {
        codec: ownerInitResponseCodec(this.#log.config),
        response: honest,
        verify: (response) => verifyOwnerInit(context, request, response),
        // Commitments of versions that no proof shows are told (KT §8.3 step 4), and not kept.
        isHarmless: (shown) => isDeepStrictEqual(shown, verifyOwnerInit(context, request, honest)),
      },
    ) as ReturnType<typeof verifyOwnerInit>;
    if (!this.#owners.has(label)) this.#owners.set(label, { size: this.#log.size, state: owner });
  }

  #ownerUpdate(label: string): void {
    const owner = this.#owners.get(label);
    // The reference log has no signatures for an update in third-party management.
    if (owner === undefined || this.#log.config.mode === 'thirdPartyManagement') return;
    const { size: last, state } = owner;
    const greatestVersion = greatestKnown(state);
    if ((this.#log.versions.get(label)?.length ?? 0) - 1 <= (greatestVersion ?? -1)) return;
    const context = this.#context(last);
    const request = { last, label: labelBytes(label), greatestVersion, values: [] };
    const result = this.#keep(
      'update',
      { view: context.view, owner: state },
      {
        codec: updateResponseCodec(this.#log.config),
        response: answerOwnerUpdate(this.#log, { label, last, greatestVersion, ...this.#auditedSize() }),
        verify: (response) => verifyOwnerUpdate(context, request, response, state),
        isHarmless: this.#isCaughtByMonitoring(label),
      },
    ) as ReturnType<typeof verifyOwnerUpdate>;
    this.#owners.set(label, { size: this.#log.size, state: result.owner });
  }

  /**
   * What an update says of a distinguished log entry is verified by the monitoring that has to follow (KT §9.1 step 3): a
   * false one fails there, or is about versions that the log does not know.
   */
  #isCaughtByMonitoring(label: string): (result: unknown) => boolean {
    const { size } = this.#log;
    let log: ReferenceLog | undefined;
    return (result) => {
      log ??= new ReferenceLog(...setUp(this.#kind), this.#entries.slice(0, size));
      const { owner, view } = result as ReturnType<typeof verifyOwnerUpdate>;
      const context = { config: log.config, view, nowMs: log.timestamps.at(-1)! };
      try {
        verifyOwnerMonitor(context, answerOwnerMonitor(log, label, ownerMonitorRequest(owner, size)), owner);
      } catch (error) {
        return isGlasskeyError(error) && (error.fault === 'verification' || error.code === 'invalid-request');
      }
      return false;
    };
  }

  #ownerMonitor(label: string): void {
    const owner = this.#owners.get(label);
    if (owner === undefined) return;
    const { size: last, state } = owner;
    const log = this.#log;
    const context = this.#context(last);
    const response = answerOwnerMonitor(log, label, ownerMonitorRequest(state, last), this.#auditedSize());
    const greatestAt = (position: number): number | undefined => {
      const count = log.versionPositions(label, position + 1).length;
      return count === 0 ? undefined : count - 1;
    };
    const result = this.#keep(
      'owner-monitor',
      { view: context.view, owner: state },
      {
        codec: ownerMonitorResponseCodec(log.config),
        response,
        verify: (shown) => verifyOwnerMonitor(context, shown, state),
        // A log may stop before the end, and says so (KT §8.3).
        isHarmless: (shown) => {
          const { complete, logRoot, view, owner: next } = shown as VerifiedOwnerMonitor;
          const isTrue = equalBytes(logRoot, log.logRoot(view.size)) && next.versionAtStart === greatestAt(next.start);
          return !complete && isTrue;
        },
      },
    ) as VerifiedOwnerMonitor;
    this.#owners.set(label, { size: log.size, state: result.owner });
  }
}

/** The auditor's head in an answer of any operation. */
function auditorHeadIn(answer: unknown): AuditorTreeHead | undefined {
  const { response, fullTreeHead } = answer as { response?: unknown; fullTreeHead?: FullTreeHead };
  if (response !== undefined) return auditorHeadIn(response);
  return fullTreeHead?.type === 'updated' ? fullTreeHead.auditorTreeHead : undefined;
}
