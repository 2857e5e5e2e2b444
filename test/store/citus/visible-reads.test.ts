import { describe, expect, it } from 'vitest';
import { Visibility } from '../../../src/store/citus/visibility.ts';
import { visibleReads } from '../../../src/store/citus/visible-log-store.ts';
import { openStore } from '../../../src/store/open-store.ts';
import type { LogStore } from '../../../src/store/ports.ts';
import { pgliteDatabase } from '../../support/pglite.ts';
import { until } from '../../support/until.ts';
import { sampleBatch } from '../samples.ts';

describe('a database whose nodes show commits late', () => {
  it('gives out a head only once its rows can be seen', async () => {
    const cluster = new LateCluster();
    const reads = await cluster.reads();
    await cluster.commit();
    let isRead = false;
    const reading = reads.readHead().then((head) => {
      isRead = true;
      return head;
    });
    await cluster.asked(3);
    expect(isRead).toBe(false);
    cluster.show();
    expect((await reading).size).toBe(1);
  });

  it('asks once for each size', async () => {
    const cluster = new LateCluster();
    const reads = await cluster.reads();
    await cluster.commit();
    cluster.show();
    await reads.readHead();
    const { looks } = cluster;
    await reads.readHead();
    expect(cluster.looks).toBe(looks);
  });

  it('says not-visible-yet, which is no fault of the data, if that takes too long', async () => {
    const cluster = new LateCluster();
    const reads = await cluster.reads(30);
    await cluster.commit();
    await expect(reads.readHead()).rejects.toMatchObject({ code: 'not-visible-yet', fault: 'overload' });
    cluster.show();
    expect((await reads.readHead()).size).toBe(1);
  });

  it('believes that a certificate is absent only once everything committed can be seen', async () => {
    const cluster = new LateCluster();
    const reads = await cluster.reads();
    cluster.issued = 'abcd';
    const [status, found] = [reads.findStatus('abcd'), reads.findStatus('ef01')];
    await cluster.asked(3);
    cluster.show();
    expect((await status).issued).toBe(true);
    expect((await found).issued).toBe(false);
  });

  it('waits for what was committed before the call, not for what comes after', async () => {
    const looks: (() => void)[] = [];
    const visibility = new Visibility(
      () =>
        new Promise((resolve) => {
          looks.push(() => resolve(true));
        }),
    );
    const first = visibility.settle();
    await until(() => looks.length === 1);
    let isSettled = false;
    const second = visibility.settle().then(() => (isSettled = true));
    looks[0]?.();
    await first;
    await until(() => looks.length === 2);
    expect(isSettled).toBe(false);
    looks[1]?.();
    await second;
  });
});

/** A log whose last commit can be seen on the coordinator, and on the worker only after {@link show}. */
class LateCluster {
  looks = 0;
  /** Serial of a certificate whose row is committed. */
  issued = '';
  #isShown = false;
  #log: LogStore | undefined;

  async reads(withinMs?: number): Promise<Pick<LogStore, 'readHead' | 'findStatus'>> {
    const store = await openStore({ database: await pgliteDatabase() });
    const { logId } = await store.createLog({ origin: 'late.example', configuration: new Uint8Array(4) });
    const log = store.log(logId);
    this.#log = log;
    const findStatus: LogStore['findStatus'] = (serial) =>
      Promise.resolve({ issued: this.#isShown && serial === this.issued, revocation: undefined });
    const visibility = new Visibility(() => {
      this.looks++;
      return Promise.resolve(this.#isShown);
    }, withinMs);
    return visibleReads({ ...log, findStatus }, visibility);
  }

  async commit(): Promise<void> {
    if (this.#log === undefined) throw new Error('no log yet');
    await this.#log.append(sampleBatch(0));
  }

  show(): void {
    this.#isShown = true;
  }

  asked(times: number): Promise<void> {
    return until(() => this.looks >= times, { everyMs: 1 });
  }
}
