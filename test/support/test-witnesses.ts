import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hono } from 'hono';
import type { NoteCosigner } from '../../src/core/audit/cosignature.ts';
import { parsePolicy } from '../../src/core/audit/policy.ts';
import type { Policy } from '../../src/core/audit/policy-parts.ts';
import { formatVkey, type Vkey } from '../../src/core/audit/vkey.ts';
import { createWitnessApp } from '../../src/http/witness-routes.ts';
import { WitnessMetrics } from '../../src/http/witness-metrics.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import { Witness } from '../../src/service/witness/witness.ts';
import { testCosigner, testMlDsaCosigner } from '../core/audit/test-cosigner.ts';

/** What stands between a log and a witness: gives an answer of its own, or undefined to let the witness answer. */
export type Interference = (body: string, ask: () => Promise<Response>) => Promise<Response> | undefined;

interface Member {
  readonly cosigners: readonly NoteCosigner[];
  readonly folder: string;
  app: Hono | undefined;
  isDown: boolean;
  interference: Interference | undefined;
  /** What is shown to monitors instead of what it has cosigned. */
  shown: ((path: string) => Response) | undefined;
  /** Bodies of the requests that reached it. */
  readonly requests: string[];
}

/** How a group of witnesses is made. */
export interface TestWitnessesOptions {
  /** Default: 3. */
  readonly count?: number;
  /** So many make the quorum. Default: 2. */
  readonly threshold?: number;
  /** Whether the policy names their ML-DSA-44 keys instead of the Ed25519 ones. Default: Ed25519. */
  readonly keys?: 'ed25519' | 'ml-dsa-44' | 'both';
}

/** Complete witnesses, `w0`, `w1` …, which a log reaches without a network, and which can be made to fail. */
export class TestWitnesses {
  readonly #members: readonly Member[];
  readonly #folder: string;
  /** The policy's text. */
  readonly text: string;

  private constructor(folder: string, members: readonly Member[], text: string) {
    this.#folder = folder;
    this.#members = members;
    this.text = text;
  }

  static async create(options: TestWitnessesOptions = {}): Promise<TestWitnesses> {
    const { count = 3, threshold = 2, keys = 'ed25519' } = options;
    const folder = await mkdtemp(join(tmpdir(), 'glasskey-witnesses-'));
    const members = await Promise.all(
      Array.from({ length: count }, async (_, i): Promise<Member> => {
        const name = `witness.example/w${i}`;
        const cosigners = [
          ...(keys === 'ml-dsa-44' ? [] : [testCosigner(name, 100 + i)]),
          ...(keys === 'ed25519' ? [] : [testMlDsaCosigner(name, 150 + i)]),
        ];
        const own = await mkdtemp(join(folder, `w${i}-`));
        return {
          cosigners,
          folder: own,
          app: undefined,
          isDown: false,
          interference: undefined,
          shown: undefined,
          requests: [],
        };
      }),
    );
    const lines = members.flatMap(({ cosigners }, i) =>
      cosigners.map(({ vkey }, j) => `witness w${i}${j === 0 ? '' : 'b'} ${formatVkey(vkey)} http://w${i}.example/`),
    );
    const names = members.map((_, i) => `w${i}`).join(' ');
    return new TestWitnesses(folder, members, `${lines.join('\n')}\ngroup g ${threshold} ${names}\nquorum g\n`);
  }

  get policy(): Policy {
    return parsePolicy(this.text);
  }

  /** Lets all know a log, and starts them anew; what they have cosigned stays. */
  async know(vkey: Vkey, now: () => number): Promise<void> {
    for (const member of this.#members) {
      const witness = new Witness({
        folder: member.folder,
        cosigners: member.cosigners,
        logs: new Map([[vkey.name, [vkey]]]),
        now,
      });
      const budget = { perSecond: 1e6, burst: 1e6 };
      member.app = createWitnessApp({ witness, metrics: new WitnessMetrics(), now, budget });
    }
  }

  /** How the log reaches them. */
  readonly fetch: Fetch = async (url, init) => {
    const [, i, path] = /^http:\/\/w(\d+)\.example(\/add-checkpoint|\/[0-9a-f]{64}\/checkpoint)$/.exec(url) ?? [];
    const member = this.#members[Number(i)];
    const app = member?.app;
    if (member === undefined || app === undefined || member.isDown) throw new TypeError('fetch failed', { cause: url });
    // What it shows to monitors.
    if (init.method === 'GET') return member.shown?.(path ?? '') ?? app.request(path ?? '');
    const body = init.body as string;
    const ask = async (): Promise<Response> => app.request('/add-checkpoint', { method: 'POST', body });
    member.requests.push(body);
    return member.interference?.(body, ask) ?? ask();
  };

  /** Takes these away, by number; all others are there. */
  down(...numbers: readonly number[]): void {
    this.#members.forEach((member, i) => (member.isDown = numbers.includes(i)));
  }

  /** Puts something in front of one of them; undefined takes it away. */
  interfere(number: number, interference: Interference | undefined): void {
    this.#member(number).interference = interference;
  }

  /** Has one show something else to monitors than what it has cosigned; undefined ends that. */
  show(number: number, shown: ((path: string) => Response) | undefined): void {
    this.#member(number).shown = shown;
  }

  /** Every request that reached a witness so far. */
  requests(number: number): readonly string[] {
    return this.#member(number).requests;
  }

  /** Sends a request past the log. */
  ask(number: number, body: string): Promise<Response> {
    return this.fetch(`http://w${number}.example/add-checkpoint`, { body });
  }

  /** The keys of one. */
  vkeys(number: number): readonly Vkey[] {
    return this.#member(number).cosigners.map(({ vkey }) => vkey);
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }

  #member(number: number): Member {
    const member = this.#members[number];
    if (member === undefined) throw new Error(`no witness ${number}`);
    return member;
  }
}
