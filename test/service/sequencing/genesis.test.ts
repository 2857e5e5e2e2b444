import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encode } from '../../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import { appendGenesis, createLog } from '../../../src/service/sequencing/genesis.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import type { LogStore } from '../../../src/store/ports.ts';
import { checkInvariants } from '../../support/invariants.ts';
import { configurationFor, createTestLog, newLogKeys, type TestLog } from '../../support/test-log.ts';

let log: TestLog;
beforeAll(async () => {
  log = await createTestLog({ loop: false });
});
afterAll(async () => {
  await log.close();
});

describe('a new log', () => {
  it('has entry 0, which changes nothing, in a released head', async () => {
    expect(await checkInvariants(log.context, [])).toEqual({ size: 1, leaves: 0, released: 1 });
    await appendGenesis(log.context);
    expect(await checkInvariants(log.context, [])).toEqual({ size: 1, leaves: 0, released: 1 });
  });

  it('has no later head signed by that', async () => {
    const other = await createTestLog({ loop: false });
    await other.service.sequencer.step();
    other.clock.advance(600_000);
    await other.service.sequencer.step();
    const { size } = await other.context.store.readHead();
    expect(size).toBeGreaterThan(1);
    const store = Object.assign(Object.create(other.context.store) as LogStore, {
      readReleased: () => Promise.resolve(undefined),
      release: () => Promise.reject(new Error('released')),
    });
    await appendGenesis({ ...other.context, store });
    await other.close();
  });

  it('is finished where its creation was interrupted', async () => {
    const keys = await newLogKeys(log.clock.nowMs);
    const configuration = configurationFor(keys);
    const options = { ...log.options, keys, origin: 'second.example' };
    await log.store.createLog({ origin: options.origin, configuration: encode(configurationCodec, configuration) });
    const context = await openLog(options);
    await appendGenesis(context);
    expect(await checkInvariants(context, [])).toEqual({ size: 1, leaves: 0, released: 1 });
  });

  it('is not opened with the keys of another, nor made with one key for two things', async () => {
    const keys = await newLogKeys(log.clock.nowMs);
    await expect(openLog({ ...log.options, keys })).rejects.toMatchObject({ code: 'bad-key' });
    await expect(openLog({ ...log.options, origin: 'unknown.example' })).rejects.toMatchObject({ code: 'not-found' });
    const shared = { ...keys, checkpoint: keys.treeHead };
    const options = { ...log.options, keys: shared, origin: 'third.example' };
    await expect(createLog(options, configurationFor(shared))).rejects.toMatchObject({ code: 'bad-key' });
    expect(await log.store.findLog('third.example')).toBeUndefined();
  });

  it('is not served in a mode that is not served', async () => {
    const keys = await newLogKeys(log.clock.nowMs);
    const configuration = {
      ...configurationFor(keys),
      mode: 'thirdPartyManagement',
      leafPublicKey: keys.treeHead.publicKey,
    } as const;
    const made = createLog({ ...log.options, keys, origin: 'fourth.example' }, configuration);
    await expect(made).rejects.toMatchObject({ code: 'unsupported-operation' });
  });

  it('needs a heartbeat that is faster than it may be behind', async () => {
    const slow = { ...log.options, limits: { heartbeatMs: 600_000 } };
    await expect(openLog(slow)).rejects.toMatchObject({ code: 'value-out-of-range' });
  });
});
