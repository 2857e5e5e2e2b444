import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { signCsr } from '../../src/ca/csr/sign-csr.ts';
import { formatPem } from '../../src/ca/der/pem.ts';
import { JSON_MEDIA_TYPE } from '../../src/contract/media-types.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { KT_128_SHA256_ED25519 } from '../../src/core/crypto/cipher-suite.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { lookupRequestCodec } from '../../src/core/keytrans/messages.ts';
import { LogService } from '../../src/service/log-service.ts';
import { openLog } from '../../src/service/log/open-log.ts';
import { nativeVrfProver } from '../../src/service/threads/native-vrf-prover.ts';
import { type Cost, CostCounter } from '../support/counted-cost.ts';
import { type DeviceKey, identityOf, newDeviceKey } from '../support/owner.ts';
import { pgliteDatabase } from '../support/pglite.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const BUDGET = new URL('cost-budget.json', import.meta.url);
const isRewriting = process.env['GLASSKEY_UPDATE_BUDGET'] === '1';

const HOUR_MS = 3_600_000;
const FILLED = 200;
const BATCH = 100;
const MEASURED = 9;
const LOOKED_UP = 20;
/** Signatures of ECDSA differ by a few bytes from run to run. */
const BYTES_TOLERANCE = 0.01;

/** The cost of one registration, or of {@link LOOKED_UP} lookups: what must not rise unnoticed. */
type Spent = Readonly<Record<string, number | readonly string[]>>;

let counter: CostCounter;
let server: TestServer;
let key: DeviceKey;
/** Called after each submission. */
let onSubmitted: () => void = () => undefined;

beforeAll(async () => {
  const database = await pgliteDatabase();
  key = await newDeviceKey('p256');
  counter = new CostCounter(database);
  server = await createTestServer({
    target: { database },
    loop: false,
    // The shape of the prefix tree, and so the cost, follows from this key.
    vrfProver: () => counter.counted(nativeVrfProver(KT_128_SHA256_ED25519, new Uint8Array(32).fill(7))),
    // Nothing is asked by a timer, and no answer is verified.
    limits: {
      verifyOneIn: 0,
      pollMs: HOUR_MS,
      standstillMs: 10 * HOUR_MS,
      batchIntervalMs: HOUR_MS,
      requestTimeoutMs: 60_000,
    },
    wrap: (store) => ({
      ...store,
      submit: async (...of) => {
        const submitted = await store.submit(...of);
        onSubmitted();
        return submitted;
      },
    }),
  });
  await server.log.service.sequencer.step();
  for (let from = 0; from < FILLED; from += BATCH) {
    await register(await Promise.all(Array.from({ length: BATCH }, (_, i) => orderOf(nameOf(from + i)))));
  }
});
afterAll(async () => {
  await server.close();
  counter.stop();
});

function nameOf(index: number): string {
  return `user${String(index).padStart(4, '0')}@example.com`;
}

/** Prepares the registration of a name. */
async function orderOf(identity: string, further: object = {}): Promise<string> {
  const csr = formatPem('CERTIFICATE REQUEST', await signCsr(key, identityOf(identity).san));
  return JSON.stringify({ identity, csr, ...further });
}

/** Registers names in one append, in their order. Returns the bytes of the answers. */
async function register(orders: readonly string[]): Promise<number> {
  const answers: Promise<number>[] = [];
  for (const order of orders) {
    const submitted = new Promise<void>((resolve) => {
      onSubmitted = resolve;
    });
    answers.push(send(order));
    await submitted;
  }
  await server.log.service.sequencer.step();
  return (await Promise.all(answers)).reduce((sum, bytes) => sum + bytes);
}

async function send(body: string): Promise<number> {
  const headers = { 'content-type': JSON_MEDIA_TYPE, authorization: `Bearer ${server.log.token}` };
  const response = await fetch(server.url + PATHS.certificates, { method: 'POST', headers, body });
  expect(response.status).toBe(201);
  return (await response.arrayBuffer()).byteLength;
}

/** The bytes of all rows. */
async function storedBytes(): Promise<number> {
  const { rows: tables } = await counter.query<{ name: string }>(
    "select quote_ident(tablename) as name from pg_tables where schemaname = 'public'",
  );
  let bytes = 0;
  for (const { name } of tables) {
    const { rows } = await counter.query<{ sum: number }>(
      `select coalesce(sum(pg_column_size(t.*)), 0)::int as sum from ${name} t`,
    );
    bytes += rows[0]?.sum ?? 0;
  }
  return bytes;
}

/** Registers {@link MEASURED} names, one after the other. */
async function registrationCost(start: number, further: object): Promise<Spent> {
  const costs: Cost[] = [];
  const storedBefore = await storedBytes();
  let answerBytes = 0;
  for (let i = start; i < start + MEASURED; i++) {
    const order = await orderOf(nameOf(i), further);
    const { result, cost } = await counter.costOf(() => register([order]));
    answerBytes += result;
    costs.push(cost);
  }
  // The depth of the queue is read about once a second.
  const [fewest] = costs.map(({ roundTrips }) => roundTrips).toSorted((a, b) => a.length - b.length);
  return {
    roundTripsOfOne: fewest ?? [],
    ...sums(costs),
    answerBytes,
    storedBytes: (await storedBytes()) - storedBefore,
  };
}

/** Looks {@link LOOKED_UP} names up, one after the other, by an encoded request each. */
async function lookupCost(service: LogService, nameOfIndex: (i: number) => string, last?: number): Promise<Spent> {
  const costs: Cost[] = [];
  let answerBytes = 0;
  for (let i = 0; i < LOOKED_UP; i++) {
    const request = encode(lookupRequestCodec, { last, label: identityOf(nameOfIndex(i)).label });
    const { result, cost } = await counter.costOf(() => service.keytrans.lookup(request));
    answerBytes += result.length;
    costs.push(cost);
  }
  return { roundTrips: costs.reduce((sum, { roundTrips }) => sum + roundTrips.length, 0), ...sums(costs), answerBytes };
}

function sums(costs: readonly Cost[]): Omit<Cost, 'roundTrips'> {
  const sumOf = (read: (cost: Cost) => number): number => costs.reduce((sum, cost) => sum + read(cost), 0);
  return {
    vrfProofs: sumOf(({ vrfProofs }) => vrfProofs),
    hashes: sumOf(({ hashes }) => hashes),
    parameterBytes: sumOf(({ parameterBytes }) => parameterBytes),
  };
}

async function spend(): Promise<Record<string, Spent>> {
  const registrations = {
    [`${MEASURED} registrations`]: await registrationCost(FILLED, {}),
    [`${MEASURED} registrations by clients that name themselves owner`]: await registrationCost(FILLED + MEASURED, {
      owner: {},
    }),
  };
  const { options, service } = server.log;
  const { size } = (await service.progress.released()).released;
  const started = new LogService(await openLog(options), { sequence: false });
  await started.progress.released();
  const spread = (i: number): string => nameOf(i * 10);
  const absent = (i: number): string => `nobody${i}@example.com`;
  return {
    ...registrations,
    [`${LOOKED_UP} lookups, in a process that has just started`]: await lookupCost(started, spread),
    [`${LOOKED_UP} lookups of the same names`]: await lookupCost(started, spread),
    [`${LOOKED_UP} lookups of the same names by clients that return`]: await lookupCost(started, spread, size),
    [`${LOOKED_UP} lookups of absent names`]: await lookupCost(started, absent),
  };
}

/** Bytes within {@link BYTES_TOLERANCE} of the budget count as equal. */
function withinTolerance(spent: Spent, budget: Spent | undefined): Spent {
  const compared = Object.entries(spent).map(([name, value]) => {
    const allowed = budget?.[name];
    const isNear =
      name.endsWith('Bytes') &&
      typeof value === 'number' &&
      typeof allowed === 'number' &&
      Math.abs(value - allowed) <= BYTES_TOLERANCE * allowed;
    return [name, isNear ? allowed : value] as const;
  });
  return Object.fromEntries(compared);
}

it('registrations and lookups cost what the budget says (GLASSKEY_UPDATE_BUDGET=1 writes it)', async () => {
  const spent = await spend();
  if (isRewriting) writeFileSync(BUDGET, `${JSON.stringify(spent, undefined, 2)}\n`);
  const budget = JSON.parse(readFileSync(BUDGET, 'utf8')) as Record<string, Spent>;
  const compared = Object.entries(spent).map(([name, cost]) => [name, withinTolerance(cost, budget[name])] as const);
  expect(Object.fromEntries(compared)).toEqual(budget);
});
