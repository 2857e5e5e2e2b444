import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { VrfProver } from '../../../src/core/crypto/vrf-prover.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { lookupRequestCodec, lookupResponseCodec } from '../../../src/core/keytrans/messages.ts';
import { verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';
import { LogService } from '../../../src/service/log-service.ts';
import { openLog } from '../../../src/service/log/open-log.ts';
import { VrfMemory } from '../../../src/service/log/vrf-memory.ts';
import { createHistoryLog, type HistoryLog } from '../../support/history-log.ts';
import { pgliteDatabase } from '../../support/pglite.ts';
import { identityOf } from '../../support/owner.ts';

let database: PGlite;
let log: HistoryLog;
/** Another process of the same log, which has met no name. */
let started: LogService;
/** Evaluations of the VRF by that process. */
let evaluations: number;

/** Names of one, two and three versions. */
let names: readonly [string, string, string];

beforeAll(async () => {
  database = await pgliteDatabase();
  log = await createHistoryLog({ target: { database }, labels: 5, rounds: 5, entriesPerRound: 2 });
  names = [log.names[1] as string, log.names[2] as string, log.names[4] as string];
});
afterAll(() => log.close());

beforeEach(async () => {
  const { vrf } = log.options.keys;
  evaluations = 0;
  const prove: VrfProver['prove'] = (inputs, signal) => {
    evaluations += inputs.length;
    return vrf.prove(inputs, signal);
  };
  const keys = { ...log.options.keys, vrf: { ...vrf, prove } };
  const context = await openLog({ ...log.options, keys, limits: { ...log.options.limits, verifyOneIn: 0 } });
  started = new LogService(context, { sequence: false });
  await started.progress.released();
});

/** Looks a name up as a new client does. Returns the verified result, or the code of the refusal. */
async function lookUp(name: string): Promise<string | number> {
  const request = { last: undefined, label: identityOf(name).label };
  const bytes = await started.keytrans.lookup(encode(lookupRequestCodec, request));
  const { configuration: config, now } = log.context;
  const verified = verifyLookup(
    { config, view: undefined, nowMs: now() },
    request,
    decode(lookupResponseCodec(config), bytes),
  );
  return verified.type === 'found' ? verified.version : verified.type;
}

const labelKeyOf = (name: string): Promise<Uint8Array> => log.context.vrf.labelKey(identityOf(name).label);
const hashOf = (name: string): Uint8Array => log.context.vrfMemory.hashOf(identityOf(name).label);

async function update(name: string, assignments: string, ...values: unknown[]): Promise<void> {
  await database.query(`update labels set ${assignments} where label_key = $1`, [await labelKeyOf(name), ...values]);
}

async function memoryOf(name: string): Promise<Uint8Array | null> {
  const { rows } = await database.query<{ vrf_memory: Uint8Array | null }>(
    'select vrf_memory from labels where label_key = $1',
    [await labelKeyOf(name)],
  );
  return rows[0]?.vrf_memory ?? null;
}

it('answers about a name that the process has not met without an evaluation', async () => {
  expect(await lookUp(names[0])).toBe(0);
  expect(await lookUp(names[1])).toBe(1);
  expect(await lookUp(names[2])).toBe(2);
  expect(await lookUp(names[2])).toBe(2);
  expect(evaluations).toBe(0);
});

it('never calls a name absent whose hash is missing, and gives the row its hash again', async () => {
  await update(names[0], 'label_hash = null, vrf_memory = null');
  expect(await lookUp(names[0])).toBe(0);
  expect(evaluations).toBeGreaterThan(0);
  await vi.waitFor(async () => expect(await memoryOf(names[0])).not.toBeNull());
  const { rows } = await database.query('select 1 from labels where label_hash = $1', [hashOf(names[0])]);
  expect(rows).toHaveLength(1);
});

it('believes no row that the hash of another name leads to, with or without the memory of the name', async () => {
  const memory = await memoryOf(names[0]);
  await update(names[0], 'label_hash = null');
  for (const planted of [await memoryOf(names[1]), memory]) {
    await update(names[1], 'label_hash = $2, vrf_memory = $3', hashOf(names[0]), planted);
    started = new LogService(await openLog(log.options), { sequence: false });
    await started.progress.released();
    expect(await lookUp(names[0])).toBe(0);
    expect(await lookUp('nobody@example.com')).toBe('absent');
  }
});

it('believes no result that this log did not store: every byte, and the version that it is for', async () => {
  const name = names[2];
  const label = identityOf(name).label;
  const place = { labelKey: await labelKeyOf(name), greatestVersion: 2 };
  const memory = (await memoryOf(name)) as Uint8Array;
  const { vrfMemory } = log.context;
  const [expected] = await log.context.vrf.evaluate(label, [3]);
  expect(vrfMemory.open(label, place, memory)?.get(3)).toEqual(expected);
  for (let i = 0; i < memory.length; i++) {
    const damaged = Uint8Array.from(memory, (byte, at) => (at === i ? byte ^ 1 : byte));
    expect(vrfMemory.open(label, place, damaged)).toBeUndefined();
  }
  for (const length of [0, 15, 16, memory.length - 1]) {
    expect(vrfMemory.open(label, place, memory.slice(0, length))).toBeUndefined();
  }
  expect(vrfMemory.open(label, { ...place, greatestVersion: 3 }, memory)).toBeUndefined();
  expect(vrfMemory.open(label, { ...place, labelKey: new Uint8Array(32) }, memory)).toBeUndefined();
  expect(vrfMemory.open(identityOf(names[0]).label, place, memory)).toBeUndefined();
  expect(new VrfMemory(log.options.keys.rowSeal, 'another-log.example').open(label, place, memory)).toBeUndefined();
  expect(new VrfMemory(new Uint8Array(32), log.context.origin).open(label, place, memory)).toBeUndefined();
});
