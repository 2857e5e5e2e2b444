import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { SubtreeAnswer } from '../service/witness/sign-subtree.ts';
import type { WitnessAnswer } from '../service/witness/witness.ts';

/** The calls of a witness whose answers are counted. */
export type WitnessCall = 'add-checkpoint' | 'sign-subtree';

/** The metrics of a witness, in Prometheus's text format. */
export class WitnessMetrics {
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];
  readonly #answers = new Counter({
    name: 'glasskey_witness_answers_total',
    help: 'Answers to add-checkpoint',
    labelNames: ['status'],
    registers: this.#registers,
  });
  readonly #seconds = new Histogram({
    name: 'glasskey_witness_answer_seconds',
    help: 'Time to answer add-checkpoint',
    registers: this.#registers,
  });
  readonly #subtreeAnswers = new Counter({
    name: 'glasskey_witness_subtree_answers_total',
    help: 'Answers to sign-subtree',
    labelNames: ['status'],
    registers: this.#registers,
  });
  readonly #subtreeSeconds = new Histogram({
    name: 'glasskey_witness_subtree_answer_seconds',
    help: 'Time to answer sign-subtree',
    registers: this.#registers,
  });
  readonly #unrecorded = new Counter({
    name: 'glasskey_witness_unrecorded_total',
    help: "Checkpoints with this witness's signature that its record contradicts: another witness has its keys",
    labelNames: ['origin'],
    registers: this.#registers,
  });
  readonly #size = new Gauge({
    name: 'glasskey_witness_cosigned_size',
    help: 'Size of the newest cosigned checkpoint',
    labelNames: ['origin'],
    registers: this.#registers,
  });
  readonly #time = new Gauge({
    name: 'glasskey_witness_cosigned_timestamp_seconds',
    help: 'Time of the newest cosignature',
    labelNames: ['origin'],
    registers: this.#registers,
  });
  readonly #inconsistent = new Counter({
    name: 'glasskey_witness_inconsistent_total',
    help: 'Signed checkpoints inconsistent with what was cosigned: proof of misbehaviour, or of a broken log',
    labelNames: ['origin'],
    registers: this.#registers,
  });

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Counts an answer. There are few origins: those of the configured logs. */
  observe(answer: WitnessAnswer, seconds: number, nowMs: number): void {
    this.count('add-checkpoint', answer.status);
    this.#seconds.observe(seconds);
    if (answer.status === 200) {
      this.#size.set({ origin: answer.origin }, answer.size);
      this.#time.set({ origin: answer.origin }, nowMs / 1000);
    }
    if (answer.status === 422 && answer.origin !== undefined) this.#inconsistent.inc({ origin: answer.origin });
  }

  /** Counts an answer to `sign-subtree`. */
  observeSubtree(answer: SubtreeAnswer, seconds: number): void {
    this.count('sign-subtree', answer.status);
    this.#subtreeSeconds.observe(seconds);
    if (answer.status === 403 && answer.unrecorded !== undefined) this.#unrecorded.inc({ origin: answer.unrecorded });
  }

  /** Counts an answer that concerns no log. */
  count(call: WitnessCall, status: number): void {
    (call === 'sign-subtree' ? this.#subtreeAnswers : this.#answers).inc({ status });
  }

  /** Returns the text of `GET /metrics`. */
  async format(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Media type of {@link format}. */
  get contentType(): string {
    return this.#registry.contentType;
  }
}
