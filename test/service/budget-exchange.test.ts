import { describe, expect, it } from 'vitest';
import { BudgetExchange, type Spending } from '../../src/service/budget-exchange.ts';
import { sharedBudget, TokenBuckets } from '../../src/service/token-buckets.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Token buckets of as many processes that hear each other. */
function bucketsOf(processes: number, burst: number) {
  const sent: Spending[][] = [];
  const exchanges = Array.from({ length: processes }, (_, own) => {
    return new BudgetExchange((spent) => {
      sent.push([...spent]);
      exchanges.forEach((other, i) => i !== own && other.receive(spent));
    });
  });
  const options = { perSecond: 1, burst };
  const buckets = exchanges.map((exchange) => new TokenBuckets(options, () => 0, sharedBudget(exchange, 'client')));
  return { buckets, exchanges, sent };
}

describe('token buckets of several processes', () => {
  it('hold for all together', async () => {
    const { buckets } = bucketsOf(3, 6);
    let taken = 0;
    for (let i = 0; i < 30; i++) {
      if (buckets[i % 3]?.take('alice') === true) taken++;
      await turn();
    }
    expect(taken).toBe(6);
    expect(buckets.map((bucket) => bucket.take('bob'))).toEqual([true, true, true]);
  });

  it('take and give back everywhere, debts too', async () => {
    const { buckets } = bucketsOf(2, 4);
    buckets[0]?.spend('alice', 9);
    await turn();
    expect(buckets[1]?.waitSeconds('alice')).toBe(6);
    for (let i = 0; i < 6; i++) buckets[1]?.giveBack('alice');
    await turn();
    expect(buckets.map((bucket) => bucket.take('alice'))).toEqual([true, true]);
  });

  it('tell only what was taken, and all of one turn at once', async () => {
    const { buckets, sent } = bucketsOf(2, 2);
    for (let i = 0; i < 5; i++) buckets[0]?.take('alice');
    await turn();
    await turn();
    expect(sent).toEqual([
      [
        ['client', 'alice', 1],
        ['client', 'alice', 1],
      ],
    ]);
  });

  it('ignore a budget that they do not have', () => {
    const { exchanges, buckets } = bucketsOf(2, 1);
    exchanges[0]?.receive([['other', 'alice', 1]]);
    expect(buckets[0]?.take('alice')).toBe(true);
  });
});
