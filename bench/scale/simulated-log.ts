import type { Configuration } from '../../src/core/keytrans/configuration.ts';
import { rightmostDistinguished, runOnTimestamps } from '../../src/core/keytrans/distinguished.ts';
import type { EvidencePlan } from '../../src/core/keytrans/plan-evidence.ts';
import { planContactMonitor } from '../../src/core/keytrans/plan-contact-monitor.ts';
import { planOwnerMonitor } from '../../src/core/keytrans/plan-owner.ts';
import { planGreatestVersionSearch, type SearchPlan } from '../../src/core/keytrans/plan-proof.ts';
import { proofCost } from '../../src/service/prover/recent-heads.ts';
import { ASSUMPTIONS, DAYS_PER_YEAR, SECONDS_PER_DAY } from './assumptions.ts';

const START_MS = 1_800_000_000_000;

/** A log of that many labels after a year, or a part of it, of which there are timestamps only: enough for the planners of proofs. */
export class SimulatedLog {
  readonly labels: number;
  /** Changes per second, and log entries per second. */
  readonly changeRate: number;
  readonly entryRate: number;
  /** Log entries. */
  readonly size: number;
  readonly config: Configuration;

  constructor(labels: number, part = 1) {
    const { changesPerYear, years, batchIntervalMs, heartbeatMs, entrySize, windowMs } = ASSUMPTIONS;
    this.labels = labels;
    this.changeRate = (labels * changesPerYear) / (DAYS_PER_YEAR * SECONDS_PER_DAY);
    // The first change that comes starts an append; the others within the interval join it.
    const busy = this.changeRate / (1 + (this.changeRate * batchIntervalMs) / 1000);
    this.entryRate = Math.max(busy, this.changeRate / entrySize, 1000 / heartbeatMs);
    this.size = Math.floor(this.entryRate * SECONDS_PER_DAY * DAYS_PER_YEAR * years * part);
    this.config = {
      cipherSuite: 2,
      mode: 'contactMonitoring',
      signaturePublicKey: new Uint8Array(32),
      vrfPublicKey: new Uint8Array(32),
      maxAheadMs: 60_000,
      maxBehindMs: 600_000,
      reasonableMonitoringWindowMs: windowMs,
      maximumLifetimeMs: undefined,
    };
  }

  /** Leaves of the newest prefix tree: every version of every label. */
  get leaves(): number {
    return this.labels * (1 + ASSUMPTIONS.changesPerYear * ASSUMPTIONS.years);
  }
  /** Changes of an average log entry. */
  get changesPerEntry(): number {
    return this.changeRate / this.entryRate;
  }
  get entriesPerDay(): number {
    return this.entryRate * SECONDS_PER_DAY;
  }
  get changesPerDay(): number {
    return this.changeRate * SECONDS_PER_DAY;
  }

  readonly #source = {
    timestamp: (position: number): number => START_MS + Math.floor((position * 1000) / this.entryRate),
  };

  /** The entries of a label's versions: the first ones spread over the year, the last one `ageMs` old. */
  versionPositions(ageMs: number): readonly number[] {
    const earlier = ASSUMPTIONS.changesPerYear * ASSUMPTIONS.years;
    const spread = Array.from({ length: earlier }, (_, i) => Math.floor(((i + 0.3) * this.size) / (earlier + 1)));
    return [...spread, this.#before(ageMs)];
  }

  /** The greatest version, for somebody who last looked so long ago (undefined: never). */
  lookup(versionPositions: readonly number[], lastMs: number | undefined, size = this.size): SearchPlan {
    const last = lastMs === undefined ? undefined : this.#before(lastMs) + 1;
    return planned(
      planGreatestVersionSearch({ config: this.config, size, last, versionPositions, source: this.#source }),
    );
  }

  /** The size in which a lookup has the shortest proof, of those that were released recently enough. */
  cheapestSize(lastMs: number | undefined): number {
    const last = lastMs === undefined ? undefined : this.#before(lastMs) + 1;
    const costs = this.recentSizes().map((size) => ({ size, cost: proofCost(size, last) }));
    return costs.reduce((best, one) => (one.cost < best.cost ? one : best)).size;
  }

  /** Sizes that were released within half of `max_behind`, from the newest to the oldest. */
  recentSizes(): readonly number[] {
    const apart = Math.max(1, Math.round((this.entryRate * ASSUMPTIONS.checkpointIntervalMs) / 1000));
    const entries = Math.floor((this.entryRate * this.config.maxBehindMs) / 2000);
    return Array.from({ length: Math.floor(entries / apart) + 1 }, (_, i) => this.size - i * apart);
  }

  /** One round of an owner's monitoring, a window after the last one. */
  ownerMonitoring(versionPositions: readonly number[]): EvidencePlan {
    const { config, size } = this;
    const last = this.#before(ASSUMPTIONS.windowMs) + 1;
    const start = runOnTimestamps(rightmostDistinguished(last, ASSUMPTIONS.windowMs), this.#source.timestamp) ?? 0;
    const request = { last, start, entries: [], greatestVersion: versionPositions.length - 1 };
    return planned(planOwnerMonitor({ config, size, versionPositions, source: this.#source, request }));
  }

  /** A contact's round of monitoring, a window after it was shown a version that was then an hour old. */
  contactMonitoring(): EvidencePlan {
    const { config, size } = this;
    const shownAt = this.#before(ASSUMPTIONS.windowMs) + 1;
    const versionPositions = this.versionPositions(ASSUMPTIONS.windowMs + 3_600_000);
    const { terminalPosition } = this.lookup(versionPositions, undefined, shownAt);
    const entries = [{ position: terminalPosition ?? 0, version: versionPositions.length - 1 }];
    const options = { config, size, last: shownAt, entries, versionPositions, source: this.#source };
    return planned(planContactMonitor(options));
  }

  /** The last entry that is so old. */
  #before(ageMs: number): number {
    return Math.max(0, this.size - 1 - Math.round((ageMs / 1000) * this.entryRate));
  }
}

function planned<P>(plan: { readonly done: true; readonly plan: P } | { readonly done: false }): P {
  if (!plan.done) throw new Error('a timestamp is missing, though all are there');
  return plan.plan;
}
