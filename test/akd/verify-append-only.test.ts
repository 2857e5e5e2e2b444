import { describe, expect, it } from 'vitest';
import {
  type AkdConfiguration,
  experimentalConfiguration,
  viewOf,
  whatsAppConfiguration,
} from '../../src/akd/akd-configuration.ts';
import { decodeProofNodes, labelBits } from '../../src/akd/proof-nodes.ts';
import { treeRoot } from '../../src/akd/tree-root.ts';
import { verifyAppendOnly } from '../../src/akd/verify-append-only.ts';
import { compareBytes, concatBytes, equalBytes } from '../../src/core/encoding/bytes.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { AKD_DAMAGES } from '../support/akd-damage.ts';
import {
  decodeProof,
  encodeProof,
  fixtureFolder,
  objectOf,
  readObjects,
  type TestNode,
  type TestObject,
} from '../support/akd-proofs.ts';
import { collectGarbage } from '../support/collect-garbage.ts';

const WHATSAPP = whatsAppConfiguration();
const LOGS: readonly [string, AkdConfiguration, TestObject[]][] = [
  ['whatsapp', WHATSAPP, readObjects(fixtureFolder('whatsapp'))],
  ['experimental', experimentalConfiguration('ExampleLabel'), readObjects(fixtureFolder('experimental'))],
];
const MAX_NODES = 1_000;

const verify = (object: TestObject, configuration = WHATSAPP) =>
  verifyAppendOnly(configuration, { ...object, endEpoch: object.epoch }, object.bytes, MAX_NODES);
const code = (expected: string) => expect.objectContaining({ code: expected });

/** Returns the code that refuses an object; undefined if it is accepted. Anything but an error of ours is thrown. */
function refusal(object: TestObject, configuration?: AkdConfiguration): string | undefined {
  try {
    verify(object, configuration);
    return undefined;
  } catch (error) {
    if (isGlasskeyError(error)) return error.code;
    throw error;
  }
}

/** An object of the crate whose unchanged nodes begin with a leaf. */
function honestObject(): TestObject {
  const object = LOGS[0]?.[2].find(({ bytes }) => decodeProof(bytes).unchanged.some(({ bits }) => bits === 256));
  if (object === undefined) throw new Error('no fixture has an unchanged leaf');
  const { inserted, unchanged } = decodeProof(object.bytes);
  const isLeaf = ({ bits }: TestNode): boolean => bits === 256;
  const sorted = [...unchanged.filter(isLeaf), ...unchanged.filter((node) => !isLeaf(node))];
  return { ...object, bytes: encodeProof({ inserted, unchanged: sorted }) };
}

/** Gives an object the name that it would have if the rules about labels did not exist. */
function renamed(object: TestObject): TestObject {
  const { inserted, count, labels, values } = decodeProofNodes(object.bytes, MAX_NODES);
  const [labelView, valueView] = [viewOf(labels), viewOf(values)];
  const children = new DataView(new ArrayBuffer(count * WHATSAPP.childBytes));
  for (let node = 0; node < count; node++) {
    if (node < inserted) WHATSAPP.hashLeaf(valueView, 32 * node, object.epoch);
    WHATSAPP.writeChild(valueView, 32 * node, labelView, 36 * node, children, WHATSAPP.childBytes * node);
  }
  const part = (node: number) => labels.subarray(36 * node + 4, 36 * node + 36);
  const order = Uint32Array.from({ length: count }, (_, node) => node);
  order.sort((a, b) => compareBytes(part(a), part(b)) || labelBits(labels, a) - labelBits(labels, b));
  const root = (some: Uint32Array) => treeRoot(WHATSAPP, { labels, children }, some);
  return { ...object, previous: root(order.filter((node) => node >= inserted)), current: root(order) };
}

describe.each(LOGS)('proofs of the akd crate: %s', (_, configuration, objects) => {
  it('verify, each from the root of the one before, beginning with the empty tree', () => {
    let root = configuration.emptyRoot;
    for (const object of objects) {
      expect(equalBytes(object.previous, root)).toBe(true);
      expect(verify(object, configuration).inserted).toBeGreaterThan(0);
      root = object.current;
    }
    expect(objects.length).toBeGreaterThan(2);
  });

  it('are refused with any bit flipped', () => {
    for (const object of objects.filter(({ bytes }) => bytes.length < 800)) {
      for (let bit = 0; bit < 8 * object.bytes.length; bit++) {
        const bytes = object.bytes.slice();
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit % 8));
        expect(refusal({ ...object, bytes }, configuration), `bit ${bit} of epoch ${object.epoch}`).toBeDefined();
      }
    }
  });

  it('are refused if anything is cut off or appended', () => {
    const object = objects[2] as TestObject;
    for (let length = 0; length < object.bytes.length; length++) {
      expect(
        refusal({ ...object, bytes: object.bytes.subarray(0, length) }, configuration),
        `${length} bytes`,
      ).toBeDefined();
    }
    for (const tail of [[0], [0x0a], [0x0a, 0x00], [0x12, 0x00], [0xff]]) {
      const bytes = concatBytes(object.bytes, Uint8Array.from(tail));
      expect(refusal({ ...object, bytes }, configuration)).toBeDefined();
    }
  });

  it('are refused under another configuration', () => {
    const others = [...LOGS.map(([, other]) => other), experimentalConfiguration('examplelabel')];
    for (const other of others)
      if (other !== configuration) expect(refusal(objects[1] as TestObject, other)).toBeDefined();
  });
});

describe('a damaged proof', () => {
  const honest = honestObject();

  it('is one that verifies before it is damaged', () => {
    expect(refusal(honest)).toBeUndefined();
    expect(refusal(objectOf(undefined, honest.epoch, decodeProof(honest.bytes)))).toBeUndefined();
    expect(decodeProof(honest.bytes).unchanged[0]).toMatchObject({ bits: 256 });
  });

  it.each(AKD_DAMAGES)('is refused: $title', ({ damage, code: expected }) => {
    expect(refusal(damage(honest))).toBe(expected);
  });

  it.each(AKD_DAMAGES.filter(({ breaksRule }) => breaksRule))('is refused under every name: $title', ({ damage }) => {
    expect(refusal(renamed(damage(honest)))).toBe('bad-auditor-update');
  });

  it('would be accepted under a name that fits, were it not for the rules', () => {
    expect(refusal(renamed({ ...honest, current: honest.previous }))).toBeUndefined();
  });

  it('is of at least 50 kinds', () => {
    expect(new Set(AKD_DAMAGES.map(({ title }) => title)).size).toBeGreaterThanOrEqual(50);
    expect(new Set(AKD_DAMAGES.map((known) => known.code))).toEqual(
      new Set(['bad-auditor-update', 'malformed-encoding']),
    );
  });
});

describe('a proof in another form of protobuf', () => {
  it('may have its fields in any order, and zeros at the end of labels', () => {
    const honest = honestObject();
    const { inserted, unchanged } = decodeProof(honest.bytes);
    const field = (tag: number, content: Uint8Array) => concatBytes(Uint8Array.of(tag, content.length), content);
    const node = ({ bits, label, value }: TestNode) => {
      const length = bits < 128 ? [bits] : [(bits & 0x7f) | 0x80, bits >> 7];
      const encoded = concatBytes(Uint8Array.of(0x10, ...length), field(0x0a, label));
      return concatBytes(field(0x12, value), field(0x0a, encoded));
    };
    const bytes = concatBytes(
      ...unchanged.map((n) => field(0x12, node(n))),
      ...inserted.map((n) => field(0x0a, node(n))),
    );
    expect(refusal({ ...honest, bytes })).toBeUndefined();
  });
});

describe('the bounds of a proof', () => {
  it('are checked before anything is allocated for its nodes', () => {
    // 16 million empty nodes: the columns for them would have 1.6 GB.
    const bytes = new Uint8Array(32 * 2 ** 20);
    for (let i = 0; i < bytes.length; i += 2) bytes[i] = 0x0a;
    const { arrayBuffers } = process.memoryUsage();
    collectGarbage();
    expect(() => verifyAppendOnly(WHATSAPP, { ...honestObject(), endEpoch: 1 }, bytes, 2 ** 22)).toThrow(code('usage'));
    expect(process.memoryUsage().arrayBuffers - arrayBuffers).toBeLessThan(2 ** 20);
  });

  it('hold for the number of nodes, exactly', () => {
    const object = LOGS[0]?.[2].at(-1) as TestObject;
    const { inserted, unchanged } = verify(object);
    const run = (most: number) => verifyAppendOnly(WHATSAPP, { ...object, endEpoch: object.epoch }, object.bytes, most);
    expect(run(inserted + unchanged)).toEqual({ inserted, unchanged });
    expect(() => run(inserted + unchanged - 1)).toThrow(code('usage'));
  });

  it('keep labels that share their beginnings from taking long', () => {
    const label = (i: number) =>
      new Uint8Array(32)
        .fill(7)
        .with(30, i >> 8)
        .with(31, i & 0xff);
    const inserted = Array.from({ length: 20_000 }, (_, i) => ({ bits: 256, label: label(i * 3), value: label(i) }));
    const bytes = encodeProof({ inserted, unchanged: [] });
    const { user } = process.cpuUsage();
    const wrong = { endEpoch: 1, previous: WHATSAPP.emptyRoot, current: WHATSAPP.emptyRoot };
    expect(() => verifyAppendOnly(WHATSAPP, wrong, bytes, 20_000)).toThrow(code('bad-auditor-update'));
    expect((process.cpuUsage().user - user) / 1000, 'processor time, ms').toBeLessThan(3_000);
  });
});
