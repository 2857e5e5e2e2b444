import { round } from './load.ts';

/** One way to do an operation. */
export interface Contender {
  readonly name: string;
  run(): Promise<unknown>;
}

/** What one operation costs by one way: medians of the rounds. */
export interface ContenderCost {
  readonly name: string;
  readonly elapsedUs: number;
  /** Time of this process alone, without the database. */
  readonly processorUs: number;
}

const ROUNDS = 7;
const ROUND_MS = 400;

/** Runs every contender in each round, so that what else the machine does is shared out among them. */
export async function compare(contenders: readonly Contender[]): Promise<readonly ContenderCost[]> {
  const costs = contenders.map((contender) => ({ contender, elapsed: [] as number[], processor: [] as number[] }));
  for (let pass = -1; pass < ROUNDS; pass++) {
    for (const { contender, elapsed, processor } of costs) {
      const cost = await measure(contender);
      // The first pass only compiles and connects.
      if (pass >= 0) elapsed.push(cost.elapsedUs);
      if (pass >= 0) processor.push(cost.processorUs);
    }
  }
  return costs.map(({ contender, elapsed, processor }) => ({
    name: contender.name,
    elapsedUs: median(elapsed),
    processorUs: median(processor),
  }));
}

/** Prints the costs, and their ratios to the first one. */
export function printComparison(operation: string, costs: readonly ContenderCost[]): void {
  console.log(`\n${operation}`);
  for (const { name, elapsedUs, processorUs } of costs) {
    const ratio = (ofCost: (cost: ContenderCost) => number, value: number): string =>
      `${round(value / ofCost(costs[0] ?? { name, elapsedUs, processorUs }), 2)}`;
    const elapsed = `${round(elapsedUs, 0)} us (${ratio((cost) => cost.elapsedUs, elapsedUs)})`;
    const processor = `${round(processorUs, 0)} us (${ratio((cost) => cost.processorUs, processorUs)})`;
    console.log(`  ${name.padEnd(28)} elapsed ${elapsed.padEnd(18)} processor ${processor}`);
  }
}

async function measure(contender: Contender): Promise<Omit<ContenderCost, 'name'>> {
  const start = performance.now();
  const used = process.cpuUsage();
  let runs = 0;
  while (performance.now() - start < ROUND_MS) {
    await contender.run();
    runs++;
  }
  const { user, system } = process.cpuUsage(used);
  return { elapsedUs: ((performance.now() - start) * 1000) / runs, processorUs: (user + system) / runs };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
