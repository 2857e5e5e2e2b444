import { describe, expect } from 'vitest';
import { commit } from '../../src/core/crypto/commitment.ts';
import type { ContactMonitorResponse } from '../../src/core/keytrans/contact-monitor-messages.ts';
import type { Configuration } from '../../src/core/keytrans/configuration.ts';
import { compareRoots, type KnownHead, recentHeads } from '../../src/core/keytrans/known-head.ts';
import { mergeKnownVersions } from '../../src/core/keytrans/known-version.ts';
import type { LookupResponse, SearchResponse } from '../../src/core/keytrans/messages.ts';
import type { PlannedLookup } from '../../src/core/keytrans/plan-evidence.ts';
import type { CombinedTreeProof, PrefixLeaf, PrefixProof } from '../../src/core/keytrans/proofs.ts';
import { credentialLifetimeMs, verifyCredential } from '../../src/core/keytrans/verify-credential.ts';
import { verifyContactMonitor } from '../../src/core/keytrans/verify-contact-monitor.ts';
import { verifyDistinguished } from '../../src/core/keytrans/verify-distinguished.ts';
import { settleCredential, verifyCredentialUpdate } from '../../src/core/keytrans/settle-credential.ts';
import { verifyLookup } from '../../src/core/keytrans/verify-lookup.ts';
import { verifyOwnerInit } from '../../src/core/keytrans/verify-owner-init.ts';
import { type VerifiedSearch, verifySearch } from '../../src/core/keytrans/verify-search.ts';
import { naiveProof, naiveRoot } from '../core/prefix/naive-prefix-tree.ts';
import {
  labelBytes,
  realVrf,
  type ReferenceEntry,
  ReferenceLog,
  type ReferenceVersion,
  type ReferenceVrf,
  referenceConfiguration,
} from '../support/reference-log.ts';
import {
  answerContactMonitor,
  answerDistinguished,
  answerOwnerInit,
  answerVersion,
  makeCredential,
  makeCredentialUpdate,
} from '../support/reference-operations.ts';
import { answerLookup } from '../support/reference-prover.ts';
import { failure } from '../support/victims.ts';
import { attack } from './attack.ts';

/** A log whose operator puts a false version into the prefix tree of single entries; the trees after them are true again. */
class FalseLog extends ReferenceLog {
  readonly #false = new Map<number, readonly PrefixLeaf[]>();

  /** Falsifies the rightmost entry, before anybody has seen it. */
  falsify(version: number, commitment: Uint8Array): void {
    const position = this.size - 1;
    const { output: vrfOutput } = this.vrf('alice', version);
    const others = this.versions.get('alice')!.map((one, known) => {
      return { vrfOutput: this.vrf('alice', known).output, commitment: one.commitment };
    });
    const leaves = [...others.filter((_, known) => known !== version), { vrfOutput, commitment }];
    this.#false.set(position, leaves);
    this.prefixRoots[position] = naiveRoot(leaves);
  }

  override provePrefix(lookup: PlannedLookup, label: string): PrefixProof {
    const leaves = this.#false.get(lookup.position);
    if (leaves === undefined) return super.provePrefix(lookup, label);
    const keys = lookup.versions.map((version) => this.vrf(label, version).output);
    return naiveProof(leaves, keys);
  }
}

/** A version of alice that she did not make. */
function falseVersion(version: number, position: number): ReferenceVersion {
  const opening = new Uint8Array(16).fill(version);
  const update = { value: labelBytes(`false value ${version}`), signature: undefined };
  return { position, opening, update, commitment: commit({ opening, label: ALICE, version, update }) };
}

/** One window is 1000 ms; entries are 10 ms apart, so that only the root of the log and its left spine are distinguished. */
const CONFIG = referenceConfiguration(1000);
const SPACING_MS = 10;
const ALICE = labelBytes('alice');

type Change = (entry: ReferenceEntry, position: number) => ReferenceEntry;

/** A log of `size` entries in which alice has versions in entries 3, 5 and 20; `change` is what the operator does. */
function logOf(size: number, change: Change = (entry) => entry, config: Configuration = CONFIG, vrf = realVrf) {
  return new FalseLog(config, vrf, entriesOf(size, change));
}

function entriesOf(size: number, change: Change): ReferenceEntry[] {
  const versions = new Set([3, 5, 20]);
  return Array.from({ length: size }, (_, position) => {
    const labels = versions.has(position) ? ['alice'] : [];
    return change({ timestampMs: 5000 + SPACING_MS * position, labels }, position);
  });
}

function contextOf(log: ReferenceLog, last?: number) {
  const view = last === undefined ? undefined : log.view(last);
  return { config: log.config, view, nowMs: log.timestamps.at(-1)! };
}

/** Looks alice up as whoever was shown the first `last` entries; `change` is what the answer suffers. */
function lookUp(log: ReferenceLog, change = (answer: LookupResponse) => answer, last?: number) {
  const answer = change(answerLookup(log, { label: 'alice', last }));
  return verifyLookup(contextOf(log, last), { last, label: ALICE }, answer);
}

function found(log: ReferenceLog): VerifiedSearch {
  const result = lookUp(log);
  if (result.type !== 'found') throw new Error('not found');
  return result;
}

/** Changes the proof of an answer that shows a value. */
function inProof(change: (proof: CombinedTreeProof) => CombinedTreeProof) {
  return (answer: LookupResponse): LookupResponse => {
    if (answer.type !== 'found') throw new Error('not found');
    return { type: 'found', response: { ...answer.response, search: change(answer.response.search) } };
  };
}

/** The recent distinguished entries, as a client learns of them. */
function headsOf(log: ReferenceLog): readonly KnownHead[] {
  const request = { last: undefined, stop: undefined };
  return verifyDistinguished(contextOf(log), request, answerDistinguished(log, request)).heads;
}

/** Runs something on a log whose prover tells another history of alice. */
function pretending<T>(log: ReferenceLog, history: readonly ReferenceVersion[], run: () => T): T {
  const truth = log.versions.get('alice')!;
  log.versions.set('alice', [...history]);
  try {
    return run();
  } finally {
    log.versions.set('alice', truth);
  }
}

describe('a prover that leaves something out', () => {
  attack('ladder-step-omitted', () => {
    const log = logOf(24);
    const withoutLast = inProof((proof) => ({
      ...proof,
      prefixProofs: proof.prefixProofs.map(({ results, elements }) => ({ results: results.slice(0, -1), elements })),
    }));
    const withoutStep = (answer: LookupResponse): LookupResponse => {
      if (answer.type !== 'found') throw new Error('not found');
      const { response } = answer;
      return { type: 'found', response: { ...response, binaryLadder: response.binaryLadder.slice(0, -1) } };
    };
    return Promise.all([withoutLast, withoutStep].map((change) => failure(() => lookUp(log, change))));
  });

  attack('entry-omitted', () => {
    const log = logOf(24);
    return failure(() =>
      lookUp(
        log,
        inProof((proof) => ({ ...proof, prefixProofs: proof.prefixProofs.slice(1) })),
      ),
    );
  });

  attack('newest-version-omitted', () => {
    // The prover pretends not to know of version 2: its proofs are of the true trees, which hold it.
    const log = logOf(24);
    const positions = log.versionPositions('alice').slice(0, -1);
    return failure(() => {
      const answer = answerLookup(log, { label: 'alice', last: undefined, versionPositions: positions });
      return verifyLookup(contextOf(log), { last: undefined, label: ALICE }, answer);
    });
  });

  attack('version-skipped', () => {
    // Version 2 is in the tree, version 1 never was.
    const log = logOf(24, (entry, position) =>
      position === 5 ? { ...entry, removed: [{ label: 'alice', version: 1 }] } : entry,
    );
    return failure(() => lookUp(log));
  });

  attack('pruned-too-early', () => {
    // The log promises to keep versions for 200 ms, and its operator keeps them for 50.
    const promised = { ...CONFIG, reasonableMonitoringWindowMs: 20, maximumLifetimeMs: 200 };
    const kept = new ReferenceLog(
      { ...promised, maximumLifetimeMs: 50 },
      realVrf,
      entriesOf(24, (entry) => entry),
    );
    const truth = new ReferenceLog(
      promised,
      realVrf,
      entriesOf(24, (entry) => entry),
    );
    return failure(() => {
      const request = { label: 'alice', last: undefined, version: 2 };
      const { search } = answerVersion(kept, request);
      const answer: SearchResponse = { ...answerVersion(truth, request), search };
      return verifySearch(contextOf(truth), { last: undefined, label: ALICE, version: 2 }, answer);
    });
  });
});

describe('a log whose entries are false', () => {
  attack('timestamps-reordered', () => {
    const swapped = logOf(24, (entry, position) => ({
      ...entry,
      timestampMs: position === 15 ? 5000 + SPACING_MS * 23 : entry.timestampMs - (position > 15 ? SPACING_MS * 10 : 0),
    }));
    return failure(() => lookUp(swapped));
  });

  attack('timestamps-forged', () => {
    const log = logOf(24);
    return failure(() =>
      lookUp(
        log,
        inProof((proof) => ({ ...proof, timestamps: proof.timestamps.map((timestampMs) => timestampMs + 1) })),
      ),
    );
  });

  attack('vrf-of-its-own', () => {
    // The operator keeps a second search key for alice, under which it has another history.
    const second: ReferenceVrf = (label, version) =>
      realVrf(label === 'alice' ? `${label} as shown to bob` : label, version);
    return failure(() => lookUp(logOf(24, (entry) => entry, CONFIG, second)));
  });

  attack('version-in-one-entry', () => {
    // A contact is shown version 3 in the newest entry; the tree of the next one is without it again.
    const log = logOf(24);
    const rogue = falseVersion(3, 24);
    log.append({ timestampMs: log.timestamps.at(-1)! + SPACING_MS, labels: [] });
    log.falsify(3, rogue.commitment);
    const history = [...log.versions.get('alice')!, rogue];
    const search = pretending(log, history, () => found(log));
    expect(search).toMatchObject({ version: 3, mustMonitor: true });
    for (let i = 0; i < 15; i++) log.append({ timestampMs: log.timestamps.at(-1)! + SPACING_MS, labels: [] });
    const request = { last: search.view.size, label: ALICE, entries: [search.monitor!] };
    const context = { ...contextOf(log), view: search.view };
    return failure(() => {
      const told = { label: 'alice', last: request.last, entries: request.entries };
      const answer: ContactMonitorResponse = pretending(log, history, () => answerContactMonitor(log, told));
      return verifyContactMonitor(context, request, answer, search.ladder);
    });
  });

  attack('commitment-replaced', () => {
    // Version 2 is replaced in entry 31, which alone is inspected in a log of 32.
    const log = logOf(24);
    const before = found(log);
    while (log.size < 32) log.append({ timestampMs: log.timestamps.at(-1)! + SPACING_MS, labels: [] });
    const rogue = falseVersion(2, 20);
    log.falsify(2, rogue.commitment);
    const history = [...log.versions.get('alice')!.slice(0, 2), rogue];
    const after = pretending(log, history, () => found(log));
    return failure(() => mergeKnownVersions(before.ladder, after.ladder));
  });
});

describe('a log that is two logs', () => {
  const fork: Change = (entry, position) => (position === 9 ? { ...entry, labels: ['mallory'] } : entry);

  attack('fork-per-user', () => {
    const [alice, bob] = [headsOf(logOf(24)), headsOf(logOf(24, fork))];
    const newest = (heads: readonly KnownHead[]) => heads.slice(-1).map(({ logRoot }) => logRoot);
    return Promise.all([
      failure(() => compareRoots(newest(alice), newest(bob))),
      failure(() => recentHeads(alice, bob)),
    ]);
  });

  attack('fork-after-view', () => {
    const [seen, other] = [logOf(24), logOf(32, fork)];
    const context = { ...contextOf(other), view: seen.view(24) };
    const answer = answerLookup(other, { label: 'alice', last: 24 });
    return failure(() => verifyLookup(context, { last: 24, label: ALICE }, answer));
  });

  attack('false-distinguished-entry', () => {
    // A log that answers as if its window were shorter: more of its entries would be distinguished.
    const log = logOf(24);
    const other = logOf(24, (entry) => entry, { ...CONFIG, reasonableMonitoringWindowMs: 20 });
    const request = { last: undefined, stop: undefined };
    const init = { last: undefined, label: ALICE, start: 22 };
    return Promise.all([
      failure(() => verifyDistinguished(contextOf(log), request, answerDistinguished(other, request))),
      failure(() => verifyOwnerInit(contextOf(log), init, answerOwnerInit(other, { ...init, label: 'alice' }))),
    ]);
  });
});

describe('a credential', () => {
  const verify = (log: ReferenceLog, credential: Parameters<typeof verifyCredential>[1], nowMs?: number) => {
    const heads = headsOf(log);
    return verifyCredential({ config: log.config, heads, nowMs: nowMs ?? log.timestamps.at(-1)! }, credential);
  };

  attack('credential-of-an-old-version', () => {
    // Version 0 is the greatest in entry 15 of a log that lacks version 1, and the receiver's log has it in entry 5.
    const log = logOf(24);
    const older = logOf(18, (entry, position) => (position === 5 ? { ...entry, labels: [] } : entry));
    const position = 15;
    const credential = makeCredential(older, { label: 'alice', position });
    if (credential.type !== 'standard') throw new Error('not standard');
    const distinguished = log.provePrefix({ position, versions: [0, 1] }, 'alice');
    return Promise.all([
      failure(() => verify(log, credential)),
      failure(() => verify(log, { ...credential, distinguished })),
    ]);
  });

  attack('credential-by-an-unknown-entry', () => {
    const log = logOf(24);
    const credential = makeCredential(log, { label: 'alice', position: 15 });
    return failure(() => verify(log, { ...credential, position: 14 }));
  });

  attack('credential-expired', () => {
    const log = logOf(24);
    const credential = makeCredential(log, { label: 'alice', position: 15 });
    const at = log.timestamps[15]!;
    verify(log, credential, at + credentialLifetimeMs(CONFIG));
    return failure(() => verify(log, credential, at + credentialLifetimeMs(CONFIG) + 1));
  });

  attack('credential-of-a-longer-fork', () => {
    // The branch has more entries than the log will ever have, and all of them are older than what the log shows next.
    const branch = logOf(40, (entry, position) =>
      position < 16 ? entry : { timestampMs: logOf(16).timestamps[15]! + position, labels: ['mallory'] },
    );
    branch.append({ timestampMs: branch.timestamps.at(-1)! + 1, labels: ['alice'] });
    const credential = makeCredential(branch, { label: 'alice', position: 15 });
    const known = headsOf(logOf(16));
    const held = verifyCredential(
      { config: CONFIG, heads: known, nowMs: branch.timestamps.at(-1)!, maximumAgeMs: 1e15 },
      credential,
    ).unsettled!;
    return failure(() => settleCredential(held, headsOf(logOf(32))));
  });

  attack('credential-of-a-fork', () => {
    // Provisional: version 2 is in a branch that begins after entry 15, and that only the receiver is shown.
    const forked = logOf(24, (entry, position) => (position === 18 ? { ...entry, labels: ['mallory'] } : entry));
    const honest = logOf(64);
    const credential = makeCredential(forked, { label: 'alice', position: 15 });
    const held = verify(forked, credential).unsettled!;
    const heads = headsOf(honest);
    const { position: distinguished } = heads.find(({ position }) => position >= 24)!;
    const branch = logOf(64, (entry, position) => (position === 18 ? { ...entry, labels: ['mallory'] } : entry));
    const { version, terminalPosition: terminal, view } = held;
    const update = makeCredentialUpdate(branch, 'alice', { version, treeSize: view.size, terminal, distinguished });
    return failure(() => verifyCredentialUpdate(CONFIG, held, heads, update));
  });
});
