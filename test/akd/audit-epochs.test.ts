import { describe, expect, it } from 'vitest';
import { whatsAppConfiguration } from '../../src/akd/akd-configuration.ts';
import { AkdFinding } from '../../src/akd/akd-finding.ts';
import type { AkdSource } from '../../src/akd/akd-source.ts';
import { type AkdAuditOptions, type AkdPosition, auditEpochs } from '../../src/akd/audit-epochs.ts';
import { withNames } from '../../src/akd/named-source.ts';
import { formatObjectName, parseObjectName } from '../../src/akd/object-name.ts';
import { GlasskeyError } from '../../src/core/errors.ts';
import { fixtureFolder, objectOf, readObjects, type TestObject } from '../support/akd-proofs.ts';

const CONFIGURATION = whatsAppConfiguration();
const OBJECTS = readObjects(fixtureFolder('whatsapp'));
const [FIRST, SECOND, THIRD] = OBJECTS as [TestObject, TestObject, TestObject];
const LAST = OBJECTS.at(-1) as TestObject;

/** A log in memory, by the names of its objects. */
class MemoryLog implements AkdSource {
  readonly place = 'memory';
  readonly objects = new Map<string, Uint8Array>();
  readonly read = async (name: string): Promise<Uint8Array> => {
    const object = this.objects.get(name);
    if (object === undefined) throw new GlasskeyError('bad-response', 'no such object');
    return object;
  };

  constructor(objects: readonly TestObject[], offset = 0) {
    for (const { bytes, ...name } of objects) {
      this.objects.set(formatObjectName({ ...name, epoch: name.epoch - offset }), bytes);
    }
  }
  namesOf = async (epoch: number) => [...this.objects.keys()].filter((name) => name.startsWith(`${epoch}/`));
  firstEpoch = async () => [...this.objects.keys()].map((name) => parseInt(name, 10)).sort((a, b) => a - b)[0];
}

/** Audits, and returns what was stored after each epoch too. */
async function audit(source: AkdSource, options: Partial<AkdAuditOptions> = {}) {
  const stored: AkdPosition[] = [];
  const position = await auditEpochs({
    source,
    configuration: CONFIGURATION,
    namedEpoch: 'end',
    maxNodes: 1000,
    position: undefined,
    onEpoch: async (reached) => void stored.push(reached),
    ...options,
  });
  return { position, stored };
}

async function findingOf(source: AkdSource, options: Partial<AkdAuditOptions> = {}): Promise<AkdFinding> {
  const error = await audit(source, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof AkdFinding) return error;
  throw new Error('no finding', { cause: error });
}

describe('an audit of epochs', () => {
  it('goes from the empty tree to the end, and stores every epoch', async () => {
    const { position, stored } = await audit(new MemoryLog(OBJECTS));
    expect(stored.map(({ endEpoch }) => endEpoch)).toEqual([1, 2, 3, 4, 5]);
    expect(position).toMatchObject({
      startEpoch: 0,
      startRoot: CONFIGURATION.emptyRoot,
      endRoot: LAST.current,
      inserted: 29,
    });
  });

  it('continues where it ended, and fetches nothing twice', async () => {
    const log = new MemoryLog(OBJECTS.slice(0, 3));
    const { position } = await audit(log);
    expect(position?.lastName).toBe(formatObjectName(THIRD));
    log.objects.set(formatObjectName(LAST), LAST.bytes);
    log.objects.set(formatObjectName(OBJECTS[3] as TestObject), (OBJECTS[3] as TestObject).bytes);
    for (const name of log.objects.keys()) if (Number.parseInt(name, 10) <= 3) log.objects.set(name, new Uint8Array());
    const after = await audit(log, { position });
    expect(after.stored.map(({ endEpoch }) => endEpoch)).toEqual([4, 5]);
    expect(after.position).toMatchObject({ startEpoch: 0, endEpoch: 5, inserted: 29 });
  });

  it('reads names with the epoch before, if it is told so, and else refuses them', async () => {
    const log = new MemoryLog(OBJECTS, 1);
    expect((await audit(log, { namedEpoch: 'start' })).position).toMatchObject({ startEpoch: 0, endEpoch: 5 });
    expect(await findingOf(log)).toMatchObject({ code: 'bad-auditor-update' });
    expect(await findingOf(new MemoryLog(OBJECTS), { namedEpoch: 'start', from: 2 })).toMatchObject({
      code: 'bad-auditor-update',
    });
  });

  it('begins in the middle where the log or the caller does', async () => {
    const { position } = await audit(new MemoryLog(OBJECTS.slice(2)));
    expect(position).toMatchObject({ startEpoch: 2, startRoot: THIRD.previous, endEpoch: 5 });
    const chosen = await audit(new MemoryLog(OBJECTS), { from: 3, startRoot: THIRD.previous, to: 4 });
    expect(chosen.position).toMatchObject({ startEpoch: 2, endEpoch: 4 });
    expect(await findingOf(new MemoryLog(OBJECTS), { from: 3, startRoot: FIRST.current })).toMatchObject({
      code: 'bad-audit-entry',
    });
  });

  it('of a log without epochs is none', async () => {
    expect((await audit(new MemoryLog([]))).position).toBeUndefined();
  });

  it('reports a bound, a refusal or a failing store as what it is', async () => {
    await expect(audit(new MemoryLog(OBJECTS), { maxNodes: 20 })).rejects.toMatchObject({ code: 'usage' });
    const log = new MemoryLog(OBJECTS);
    const read = () => Promise.reject(new GlasskeyError('network-failed', 'no answer'));
    const gone = { place: 'x', namesOf: log.namesOf, firstEpoch: log.firstEpoch, read };
    await expect(audit(gone)).rejects.toMatchObject({ code: 'network-failed' });
    const onEpoch = () => Promise.reject(new Error('disk full'));
    await expect(audit(log, { onEpoch })).rejects.toThrow('disk full');
  });
});

describe('misbehaviour of an AKD log', () => {
  const changed = (epoch: number, object: TestObject) =>
    OBJECTS.map((known) => (known.epoch === epoch ? object : known));

  it.each([
    ['an epoch is missing', OBJECTS.filter(({ epoch }) => epoch !== 3), 'bad-audit-entry'],
    ['two epochs are missing', OBJECTS.filter(({ epoch }) => epoch !== 3 && epoch !== 4), 'bad-audit-entry'],
    ['an epoch has two objects', [...OBJECTS, { ...THIRD, current: FIRST.current }], 'log-forked'],
    [
      'an epoch begins anew, with the empty tree',
      changed(3, objectOf(undefined, 3, { inserted: [], unchanged: [] })),
      'bad-audit-entry',
    ],
    ['an epoch repeats the one before', changed(3, { ...SECOND, epoch: 3 }), 'bad-audit-entry'],
    ['an epoch has the proof of another', changed(3, { ...THIRD, bytes: SECOND.bytes }), 'bad-auditor-update'],
    ['an object is empty', changed(2, { ...SECOND, bytes: new Uint8Array() }), 'bad-auditor-update'],
    ['an object is no protobuf', changed(2, { ...SECOND, bytes: Uint8Array.of(1, 2, 3) }), 'malformed-encoding'],
  ] as const)('is found: %s', async (_, objects, expected) => {
    const finding = await findingOf(new MemoryLog(objects));
    expect(finding.code).toBe(expected);
    expect(finding.exhibits.names.length).toBeGreaterThan(0);
  });

  it('has the object and the root that was reached as exhibits', async () => {
    const { exhibits } = await findingOf(new MemoryLog(changed(3, { ...THIRD, bytes: SECOND.bytes })));
    expect(exhibits).toEqual({
      names: [formatObjectName(THIRD)],
      endEpoch: 3,
      reached: SECOND.current,
      object: SECOND.bytes,
    });
  });

  it('has both names as exhibits where the one does not begin at the end of the other', async () => {
    const broken = changed(3, { ...SECOND, epoch: 3 });
    const { exhibits } = await findingOf(new MemoryLog(broken));
    expect(exhibits.names).toEqual([formatObjectName(SECOND), formatObjectName({ ...SECOND, epoch: 3 })]);
  });

  it('is not that an epoch appears after the next one', async () => {
    const log = new MemoryLog(OBJECTS.filter(({ epoch }) => epoch !== 3));
    const pause = async () => void log.objects.set(formatObjectName(THIRD), THIRD.bytes);
    const { position } = await audit(log, { pause });
    expect((await audit(log, { position })).position).toMatchObject({ endEpoch: 5 });
  });

  it('is not that a list which somebody gave is short, or has a name twice', async () => {
    const log = new MemoryLog(OBJECTS);
    const names = (from: number, to: number) => [...log.objects.keys()].filter((_, i) => i >= from && i < to);
    const { position } = await audit(withNames(log, names(0, 3)));
    expect(position).toMatchObject({ endEpoch: 3 });
    const rest = names(3, 5);
    expect((await audit(withNames(log, [...rest, ...rest]), { position })).position).toMatchObject({ endEpoch: 5 });
    await expect(audit(withNames(log, names(4, 5)), { position })).rejects.toEqual(
      expect.objectContaining({ code: 'usage' }),
    );
  });

  it('ends what it reads ahead', async () => {
    const log = new MemoryLog(OBJECTS);
    const signals: (AbortSignal | undefined)[] = [];
    const read = (_: string, signal?: AbortSignal): Promise<Uint8Array> => {
      if (signals.push(signal) === 1) return Promise.reject(new GlasskeyError('bad-response', 'busy'));
      return new Promise(() => undefined);
    };
    const slow = { place: 'x', namesOf: log.namesOf, firstEpoch: log.firstEpoch, read };
    await expect(audit(slow)).rejects.toMatchObject({ code: 'bad-response' });
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, true, true]);
  });

  it.each([
    '3/ab/cd',
    `03/${'ab'.repeat(32)}/${'ab'.repeat(32)}`,
    `3/${'AB'.repeat(32)}/${'ab'.repeat(32)}`,
    '3/',
    `3/${'ab'.repeat(32)}/${'ab'.repeat(32)}/x`,
  ])('is found: an object is named %s', async (name) => {
    const log = new MemoryLog(OBJECTS.slice(0, 2));
    const source = { place: 'x', read: log.read, firstEpoch: log.firstEpoch };
    const namesOf = async (epoch: number) => (epoch === 3 ? [name] : log.namesOf(epoch));
    expect(await findingOf({ ...source, namesOf })).toMatchObject({ code: 'malformed-encoding' });
  });

  it('is found: what was audited before has another name now, or is gone', async () => {
    const { position } = await audit(new MemoryLog(OBJECTS.slice(0, 3)));
    const other = new MemoryLog(changed(3, { ...THIRD, current: FIRST.current }));
    const finding = await findingOf(other, { position });
    expect(finding.code).toBe('log-forked');
    expect(finding.exhibits.names).toHaveLength(2);
    expect(await findingOf(new MemoryLog([FIRST]), { position })).toMatchObject({ code: 'bad-audit-entry' });
  });

  it('is not that the log grows while it is read', async () => {
    const log = new MemoryLog(OBJECTS.slice(0, 2));
    let asked = 0;
    const namesOf = async (epoch: number) => {
      // Epochs 3 and 4 appear after epoch 3 was asked for.
      if (epoch === 3 && asked++ === 0) return [];
      return epoch <= 4 ? new MemoryLog(OBJECTS).namesOf(epoch) : [];
    };
    const { position } = await audit({ place: 'x', read: log.read, firstEpoch: log.firstEpoch, namesOf });
    expect(position).toMatchObject({ endEpoch: 2 });
  });
});

describe('the name of an object', () => {
  it('comes back', () => {
    for (const object of OBJECTS)
      expect(parseObjectName(formatObjectName(object))).toMatchObject({ epoch: object.epoch });
    const most = `${Number.MAX_SAFE_INTEGER}/${'00'.repeat(32)}/${'ff'.repeat(32)}`;
    expect(formatObjectName(parseObjectName(most))).toBe(most);
    expect(() => parseObjectName(most.replace('1/', '2/'))).toThrow(
      expect.objectContaining({ code: 'malformed-encoding' }),
    );
  });
});
