import { concatBytes } from '../../src/core/encoding/bytes.ts';
import {
  bytesField,
  decodeProof,
  encodeLabel,
  encodeNode,
  leafOf,
  objectOf,
  referenceRoot,
  type TestNode,
  type TestObject,
  type TestProof,
  varint,
} from './akd-proofs.ts';

/** One way in which a proof is damaged, and the code that must refuse it. */
export interface AkdDamage {
  readonly title: string;
  readonly code: 'bad-auditor-update' | 'malformed-encoding';
  /** True if the lists break a rule about labels: then no name at all makes the proof acceptable. */
  readonly breaksRule?: boolean;
  damage(honest: TestObject): TestObject;
}

/** Lists that break a rule about labels. */
function ruleBroken(...[title, change]: Parameters<typeof lists>): AkdDamage {
  return { ...lists(title, change), breaksRule: true };
}

const VALUE = new Uint8Array(32).fill(0xab);

/** Changes the lists of a proof and lets the name have the roots that the changed lists would lead to. */
function lists(
  title: string,
  change: (proof: TestProof, epoch: number) => { proof: TestProof; before?: TestNode[]; after?: TestNode[] },
): AkdDamage {
  const damage = ({ epoch, bytes }: TestObject): TestObject => {
    const { proof, before, after } = change(decodeProof(bytes), epoch);
    return objectOf(undefined, epoch, proof, before, after);
  };
  return { title, code: 'bad-auditor-update', damage };
}

/** Keeps the name and changes the lists, so that the roots no longer follow. */
function kept(title: string, change: (proof: TestProof) => TestProof): AkdDamage {
  const damage = (honest: TestObject): TestObject => {
    return { ...honest, bytes: objectOf(undefined, honest.epoch, change(decodeProof(honest.bytes)), [], []).bytes };
  };
  return { title, code: 'bad-auditor-update', damage };
}

/** Keeps the bytes and changes the name. */
function named(title: string, change: (honest: TestObject) => Partial<TestObject>): AkdDamage {
  return { title, code: 'bad-auditor-update', damage: (honest) => ({ ...honest, ...change(honest) }) };
}

/** Changes the bytes of the first inserted node, or the bytes around it. */
function encoded(title: string, change: (node: TestNode, honest: TestObject) => Uint8Array): AkdDamage {
  const damage = (honest: TestObject): TestObject => {
    const { inserted, unchanged } = decodeProof(honest.bytes);
    const rest = objectOf(undefined, 1, { inserted: inserted.slice(1), unchanged }, [], []).bytes;
    return { ...honest, bytes: concatBytes(change(inserted[0] as TestNode, honest), rest) };
  };
  return { title, code: 'malformed-encoding', damage };
}

const element = (...parts: readonly Uint8Array[]): Uint8Array => bytesField(1, concatBytes(...parts));
const labelled = (label: Uint8Array, value: Uint8Array): Uint8Array =>
  element(bytesField(1, label), bytesField(2, value));
const first = (nodes: readonly TestNode[]): TestNode => nodes[0] as TestNode;
const leaves = ({ inserted }: TestProof, epoch: number): TestNode[] =>
  inserted.map((node) => leafOf(undefined, node, epoch));
const shorten = (node: TestNode, bits: number): TestNode => {
  return {
    ...node,
    bits,
    label: node.label.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i)))),
  };
};

/** Sets of nodes with which a leaf would be replaced, removed or hidden, under names that fit a careless verifier. */
const OF_SETS: readonly AkdDamage[] = [
  ruleBroken('a leaf is replaced: its label is unchanged and inserted, and the inserted one counts', (proof, epoch) => {
    const replaced = { ...first(proof.unchanged), value: VALUE };
    const after = [...proof.unchanged.slice(1), leafOf(undefined, replaced, epoch), ...leaves(proof, epoch)];
    return { proof: { ...proof, inserted: [replaced, ...proof.inserted] }, after };
  }),
  ruleBroken('a leaf is replaced, and the unchanged one counts', (proof, epoch) => {
    const replaced = { ...first(proof.unchanged), value: VALUE };
    const after = [...proof.unchanged, ...leaves(proof, epoch)];
    return { proof: { ...proof, inserted: [replaced, ...proof.inserted] }, after };
  }),
  ruleBroken('a whole subtree is replaced: a leaf is inserted where an unchanged node is', (proof, epoch) => {
    const over = { ...shorten(first(proof.unchanged), 256), value: VALUE };
    const hidden = { ...proof, unchanged: [shorten(first(proof.unchanged), 20), ...proof.unchanged.slice(1)] };
    const after = [...hidden.unchanged.slice(1), leafOf(undefined, over, epoch), ...leaves(proof, epoch)];
    return { proof: { ...hidden, inserted: [over, ...proof.inserted] }, after };
  }),
  ruleBroken('a node below an unchanged one is inserted, and the upper one counts', (proof, epoch) => {
    const unchanged = [shorten(first(proof.unchanged), 9), ...proof.unchanged.slice(1)];
    const inserted = [{ ...first(proof.unchanged), bits: 256, value: VALUE }, ...proof.inserted];
    return { proof: { inserted, unchanged }, after: [...unchanged, ...leaves(proof, epoch)] };
  }),
  ruleBroken('an unchanged node is inside another, and hides it after', (proof, epoch) => {
    const upper = { ...shorten(first(proof.unchanged), 5), value: VALUE };
    const after = [upper, ...proof.unchanged.slice(1), ...leaves(proof, epoch)];
    return { proof: { ...proof, unchanged: [upper, ...proof.unchanged] }, before: [...proof.unchanged], after };
  }),
  ruleBroken('an unchanged node is inside another, and is hidden before', (proof, epoch) => {
    const upper = { ...shorten(first(proof.unchanged), 5), value: VALUE };
    const before = [upper, ...proof.unchanged.slice(1)];
    return {
      proof: { ...proof, unchanged: [...proof.unchanged, upper] },
      before,
      after: [...proof.unchanged, ...leaves(proof, epoch)],
    };
  }),
  ruleBroken('an unchanged node is there twice', (proof, epoch) => {
    const after = [...proof.unchanged, ...leaves(proof, epoch)];
    return {
      proof: { ...proof, unchanged: [...proof.unchanged, first(proof.unchanged)] },
      before: [...proof.unchanged],
      after,
    };
  }),
  ruleBroken('an unchanged node is there twice, with two values: one before, one after', (proof, epoch) => {
    const other = { ...first(proof.unchanged), value: VALUE };
    const after = [other, ...proof.unchanged.slice(1), ...leaves(proof, epoch)];
    return { proof: { ...proof, unchanged: [...proof.unchanged, other] }, before: [...proof.unchanged], after };
  }),
  ruleBroken('an inserted leaf is there twice', (proof, epoch) => {
    const after = [...proof.unchanged, ...leaves(proof, epoch)];
    return { proof: { ...proof, inserted: [...proof.inserted, first(proof.inserted)] }, after };
  }),
  ruleBroken('an inserted leaf is there twice, with two values', (proof, epoch) => {
    const after = [...proof.unchanged, ...leaves(proof, epoch)];
    return { proof: { ...proof, inserted: [{ ...first(proof.inserted), value: VALUE }, ...proof.inserted] }, after };
  }),
  lists('a leaf is removed: it is before, and is not listed', (proof) => {
    return { proof: { ...proof, unchanged: proof.unchanged.slice(1) }, before: [...proof.unchanged] };
  }),
  lists('an unchanged value is changed', (proof) => {
    const changed = { ...first(proof.unchanged), value: VALUE };
    return { proof: { ...proof, unchanged: [changed, ...proof.unchanged.slice(1)] }, before: [...proof.unchanged] };
  }),
  lists('an unchanged leaf is inserted again, in this epoch', (proof) => {
    const inserted = [...proof.inserted, first(proof.unchanged)];
    return { proof: { inserted, unchanged: proof.unchanged.slice(1) }, before: [...proof.unchanged] };
  }),
  ruleBroken('a label of 255 bits is inserted', (proof) => {
    return { proof: { ...proof, inserted: [shorten(first(proof.inserted), 255), ...proof.inserted.slice(1)] } };
  }),
  ruleBroken('an inner node is inserted', (proof) => {
    return { proof: { ...proof, inserted: [shorten(first(proof.inserted), 40), ...proof.inserted.slice(1)] } };
  }),
  ruleBroken('an empty label is inserted', (proof, epoch) => {
    const whole = { bits: 0, label: new Uint8Array(32), value: VALUE };
    const after = [...proof.unchanged, ...leaves(proof, epoch)];
    return { proof: { ...proof, inserted: [whole, ...proof.inserted] }, after };
  }),
  ruleBroken('the whole tree is an unchanged node with an empty label', (proof, epoch) => {
    const whole = { bits: 0, label: new Uint8Array(32), value: VALUE };
    const after = [...proof.unchanged, ...leaves(proof, epoch)];
    return { proof: { ...proof, unchanged: [whole, ...proof.unchanged] }, before: [...proof.unchanged], after };
  }),
  ruleBroken('a label has bits after its length', (proof) => {
    const short = shorten(first(proof.unchanged), 250);
    const unchanged = [
      { ...short, label: short.label.with(31, (short.label[31] as number) | 1) },
      ...proof.unchanged.slice(1),
    ];
    return { proof: { ...proof, unchanged } };
  }),
  ruleBroken('a label has bytes after its length', (proof) => {
    const short = shorten(first(proof.unchanged), 240);
    const unchanged = [{ ...short, label: short.label.with(31, 1) }, ...proof.unchanged.slice(1)];
    return { proof: { ...proof, unchanged } };
  }),
  lists('leaves are hashed with the epoch before', (proof, epoch) => {
    return { proof, after: [...proof.unchanged, ...leaves(proof, epoch - 1)] };
  }),
  lists('leaves are not hashed with an epoch', (proof) => ({ proof, after: [...proof.unchanged, ...proof.inserted] })),
  kept('an inserted leaf is left out', (proof) => ({ ...proof, inserted: proof.inserted.slice(1) })),
  kept('a leaf is inserted that the name does not have', (proof) => {
    return { ...proof, inserted: [...proof.inserted, { bits: 256, label: VALUE, value: VALUE }] };
  }),
  kept('inserted and unchanged leaves change places', ({ inserted, unchanged }) => {
    return { inserted: unchanged.filter(({ bits }) => bits === 256), unchanged: inserted };
  }),
  kept('everything is left out', () => ({ inserted: [], unchanged: [] })),
];

const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, (bytes[at] as number) ^ 1);

const OF_NAMES: readonly AkdDamage[] = [
  named('the name has the next epoch', ({ epoch }) => ({ epoch: epoch + 1 })),
  named('the name has the epoch before', ({ epoch }) => ({ epoch: epoch - 1 })),
  named('the name has another hash before', ({ previous }) => ({ previous: flip(previous, 0) })),
  named('the name has another hash after', ({ current }) => ({ current: flip(current, 31) })),
  named('the hashes of the name change places', ({ previous, current }) => ({ previous: current, current: previous })),
  named('the name begins with the empty tree', () => ({ previous: referenceRoot(undefined, []) })),
];

const OF_BYTES: readonly AkdDamage[] = [
  encoded('a node has a field that is not defined', (node) => element(encodeNode(node), bytesField(3, VALUE))),
  encoded('a label has a field that is not defined', (node) => {
    return labelled(concatBytes(encodeLabel(node), Uint8Array.of(0x18, 1)), node.value);
  }),
  encoded('the proof has a field that is not defined', (node) =>
    concatBytes(element(encodeNode(node)), bytesField(3, VALUE)),
  ),
  encoded('a field has a large number', (node) => concatBytes(element(encodeNode(node)), varint(2 ** 28), varint(0))),
  encoded('a group begins', (node) => concatBytes(element(encodeNode(node)), Uint8Array.of(0x0b, 0x0c))),
  encoded('a node has two labels', (node) => element(bytesField(1, encodeLabel(node)), encodeNode(node))),
  encoded('a node has two values', (node) => element(encodeNode(node), bytesField(2, VALUE))),
  encoded('a label has its bytes twice', (node) =>
    labelled(concatBytes(bytesField(1, VALUE), encodeLabel(node)), node.value),
  ),
  encoded('a label has its length twice', (node) => {
    return labelled(concatBytes(encodeLabel(node), Uint8Array.of(0x10), varint(256)), node.value);
  }),
  encoded('a node has no label', (node) => element(bytesField(2, node.value))),
  encoded('a node has no value', (node) => element(bytesField(1, encodeLabel(node)))),
  encoded('a label has no bytes', (node) => labelled(Uint8Array.of(0x10, 0x80, 0x02), node.value)),
  encoded('a label has no length', (node) => labelled(bytesField(1, node.label), node.value)),
  encoded('a value has 31 bytes', (node) => labelled(encodeLabel(node), node.value.subarray(1))),
  encoded('a value has 33 bytes', (node) => labelled(encodeLabel(node), concatBytes(node.value, Uint8Array.of(0)))),
  encoded('a label has 33 bytes', (node) => {
    return labelled(
      concatBytes(bytesField(1, new Uint8Array(33).fill(1)), Uint8Array.of(0x10, 0x80, 0x02)),
      node.value,
    );
  }),
  encoded('a label has 257 bits', (node) => labelled(encodeLabel({ ...node, bits: 257 }), node.value)),
  encoded('a length has 2^32 + 256 bits', (node) =>
    labelled(encodeLabel({ ...node, bits: 2 ** 32 + 256 }), node.value),
  ),
  encoded('a length is written with a byte too many', (node) => {
    return labelled(concatBytes(bytesField(1, node.label), Uint8Array.of(0x10, 0x80, 0x82, 0x00)), node.value);
  }),
  encoded('a tag is written with a byte too many', (node) => {
    return concatBytes(Uint8Array.of(0x8a, 0x00), varint(encodeNode(node).length), encodeNode(node));
  }),
  encoded('the length of a field is written with a byte too many', (node) => {
    const { length } = encodeNode(node);
    return concatBytes(Uint8Array.of(0x0a, length | 0x80, 0x00), encodeNode(node));
  }),
  encoded('a length is written as bytes', (node) => {
    return labelled(concatBytes(bytesField(1, node.label), Uint8Array.of(0x12, 1, 1)), node.value);
  }),
  encoded('a field promises more than there is', (node) =>
    concatBytes(Uint8Array.of(0x0a), varint(2 ** 31), encodeNode(node)),
  ),
  encoded('a label is longer than its node', (node) =>
    element(Uint8Array.of(0x0a, 0x7f), encodeLabel(node), bytesField(2, node.value)),
  ),
  encoded('a value is cut off by the end of its node', (node) => element(encodeNode(node).subarray(0, -1))),
  encoded('a node is empty', (node) => concatBytes(element(encodeNode(node)), element())),
  encoded('the proof is followed by a zero byte', (node) => concatBytes(element(encodeNode(node)), Uint8Array.of(0))),
];

/** Every kind of damage. The honest object needs an unchanged leaf first, and an inserted one. */
export const AKD_DAMAGES: readonly AkdDamage[] = [...OF_SETS, ...OF_NAMES, ...OF_BYTES];
