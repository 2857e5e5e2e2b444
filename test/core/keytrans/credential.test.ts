import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import type { Configuration } from '../../../src/core/keytrans/configuration.ts';
import {
  type Credential,
  credentialCodec,
  credentialRequestCodec,
  type CredentialUpdate,
  credentialUpdateCodec,
  credentialUpdateRequestCodec,
  type ProvisionalCredential,
  type StandardCredential,
} from '../../../src/core/keytrans/credential.ts';
import type { KnownHead } from '../../../src/core/keytrans/known-head.ts';
import {
  settleCredential,
  type UnsettledCredential,
  unsettledCredentialCodec,
  verifyCredentialUpdate,
} from '../../../src/core/keytrans/settle-credential.ts';
import { credentialLifetimeMs, verifyCredential } from '../../../src/core/keytrans/verify-credential.ts';
import { verifyDistinguished } from '../../../src/core/keytrans/verify-distinguished.ts';
import { expectCodecLaws } from '../encoding/codec-laws.ts';
import * as arbitrary from './message-arbitraries.ts';
import { LABELS, WINDOW_MS } from '../../support/histories.ts';
import { denseHistories, runs } from '../../support/random-histories.ts';
import {
  labelBytes,
  realVrf,
  type ReferenceEntry,
  ReferenceLog,
  referenceConfiguration,
} from '../../support/reference-log.ts';
import { answerDistinguished, makeCredential, makeCredentialUpdate } from '../../support/reference-operations.ts';
import { planLookup } from '../../support/reference-prover.ts';

const CONFIG = referenceConfiguration(WINDOW_MS);
const refused = (code: string) => expect.objectContaining({ name: 'GlasskeyError', code });
const BY_ANYONE = expect.objectContaining({ name: 'GlasskeyError', fault: 'verification' });

/** The recent distinguished entries, as a client learns of them. */
function headsOf(log: ReferenceLog): readonly KnownHead[] {
  const request = { last: undefined, stop: undefined };
  const context = { config: log.config, view: undefined, nowMs: log.timestamps.at(-1)! };
  return verifyDistinguished(context, request, answerDistinguished(log, request)).heads;
}

function verify(log: ReferenceLog, credential: Credential, heads = headsOf(log), nowMs = log.timestamps.at(-1)!) {
  return verifyCredential({ config: log.config, heads, nowMs, maximumAgeMs: 1e15 }, credential);
}

/** Looks like a receiver's life: initial verification, and then whatever settles the credential. */
function settle(log: ReferenceLog, label: string, unsettled: UnsettledCredential): 'waiting' | 'final' | KnownHead {
  const heads = headsOf(log);
  const next = settleCredential(unsettled, heads);
  if (typeof next === 'string') return next;
  const update = makeCredentialUpdate(log, label, next);
  const codec = credentialUpdateCodec;
  return verifyCredentialUpdate(log.config, unsettled, heads, decode(codec, encode(codec, update)));
}

/**
 * The root (31) is distinguished for everybody. Alice has versions in entries 20 and 34 to 36; 40 entries in all, and 64
 * when there is a distinguished entry above 36.
 */
function crowded(
  size: number,
  change: (entry: ReferenceEntry, position: number) => ReferenceEntry = (entry) => entry,
  config: Configuration = CONFIG,
) {
  const positions = new Set([20, 34, 35, 36]);
  const entries = Array.from({ length: size }, (_, position) =>
    change({ timestampMs: 5000 + position, labels: positions.has(position) ? ['alice'] : ['bob'] }, position),
  );
  return new ReferenceLog(config, realVrf, entries);
}

function provisional(log: ReferenceLog): ProvisionalCredential {
  const credential = makeCredential(log, { label: 'alice', position: 31 });
  if (credential.type !== 'provisional') throw new Error('not provisional');
  return credential;
}

describe('credentials', () => {
  it('convince whoever knows the distinguished entry, and are settled when the next one comes', () => {
    const seen = { standard: 0, provisional: 0, final: 0, updated: 0 };
    fc.assert(
      fc.property(denseHistories(40), fc.nat(), (history, choice) => {
        const half = 1 + (choice % history.length);
        const log = new ReferenceLog(CONFIG, realVrf, history.slice(0, half));
        const heads = headsOf(log);
        const label = LABELS[choice % 3]!;
        const versions = log.versions.get(label);
        if (versions === undefined) return;
        const unsettled: UnsettledCredential[] = [];
        for (const { position } of heads) {
          const codec = credentialCodec(CONFIG);
          const credential = decode(codec, encode(codec, makeCredential(log, { label, position })));
          const result = verify(log, credential, heads);
          const version = versions.length - 1;
          const { update, commitment } = versions[version]!;
          expect(result).toMatchObject({ label: labelBytes(label), version, value: update.value, commitment });
          expect(result.labelKey).toEqual(realVrf(label, 0).output);
          expect(credential.type).toBe(versions[version]!.position <= position ? 'standard' : 'provisional');
          seen[credential.type]++;
          if (result.unsettled === undefined) continue;
          expect(result.asOfMs).toBe(log.timestamps.at(-1));
          const stored = decode(unsettledCredentialCodec, encode(unsettledCredentialCodec, result.unsettled));
          expect(stored).toEqual(result.unsettled);
          unsettled.push(stored);
        }
        for (const entry of history.slice(half)) {
          log.append(entry);
          for (const held of unsettled.splice(0)) {
            const outcome = settle(log, label, held);
            if (outcome === 'waiting') unsettled.push(held);
            else seen[outcome === 'final' ? 'final' : 'updated']++;
          }
        }
      }),
      runs(60),
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(10);
  });

  it('settle later too, by any distinguished entry that the client still knows', () => {
    const held = verify(crowded(40), provisional(crowded(40))).unsettled!;
    expect(held.terminalPosition).toBe(39);
    const entries = Array.from({ length: 24 }, (_, i) => ({ timestampMs: 9000 + 1500 * i, labels: [] }));
    const log = crowded(40);
    for (const entry of entries) log.append(entry);
    for (const head of headsOf(log)) {
      const next = settleCredential(held, [head]);
      if (typeof next === 'string') throw new Error(next);
      expect(verifyCredentialUpdate(CONFIG, held, [head], makeCredentialUpdate(log, 'alice', next))).toBe(head);
    }
  });

  it('wait where the next distinguished entry is not known', () => {
    const log = crowded(40);
    const held = verify(log, provisional(log)).unsettled!;
    expect(settleCredential(held, headsOf(log))).toBe('waiting');
    expect(settleCredential(held, [])).toBe('waiting');
    const later = crowded(64);
    const next = settleCredential(held, headsOf(later));
    expect(next).toMatchObject({ version: 3, treeSize: 40, terminal: 39, distinguished: 63 });
    if (typeof next === 'string') throw new Error(next);
    const update = makeCredentialUpdate(later, 'alice', next);
    expect(() => verifyCredentialUpdate(CONFIG, held, headsOf(log), update)).toThrow(refused('unknown-head'));
    expect(verifyCredentialUpdate(CONFIG, held, headsOf(later), update).position).toBe(63);
  });

  it('wait for an entry that is the terminal one, or right of all that the credential shows', () => {
    const log = crowded(40);
    const whole = verify(log, provisional(log)).unsettled!;
    const held = { ...whole, terminalPosition: 36 };
    const headAt = (position: number): KnownHead => ({ ...headsOf(log)[0]!, position });
    const by = (...positions: number[]) => settleCredential(held, positions.map(headAt));
    expect(by(35)).toBe('waiting');
    expect(by(35, 37, 39)).toBe('waiting');
    expect(by(35, 37, 39, 40)).toMatchObject({ distinguished: 40, terminal: 36, treeSize: 40 });
    expect(by(39, 41)).toMatchObject({ distinguished: 41 });
    expect(() => by(36, 40)).toThrow(refused('log-forked'));
    const terminal = { ...headAt(36), prefixRoot: held.prefixRoot };
    expect(settleCredential(held, [terminal])).toBe('final');
    const later = crowded(64);
    const update = makeCredentialUpdate(later, 'alice', { version: 3, treeSize: 40, terminal: 39, distinguished: 63 });
    expect(() => verifyCredentialUpdate(CONFIG, held, [terminal], update)).toThrow(refused('usage'));
    const fork = headsOf(later).map((head) => Object.assign(head, { logRoot: new Uint8Array(32) }));
    expect(() => verifyCredentialUpdate(CONFIG, whole, fork, update)).toThrow(refused('log-forked'));
  });

  it('are the same in the modes of third parties, without climbing', () => {
    const audited = referenceConfiguration(WINDOW_MS, { maxAuditorLagMs: 1e6, auditorStartPosition: 0 });
    const entries = Array.from({ length: 64 }, (_, i) => ({
      timestampMs: 5000 + i,
      labels: i === 36 ? ['alice'] : [],
    }));
    const log = new ReferenceLog(audited, realVrf, entries.slice(0, 40));
    const heads = (of: ReferenceLog) => {
      const request = { last: undefined, stop: undefined };
      const context = { config: audited, view: undefined, nowMs: of.timestamps.at(-1)! };
      return verifyDistinguished(context, request, answerDistinguished(of, { ...request, auditedSize: of.size })).heads;
    };
    const held = verify(log, makeCredential(log, { label: 'alice', position: 31 }), heads(log)).unsettled!;
    const later = new ReferenceLog(audited, realVrf, entries);
    const next = settleCredential(held, heads(later));
    if (typeof next === 'string') throw new Error(next);
    const update = makeCredentialUpdate(later, 'alice', next);
    expect(update.monitor.prefixProofs).toEqual([]);
    expect(verifyCredentialUpdate(audited, held, heads(later), update).position).toBe(63);
  });
});

describe('credentials are refused', () => {
  const log = crowded(40);
  const heads = headsOf(log);

  it('with any byte changed', () => {
    const codec = credentialCodec(CONFIG);
    for (const credential of [makeCredential(log, { label: 'bob', position: 31 }), provisional(log), standard()]) {
      const encoded = encode(codec, credential);
      for (let i = 0; i < encoded.length; i += 61) {
        const changed = encoded.slice();
        changed[i]! ^= 1 << (i % 8);
        let error: unknown;
        try {
          verify(log, decode(codec, changed), heads);
        } catch (caught) {
          error = caught;
        }
        expect(isGlasskeyError(error), `byte ${i}`).toBe(true);
      }
    }
  });

  /** A credential of somebody whose only version is in entry 20. */
  function standard(): StandardCredential {
    const credential = makeCredential(crowded(33), { label: 'alice', position: 31 });
    if (credential.type !== 'standard') throw new Error('not standard');
    return credential;
  }

  it('by another distinguished entry than theirs, and by one that is unknown', () => {
    const credential = standard();
    expect(credential.type).toBe('standard');
    expect(verify(log, credential, heads)).toMatchObject({ version: 0, unsettled: undefined });
    const others = heads.filter(({ position }) => position !== 31);
    expect(() => verify(log, credential, others)).toThrow(refused('unknown-head'));
    expect(() => verify(log, credential, [])).toThrow(refused('unknown-head'));
    const moved = { ...credential, position: 15 };
    expect(() => verify(log, moved, heads)).toThrow(BY_ANYONE);
    const fork = crowded(40, (entry, position) => (position === 3 ? { ...entry, labels: ['mallory'] } : entry));
    expect(() => verify(log, credential, headsOf(fork))).toThrow(BY_ANYONE);
    expect(() => verify(log, provisional(log), headsOf(fork))).toThrow(BY_ANYONE);
  });

  it('for a version that the distinguished entry contains but that is not the greatest in it', () => {
    const credential = standard();
    // The same entry 31 with a newer version in it: an operator who shows Bob an old key.
    const newer = crowded(40, (entry, position) => (position === 25 ? { ...entry, labels: ['alice'] } : entry));
    expect(() => verify(newer, credential)).toThrow(BY_ANYONE);
    const lie = { ...credential, distinguished: newer.provePrefix({ position: 31, versions: [0, 1] }, 'alice') };
    expect(() => verify(newer, lie)).toThrow(refused('bad-ladder'));
  });

  it('if provisional where a standard one could be made', () => {
    const credential = provisional(crowded(40));
    const early = crowded(33);
    const search = makeCredential(early, { label: 'alice', position: 15 });
    if (search.type !== 'provisional') throw new Error('not provisional');
    // Honest by entry 15, whose successor 20 has the version.
    expect(verify(early, search).unsettled?.terminalPosition).toBeGreaterThan(15);
    // By entry 31 the search starts at 31, which contains the version.
    expect(() => verify(early, { ...search, position: 31 })).toThrow(BY_ANYONE);
    expect(() => verify(log, { ...credential, treeHead: log.treeHead(32) }, heads)).toThrow(BY_ANYONE);
    const small = { ...credential, treeHead: { treeSize: 31, signature: credential.treeHead.signature } };
    expect(() => verify(log, small, heads)).toThrow(refused('bad-tree-head'));
    const huge = { ...credential, treeHead: { ...credential.treeHead, treeSize: 2 ** 53 - 1 } };
    expect(() => verify(log, huge, heads)).toThrow(BY_ANYONE);
    // Everything in it is true, but entry 31 has the version already.
    const needless = early.prove(planLookup(early, { label: 'alice', last: 32 }), 'alice');
    const { distinguished: _, ...common } = standard();
    const late = { ...common, type: 'provisional' as const, treeHead: early.treeHead(), search: needless };
    expect(() => verify(early, late)).toThrow(refused('bad-ladder'));
  });

  it('with fewer lookups than the ladder has', () => {
    const credential = standard();
    const { results } = credential.distinguished;
    const short = { ...credential, distinguished: { ...credential.distinguished, results: results.slice(0, -1) } };
    expect(() => verify(log, short, heads)).toThrow(refused('bad-ladder'));
  });

  it('if provisional by a log that is ahead of the clock', () => {
    const at = log.timestamps.at(-1)! - CONFIG.maxAheadMs;
    expect(verify(log, provisional(log), heads, at).version).toBe(3);
    expect(() => verify(log, provisional(log), heads, at - 1)).toThrow(refused('tree-head-too-new'));
  });

  it('when their distinguished entry is not recent', () => {
    const credential = standard();
    const context = { config: CONFIG, heads };
    const at = heads.find(({ position }) => position === 31)!.timestampMs;
    const lifetime = credentialLifetimeMs(CONFIG);
    expect(lifetime).toBe(10 * WINDOW_MS + CONFIG.maxBehindMs);
    verifyCredential({ ...context, nowMs: at + lifetime }, credential);
    const late = { ...context, nowMs: at + lifetime + 1 };
    expect(() => verifyCredential(late, credential)).toThrow(refused('credential-expired'));
    verifyCredential({ ...late, maximumAgeMs: lifetime + 1 }, credential);
    verifyCredential({ ...context, nowMs: at - CONFIG.maxAheadMs }, credential);
    const early = { ...context, nowMs: at - CONFIG.maxAheadMs - 1 };
    expect(() => verifyCredential(early, credential)).toThrow(refused('tree-head-too-new'));
    // Ten later entries are known: the older ones have fallen out.
    const many = Array.from({ length: 10 }, (_, i) => ({ ...heads.at(-1)!, position: 40 + i }));
    expect(() => verify(log, credential, many)).toThrow(refused('credential-expired'));
    expect(() => verify(log, credential, many.slice(1))).toThrow(refused('unknown-head'));
  });

  it('when the log entry is past the maximum lifetime', () => {
    const config = { ...CONFIG, maximumLifetimeMs: 3000 };
    expect(credentialLifetimeMs(config)).toBe(3000);
    const log1 = crowded(33, (entry) => entry, config);
    const credential = makeCredential(log1, { label: 'alice', position: 31 });
    const known = headsOf(log1);
    expect(verify(log1, credential, known).version).toBe(0);
    const later = { ...known.at(-1)!, position: 40, timestampMs: 9000 };
    expect(() => verify(log1, credential, [...known, later])).toThrow(refused('credential-expired'));
    log1.append({ timestampMs: 9000, labels: [] });
    expect(() => makeCredential(log1, { label: 'alice', position: 31 })).toThrow(refused('version-expired'));
  });

  it('in the end, if they were of another log or the version was taken back', () => {
    // A fork for one reader: a false key for alice in entry 37, and nothing of it in the log that others see.
    const fork = crowded(40, (entry, position) => (position === 37 ? { ...entry, labels: ['alice'] } : entry));
    const held = verify(log, provisional(fork), heads).unsettled!;
    expect(held.version).toBe(4);
    const truth = crowded(64);
    const next = settleCredential(held, headsOf(truth));
    if (typeof next === 'string') throw new Error(next);
    const update = makeCredentialUpdate(truth, 'alice', { ...next, version: 3 });
    expect(() => verifyCredentialUpdate(CONFIG, held, headsOf(truth), update)).toThrow(BY_ANYONE);
    // The same log, from which the version is gone before the next distinguished entry.
    const taken = crowded(64, (entry, position) => {
      if (position === 37) return { ...entry, labels: ['alice'] };
      return position === 45 ? { ...entry, removed: [{ label: 'alice', version: 4 }] } : entry;
    });
    const later = headsOf(taken);
    const lost = settleCredential(held, later);
    if (typeof lost === 'string') throw new Error(lost);
    const shown: CredentialUpdate = makeCredentialUpdate(taken, 'alice', lost);
    expect(() => verifyCredentialUpdate(CONFIG, held, later, shown)).toThrow(refused('version-rolled-back'));
  });

  it('as soon as any known entry contradicts the log that they show, also if that log is longer', () => {
    // The fork has 40 entries by 5039 ms. The log that everybody else sees stays smaller for ever.
    const fork = crowded(40, (entry, position) => (position === 37 ? { ...entry, labels: ['alice'] } : entry));
    const credential = provisional(fork);
    const held = verify(log, credential, heads).unsettled!;
    expect(settleCredential(held, heads)).toBe('waiting');
    const known = (position: number, timestampMs: number) => ({
      position,
      timestampMs,
      prefixRoot: new Uint8Array(32),
    });
    const last = held.view.frontier.at(-1)!;
    expect(last).toMatchObject({ position: 39, timestampMs: 5039 });
    const contradicts = (position: number, timestampMs: number) => () =>
      settleCredential(held, heads, [known(position, timestampMs)]);
    // Further left and not later, or further right and not earlier, is possible.
    expect(contradicts(38, 5039)()).toBe('waiting');
    expect(contradicts(32, 5033)()).toBe('waiting');
    expect(contradicts(40, 5039)()).toBe('waiting');
    expect(contradicts(38, 5040)).toThrow(refused('log-forked'));
    expect(contradicts(40, 5038)).toThrow(refused('log-forked'));
    expect(contradicts(39, 5039)).toThrow(refused('log-forked'));
    expect(settleCredential(held, heads, [last])).toBe('waiting');
    // A distinguished entry left of the fork's end, of a later time: at the initial verification, too.
    const real = crowded(36, (entry, position) => (position === 35 ? { ...entry, timestampMs: 6200 } : entry));
    const later = headsOf(real);
    expect(later.at(-1)).toMatchObject({ position: 35, timestampMs: 6200 });
    expect(() => settleCredential(held, later)).toThrow(refused('log-forked'));
    expect(() => verify(real, credential, later)).toThrow(refused('log-forked'));
    const context = { config: CONFIG, heads, nowMs: 5039, maximumAgeMs: 1e15 };
    expect(() => verifyCredential({ ...context, known: [known(38, 5040)] }, credential)).toThrow(refused('log-forked'));
  });

  it('in the end, if their terminal entry became distinguished in another log', () => {
    const terminal = headsOf(crowded(64)).find(({ position }) => position === 63)!;
    const whole = crowded(64);
    const held = verify(whole, makeCredential(whole, { label: 'alice', position: 31 })).unsettled!;
    expect(held.terminalPosition).toBe(63);
    expect(settleCredential(held, [terminal])).toBe('final');
    const fork = { ...terminal, prefixRoot: new Uint8Array(32) };
    expect(() => settleCredential(held, [fork])).toThrow(refused('log-forked'));
  });

  it('whose update has any byte changed', () => {
    const held = verify(log, provisional(log), heads).unsettled!;
    const truth = crowded(80);
    const later = headsOf(truth);
    const next = settleCredential(held, later);
    if (typeof next === 'string') throw new Error(next);
    const encoded = encode(credentialUpdateCodec, makeCredentialUpdate(truth, 'alice', next));
    for (let i = 0; i < encoded.length; i++) {
      const changed = encoded.slice();
      changed[i]! ^= 1 << (i % 8);
      let error: unknown;
      try {
        verifyCredentialUpdate(CONFIG, held, later, decode(credentialUpdateCodec, changed));
      } catch (caught) {
        error = caught;
      }
      expect(isGlasskeyError(error), `byte ${i}`).toBe(true);
    }
  });
});

describe('credentials are not made', () => {
  const log = crowded(64);

  it('by entries that are not distinguished, or for nobody', () => {
    const make = (label: string, position: number) => () => makeCredential(log, { label, position });
    expect(make('alice', 62)).toThrow(refused('invalid-request'));
    expect(make('alice', 64)).toThrow(refused('invalid-request'));
    expect(make('alice', 2 ** 53 - 1)).toThrow(refused('invalid-request'));
    expect(make('nobody', 31)).toThrow(refused('search-not-found'));
  });

  it('and neither are updates that lead from nowhere', () => {
    const request = { version: 3, treeSize: 40, terminal: 39, distinguished: 63 };
    makeCredentialUpdate(log, 'alice', request);
    const made = (change: Partial<typeof request>) => () =>
      makeCredentialUpdate(log, 'alice', { ...request, ...change });
    expect(made({ version: 4 })).toThrow(refused('invalid-request'));
    expect(made({ terminal: 35 })).toThrow(refused('invalid-request'));
    expect(made({ terminal: 40 })).toThrow(refused('invalid-request'));
    expect(made({ treeSize: 64 })).toThrow(refused('invalid-request'));
    expect(made({ distinguished: 64 })).toThrow(refused('invalid-request'));
    expect(made({ distinguished: 47 })).toThrow(refused('invalid-request'));
    expect(made({ distinguished: 38 })).toThrow(refused('invalid-request'));
  });
});

describe('the codecs of credentials keep the laws', () => {
  const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const hash = fc.option(fixed(32), { nil: undefined });
  const common = {
    label: arbitrary.labels,
    version: arbitrary.versions,
    opening: fixed(16),
    value: arbitrary.updateValues('contactMonitoring'),
    binaryLadder: fc.array(fc.record({ proof: fixed(80), commitment: hash }), { maxLength: 4 }),
    position: arbitrary.positions,
  };
  it('Credential', () => {
    const standard = fc.record({
      ...common,
      type: fc.constant('standard' as const),
      distinguished: arbitrary.prefixProofs,
    });
    const provisionals = fc.record({
      ...common,
      type: fc.constant('provisional' as const),
      treeHead: arbitrary.treeHeads,
      search: arbitrary.combinedTreeProofs,
    });
    expectCodecLaws(credentialCodec(CONFIG), fc.oneof(standard, provisionals), 40);
  });
  it('CredentialUpdate and the requests', () => {
    expectCodecLaws(credentialUpdateCodec, fc.record({ monitor: arbitrary.combinedTreeProofs }), 40);
    expectCodecLaws(credentialRequestCodec, fc.record({ label: arbitrary.labels, position: arbitrary.positions }));
    const { positions } = arbitrary;
    const request = { treeSize: positions, terminal: positions, distinguished: positions };
    expectCodecLaws(
      credentialUpdateRequestCodec,
      fc.record({ label: arbitrary.labels, version: arbitrary.versions, ...request }),
    );
  });
});
