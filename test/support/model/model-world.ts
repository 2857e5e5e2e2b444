import { expect } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import type { Configuration } from '../../../src/core/keytrans/configuration.ts';
import {
  contactMonitorResponseCodec,
  type MonitorMapEntry,
} from '../../../src/core/keytrans/contact-monitor-messages.ts';
import { credentialCodec, credentialUpdateCodec } from '../../../src/core/keytrans/credential.ts';
import { distinguishedResponseCodec } from '../../../src/core/keytrans/distinguished-messages.ts';
import { type KnownHead, RECENT_HEADS, recentHeads } from '../../../src/core/keytrans/known-head.ts';
import { type KnownVersion, mergeKnownVersions } from '../../../src/core/keytrans/known-version.ts';
import { lookupResponseCodec, searchResponseCodec } from '../../../src/core/keytrans/messages.ts';
import { addToMonitorMap } from '../../../src/core/keytrans/monitor-map.ts';
import { ownerInitResponseCodec } from '../../../src/core/keytrans/owner-init-messages.ts';
import { ownerMonitorResponseCodec } from '../../../src/core/keytrans/owner-monitor-messages.ts';
import { greatestKnown, type OwnerState } from '../../../src/core/keytrans/owner-state.ts';
import {
  settleCredential,
  type UnsettledCredential,
  verifyCredentialUpdate,
} from '../../../src/core/keytrans/settle-credential.ts';
import { type TreeView, treeViewCodec } from '../../../src/core/keytrans/tree-view.ts';
import { updateResponseCodec } from '../../../src/core/keytrans/update-messages.ts';
import { verifyContactMonitor } from '../../../src/core/keytrans/verify-contact-monitor.ts';
import { verifyCredential } from '../../../src/core/keytrans/verify-credential.ts';
import { verifyDistinguished } from '../../../src/core/keytrans/verify-distinguished.ts';
import { verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';
import { verifyOwnerInit } from '../../../src/core/keytrans/verify-owner-init.ts';
import { ownerMonitorRequest, verifyOwnerMonitor } from '../../../src/core/keytrans/verify-owner-monitor.ts';
import { verifyOwnerUpdate } from '../../../src/core/keytrans/verify-owner-update.ts';
import { type VerifiedSearch, verifySearch } from '../../../src/core/keytrans/verify-search.ts';
import { LABELS } from '../histories.ts';
import {
  labelBytes,
  p256Configuration,
  p256Vrf,
  realVrf,
  referenceConfiguration,
  ReferenceLog,
} from '../reference-log.ts';
import {
  answerContactMonitor,
  answerDistinguished,
  answerOwnerInit,
  answerOwnerMonitor,
  answerOwnerUpdate,
  answerVersion,
  makeCredential,
  makeCredentialUpdate,
} from '../reference-operations.ts';
import { answerLookup } from '../reference-prover.ts';
import { DirectoryModel } from './directory-model.ts';

/** What happens next. `choice` says about whom, as far as that is open. */
export type ModelStep =
  | { readonly type: 'append'; readonly gapMs: number; readonly labels: readonly string[] }
  | {
      readonly type: 'lookup' | 'version' | 'monitor' | 'walk' | 'own' | 'owner-monitor' | 'credential';
      readonly person: number;
      readonly choice: number;
    };

/** How a log is configured. */
export interface ModelSettings {
  readonly windowMs: number;
  readonly lifetimeMs: number | undefined;
  readonly mode: 'contactMonitoring' | 'thirdPartyAuditing' | 'p256';
}

/** All that one user holds. */
interface Person {
  view: TreeView | undefined;
  heads: readonly KnownHead[];
  readonly contacts: Map<string, { ladder: readonly KnownVersion[]; entries: readonly MonitorMapEntry[] }>;
  readonly owned: Map<string, OwnerState>;
  readonly unsettled: { readonly label: string; readonly held: UnsettledCredential }[];
}

const PEOPLE = 3;

/** A log, the same thing as a list of versions, and users of the log, who are told nothing but what the list says. */
export class ModelWorld {
  readonly #config: Configuration;
  readonly #log: ReferenceLog;
  readonly #model: DirectoryModel;
  readonly #people: Person[] = Array.from({ length: PEOPLE }, () => {
    return { view: undefined, heads: [], contacts: new Map(), owned: new Map(), unsettled: [] };
  });

  constructor({ windowMs, lifetimeMs, mode }: ModelSettings) {
    const audited = mode === 'thirdPartyAuditing' ? { maxAuditorLagMs: 1e9, auditorStartPosition: 0 } : undefined;
    const plain = { ...referenceConfiguration(windowMs, audited), maximumLifetimeMs: lifetimeMs };
    this.#config = mode === 'p256' ? p256Configuration(plain) : plain;
    this.#log = new ReferenceLog(this.#config, mode === 'p256' ? p256Vrf : realVrf, []);
    this.#model = new DirectoryModel(windowMs, lifetimeMs);
    this.#append(0, []);
  }

  /** Does a step, checks it against the model, and says in a word what it came to. */
  take(step: ModelStep): string {
    if (step.type === 'append') return this.#append(step.gapMs, step.labels);
    const person = this.#people[step.person] as Person;
    const label = LABELS[step.choice % LABELS.length] as string;
    switch (step.type) {
      case 'lookup':
        return this.#lookUp(person, step.choice % 5 === 4 ? 'nobody' : label);
      case 'version':
        return this.#lookUpVersion(person, label, Math.floor(step.choice / 3));
      case 'monitor':
        return this.#monitor(person, label);
      case 'walk':
        return this.#walk(person);
      case 'own':
        return this.#own(person, label, Math.floor(step.choice / 3));
      case 'owner-monitor':
        return this.#monitorOwned(person, label);
      case 'credential':
        return this.#credential(person, label, Math.floor(step.choice / 3));
    }
  }

  /** Everybody does everything once more, after whatever gap. */
  everybodyComesBack(): void {
    for (const person of this.#people) {
      this.#walk(person);
      for (const label of LABELS) {
        this.#monitor(person, label);
        this.#monitorOwned(person, label);
        this.#lookUp(person, label);
      }
      this.#settle(person);
    }
  }

  #append(gapMs: number, labels: readonly string[]): string {
    const timestampMs = (this.#model.timestamps.at(-1) ?? 1_700_000_000_000) + gapMs;
    this.#log.append({ timestampMs, labels });
    this.#model.append(timestampMs, labels);
    return 'appended';
  }

  #context({ view }: Person) {
    return { config: this.#config, view, nowMs: this.#model.timestamps.at(-1) as number };
  }

  get #audited(): { auditedSize?: number } {
    return this.#config.mode === 'thirdPartyAuditing' ? { auditedSize: Math.max(1, this.#model.size - 2) } : {};
  }

  /** Takes a verified view: it is the log's, and comes back from where it is stored. */
  #keepView(person: Person, view: TreeView, logRoot: Uint8Array): void {
    expect(view.size).toBe(this.#model.size);
    expect(logRoot).toEqual(this.#log.logRoot());
    person.view = decode(treeViewCodec, encode(treeViewCodec, view));
  }

  #keepSearch(person: Person, label: string, version: number, search: VerifiedSearch): void {
    const { value } = this.#model.versions(label)[version]!;
    expect(search).toMatchObject({ version, value: labelBytes(value) });
    this.#keepView(person, search.view, search.logRoot);
    const { ladder = [], entries = [] } = person.contacts.get(label) ?? {};
    person.contacts.set(label, {
      ladder: mergeKnownVersions(ladder, search.ladder),
      entries: search.monitor === undefined ? entries : addToMonitorMap(entries, search.monitor),
    });
  }

  #lookUp(person: Person, label: string): string {
    const last = person.view?.size;
    const codec = lookupResponseCodec(this.#config);
    const bytes = encode(codec, answerLookup(this.#log, { label, last, ...this.#audited }));
    const result = verifyLookup(this.#context(person), { last, label: labelBytes(label) }, decode(codec, bytes));
    const greatest = this.#model.greatest(label);
    expect(result.type).toBe(greatest === undefined ? 'absent' : 'found');
    if (result.type === 'found') this.#keepSearch(person, label, greatest as number, result);
    else this.#keepView(person, result.view, result.logRoot);
    return result.type;
  }

  #lookUpVersion(person: Person, label: string, choice: number): string {
    const versions = this.#model.versions(label);
    const version = choice % (versions.length + 1);
    const last = person.view?.size;
    const request = { last, label: labelBytes(label), version };
    let response;
    try {
      response = answerVersion(this.#log, { label, last, version, ...this.#audited });
    } catch (error) {
      const code = isGlasskeyError(error) ? error.code : String(error);
      expect(code).toBe(version === versions.length ? 'search-not-found' : 'version-expired');
      if (code === 'version-expired') expect(this.#model.isSurelyShown(label, version)).toBe(false);
      return code;
    }
    const codec = searchResponseCodec(this.#config, request);
    const search = verifySearch(this.#context(person), request, decode(codec, encode(codec, response)));
    this.#keepSearch(person, label, version, search);
    return 'version';
  }

  #monitor(person: Person, label: string): string {
    const contact = person.contacts.get(label);
    if (contact === undefined || contact.entries.length === 0) return 'nothing to monitor';
    const { entries, ladder } = contact;
    const last = person.view?.size;
    let response;
    try {
      response = answerContactMonitor(this.#log, { label, last, entries, ...this.#audited });
    } catch (error) {
      this.#expectExpired(
        error,
        entries.map(({ position }) => position),
      );
      person.contacts.delete(label);
      return 'expired';
    }
    const codec = contactMonitorResponseCodec(this.#config);
    const request = { last, label: labelBytes(label), entries };
    const result = verifyContactMonitor(this.#context(person), request, decode(codec, encode(codec, response)), ladder);
    this.#keepView(person, result.view, result.logRoot);
    const distinguished = this.#model.distinguished();
    for (const { position, version } of result.entries) {
      expect(distinguished).not.toContain(position);
      expect(this.#model.greatest(label, position)).toBeGreaterThanOrEqual(version);
    }
    // What was left of a distinguished entry has been settled by it.
    const rightmost = distinguished.at(-1) ?? -1;
    expect(result.entries.filter(({ position }) => position <= rightmost)).toEqual([]);
    person.contacts.set(label, { ladder, entries: result.entries });
    return 'monitored';
  }

  #walk(person: Person): string {
    const last = person.view?.size;
    const known = person.heads.at(-1);
    const stop = known === undefined || last === undefined || last <= known.position ? undefined : known.position;
    const codec = distinguishedResponseCodec(this.#config);
    const response = answerDistinguished(this.#log, { last, stop, ...this.#audited });
    const result = verifyDistinguished(this.#context(person), { last, stop }, decode(codec, encode(codec, response)));
    this.#keepView(person, result.view, result.logRoot);
    const expected = this.#model
      .distinguished()
      .filter((position) => !this.#model.isExpired(position) && position > (stop ?? -1))
      .slice(-RECENT_HEADS);
    expect(result.heads.map(({ position }) => position)).toEqual(expected);
    for (const { position, logRoot } of result.heads) expect(logRoot).toEqual(this.#log.logRoot(position + 1));
    person.heads = recentHeads(person.heads, result.heads);
    this.#settle(person);
    return 'heads';
  }

  #own(person: Person, label: string, choice: number): string {
    const starts = this.#model.distinguished().filter((position) => !this.#model.isExpired(position));
    const start = starts[choice % starts.length];
    if (start === undefined || person.owned.has(label)) return 'nothing to own';
    const last = person.view?.size;
    const codec = ownerInitResponseCodec(this.#config);
    const response = answerOwnerInit(this.#log, { label, last, start, ...this.#audited });
    const request = { last, label: labelBytes(label), start };
    const result = verifyOwnerInit(this.#context(person), request, decode(codec, encode(codec, response)));
    this.#keepView(person, result.view, result.logRoot);
    expect(result.owner.versionAtStart).toBe(this.#model.greatest(label, start));
    person.owned.set(label, result.owner);
    return 'owned';
  }

  #monitorOwned(person: Person, label: string): string {
    if (!person.owned.has(label)) return 'nothing owned';
    let updated = false;
    try {
      while (this.#update(person, label)) updated = true;
      while (!this.#monitorOnce(person, label));
    } catch (error) {
      const { start, entries, upcoming } = person.owned.get(label)!;
      this.#expectExpired(error, [start, ...[...entries, ...upcoming].map(({ position }) => position)]);
      person.owned.delete(label);
      return 'expired';
    }
    const state = person.owned.get(label)!;
    const rightmost = this.#model.distinguished().at(-1)!;
    expect(state.start).toBe(rightmost);
    expect(state.versionAtStart).toBe(this.#model.greatest(label, rightmost));
    expect(greatestKnown(state)).toBe(this.#model.greatest(label));
    return updated ? 'updated' : 'owner';
  }

  /** Learns of the versions of the next entry that made some; false where there is none. */
  #update(person: Person, label: string): boolean {
    const state = person.owned.get(label)!;
    const greatestVersion = greatestKnown(state);
    const next = this.#model.versions(label)[(greatestVersion ?? -1) + 1];
    if (next === undefined) return false;
    const last = person.view?.size;
    const codec = updateResponseCodec(this.#config);
    const response = answerOwnerUpdate(this.#log, { label, last, greatestVersion, ...this.#audited });
    const request = { last, label: labelBytes(label), greatestVersion, values: [] };
    const result = verifyOwnerUpdate(this.#context(person), request, decode(codec, encode(codec, response)), state);
    this.#keepView(person, result.view, result.logRoot);
    const made = this.#model.versions(label).flatMap(({ position, value }, version) => {
      return position === next.position && version > (greatestVersion ?? -1)
        ? [{ version, value: labelBytes(value) }]
        : [];
    });
    expect(result.position).toBe(next.position);
    expect(result.created.map(({ version, value }) => ({ version, value }))).toEqual(made);
    person.owned.set(label, result.owner);
    return true;
  }

  #monitorOnce(person: Person, label: string): boolean {
    const state = person.owned.get(label)!;
    const codec = ownerMonitorResponseCodec(this.#config);
    const response = answerOwnerMonitor(this.#log, label, ownerMonitorRequest(state, person.view?.size), this.#audited);
    const result = verifyOwnerMonitor(this.#context(person), decode(codec, encode(codec, response)), state);
    this.#keepView(person, result.view, result.logRoot);
    person.owned.set(label, result.owner);
    return result.complete;
  }

  #credential(person: Person, label: string, choice: number): string {
    const heads = person.heads.filter(({ position }) => !this.#model.isExpired(position));
    const greatest = this.#model.greatest(label);
    const head = heads[choice % heads.length];
    if (head === undefined || greatest === undefined) return 'no credential';
    const codec = credentialCodec(this.#config);
    const credential = decode(codec, encode(codec, makeCredential(this.#log, { label, position: head.position })));
    const { config, nowMs } = this.#context(person);
    const context = { config, heads: person.heads, nowMs, maximumAgeMs: 1e15 };
    let result;
    try {
      result = verifyCredential(context, credential);
    } catch (error) {
      // By the heads that this person knows, the log is younger than it is: an entry may have expired meanwhile.
      expect(isGlasskeyError(error) && error.code).toBe('credential-expired');
      return 'credential expired';
    }
    const { value, position } = this.#model.versions(label)[greatest]!;
    expect(result).toMatchObject({ label: labelBytes(label), version: greatest, value: labelBytes(value) });
    expect(result.unsettled === undefined).toBe(position <= head.position);
    if (result.unsettled !== undefined) person.unsettled.push({ label, held: result.unsettled });
    return 'credential';
  }

  /** Every credential that can be settled is. */
  #settle(person: Person): void {
    for (const { label, held } of person.unsettled.splice(0)) {
      const next = settleCredential(held, person.heads);
      if (next === 'final') continue;
      if (next === 'waiting') {
        person.unsettled.push({ label, held });
        continue;
      }
      let update;
      try {
        update = makeCredentialUpdate(this.#log, label, next);
      } catch (error) {
        this.#expectExpired(error, [held.terminalPosition, next.distinguished]);
        continue;
      }
      const codec = credentialUpdateCodec;
      const head = verifyCredentialUpdate(this.#config, held, person.heads, decode(codec, encode(codec, update)));
      expect(head.position).toBe(next.distinguished);
    }
  }

  /** A log may refuse to show what has expired, and nothing else. */
  #expectExpired(error: unknown, positions: readonly number[]): void {
    if (!isGlasskeyError(error, 'version-expired')) throw error;
    expect(positions.some((position) => this.#model.isExpired(position))).toBe(true);
  }
}
