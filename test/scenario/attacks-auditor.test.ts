import { afterAll, beforeAll, describe, expect } from 'vitest';
import { generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { auditLog } from '../../src/client/audit/audit-log.ts';
import type { AuditState } from '../../src/client/audit/audit-state.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import { exitCodeOf } from '../../src/cli/exit-code.ts';
import { LyingOperator } from '../support/lying-operator.ts';
import { StaticLog, testLeaf } from '../support/static-log.ts';
import { failure, INITIAL, readState, register } from '../support/victims.ts';
import { attack } from './attack.ts';

const NOW_MS = 1_800_000_000_000;

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start();
});
afterAll(() => operator.stop());

/** A log of files, with one leaf in each entry. */
function staticLog(size: number, seed = 0): StaticLog {
  const log = new StaticLog();
  for (let i = 0; i < size; i++) log.append([testLeaf(seed + i)], NOW_MS - 100_000 + i);
  return log;
}

async function audit(log: StaticLog, state?: AuditState) {
  await log.release();
  return auditLog({ baseUrl: 'http://log.test', bundle: log.bundle, state, fetch: log.fetch, now: () => NOW_MS });
}

describe('an operator that rewrites what it logged', () => {
  attack('leaf-removed', async () => {
    const log = staticLog(10);
    log.append([testLeaf(999)], NOW_MS, { update: (update) => ({ ...update, removed: [testLeaf(3)] }) });
    return failure(audit(log));
  });

  attack('leaf-replaced', async () => {
    // What the update says was added is not what the prefix tree of the entry holds.
    const log = staticLog(10);
    const { vrfOutput } = testLeaf(999);
    log.append([testLeaf(999)], NOW_MS, {
      update: (update) => ({ ...update, added: [{ vrfOutput, commitment: testLeaf(998).commitment }] }),
    });
    return failure(audit(log));
  });

  attack('leaf-added-twice', async () => {
    // A key that is there already, with another commitment: the update's proof is of a tree that has it.
    const log = staticLog(10);
    log.append([testLeaf(999)], NOW_MS, {
      update: (update) => ({ ...update, added: [{ ...testLeaf(3), commitment: testLeaf(998).commitment }] }),
    });
    return failure(audit(log));
  });

  attack('history-rewritten', async () => {
    const log = staticLog(30);
    const { state } = await audit(log);
    return [
      await failure(audit(staticLog(40, 1000), state)),
      await failure(audit(staticLog(30, 1000), state)),
      await failure(audit(staticLog(29), state)),
    ];
  });

  attack('time-reversed-for-auditors', async () => {
    const log = staticLog(10);
    log.append([], NOW_MS - 2_000_000);
    return failure(audit(log));
  });

  attack('future-entry', async () => {
    const log = staticLog(10);
    log.append([], NOW_MS + 61_000);
    return failure(audit(log));
  });
});

describe('an operator with a prettier log for auditors', () => {
  attack('log-for-auditors', async () => {
    const pretty = await LyingOperator.start();
    try {
      // Two logs of one name, signed by the same keys: one for who looks people up, one for who audits.
      const { context } = pretty.server.log;
      const own = operator.server.log.context;
      Object.assign(context.keys, own.keys);
      Object.assign(context, { configuration: own.configuration, vrf: own.vrf, noteSigner: own.noteSigner });
      Object.assign(context, { configHash: own.configHash });
      const { database } = pretty;
      await database.query('delete from entries');
      await database.query('delete from released_heads');
      await database.query(
        `update heads set size = 0, timestamp_ms = 0, prefix_root = $1, prefix_tile_position = null,
         prefix_tile_counter = null, log_edge = '', audit_edge = ''`,
        [new Uint8Array(32)],
      );
      const state = new MemoryState();
      await register(operator, 'audited@example.com');
      const client = await operator.client({ state });
      await client.lookup('audited@example.com');
      const seen = (await readState(state)).view!.size;
      const auditor: Fetch = async (url, init) => {
        const { pathname } = new URL(url);
        return fetch(pathname.startsWith('/log/') ? pretty.server.url + pathname : url, init);
      };
      const auditPretty = async () => failure((await operator.client({ state, fetch: auditor })).audit());
      const noticed: unknown[] = [];
      for (let i = 0; i < seen + 3; i++) {
        const { spki } = await generateKey();
        const name = `pretty${i}@example.com`;
        await pretty.appendRecord(name, { certificates: [await operator.certify(name, spki)], authorization: INITIAL });
        const size = (await context.store.readHead()).size;
        // A log that is still smaller than what was seen proves nothing.
        if (size === seen - 1) expect(await auditPretty()).toMatchObject({ code: 'too-far-behind' });
        if (size === seen || size === seen + 2) noticed.push(await auditPretty());
      }
      expect(noticed.map(exitCodeOf)).toEqual([2, 2]);
      await expect(client.audit()).resolves.toMatchObject({ treeSize: seen });
      return noticed;
    } finally {
      await pretty.stop();
    }
  });
});
