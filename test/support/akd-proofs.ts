import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { blake3 } from '@noble/hashes/blake3.js';
import { concatBytes, encodeUtf8 } from '../../src/core/encoding/bytes.ts';
import { type ObjectName, parseObjectName } from '../../src/akd/object-name.ts';
import { decodeProofNodes, labelBits } from '../../src/akd/proof-nodes.ts';

/** A node of a proof, as a test builds it. */
export interface TestNode {
  readonly bits: number;
  /** 32 bytes. */
  readonly label: Uint8Array;
  readonly value: Uint8Array;
}

export interface TestProof {
  readonly inserted: readonly TestNode[];
  readonly unchanged: readonly TestNode[];
}

/** An object of a log. */
export interface TestObject extends ObjectName {
  readonly bytes: Uint8Array;
}

/** The domain label of an experimental configuration, or undefined for WhatsApp's. */
export type Domain = string | undefined;

const FIXTURES = join(import.meta.dirname, '../akd/fixtures');

/** The folder of the proofs that the crate made. */
export const fixtureFolder = (name: 'whatsapp' | 'experimental'): string => join(FIXTURES, name);

/** Reads the objects of a folder, in the order of their epochs. */
export function readObjects(folder: string): TestObject[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.split('/').length === 3,
  );
  const objects = files.map((name): TestObject => {
    const { epoch, previous, current } = parseObjectName(name);
    return { epoch, previous, current, bytes: new Uint8Array(readFileSync(join(folder, name))) };
  });
  return objects.sort((a, b) => a.epoch - b.epoch);
}

export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}

/** A field of bytes. */
export function bytesField(number: number, content: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of((number << 3) | 2), varint(content.length), content);
}

export function encodeLabel({ bits, label }: TestNode): Uint8Array {
  const used = label.findLastIndex((byte) => byte !== 0) + 1;
  return concatBytes(bytesField(1, label.subarray(0, used)), Uint8Array.of(0x10), varint(bits));
}

export function encodeNode(node: TestNode): Uint8Array {
  return concatBytes(bytesField(1, encodeLabel(node)), bytesField(2, node.value));
}

export function encodeProof({ inserted, unchanged }: TestProof): Uint8Array {
  return concatBytes(
    ...inserted.map((node) => bytesField(1, encodeNode(node))),
    ...unchanged.map((node) => bytesField(2, encodeNode(node))),
  );
}

/** Reads an honest proof, so that a test can change it. */
export function decodeProof(bytes: Uint8Array): TestProof {
  const { inserted, count, labels, values } = decodeProofNodes(bytes, 1_000_000);
  const nodes = Array.from({ length: count }, (_, i) => ({
    bits: labelBits(labels, i),
    label: labels.slice(36 * i + 4, 36 * i + 36),
    value: values.slice(32 * i, 32 * i + 32),
  }));
  return { inserted: nodes.slice(0, inserted), unchanged: nodes.slice(inserted) };
}

function hash(domain: Domain, ...parts: readonly Uint8Array[]): Uint8Array {
  return blake3(concatBytes(encodeUtf8(domain ?? ''), ...parts));
}

function uint(width: 4 | 8, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes.subarray(8 - width);
}

/** The value of an inserted leaf in the tree. */
export function leafOf(domain: Domain, node: TestNode, epoch: number): TestNode {
  return { ...node, value: hash(domain, node.value, uint(8, epoch)) };
}

const isOne = ({ label }: TestNode, bit: number): boolean =>
  (((label[bit >> 3] as number) >> (7 - (bit % 8))) & 1) === 1;

function commonPrefix(nodes: readonly TestNode[]): number {
  const shortest = Math.min(...nodes.map(({ bits }) => bits));
  let bits = 0;
  while (bits < shortest && nodes.every((node) => isOne(node, bits) === isOne(nodes[0] as TestNode, bits))) bits++;
  return bits;
}

const ROOT = { bits: 0, label: new Uint8Array(32) };

/**
 * The root of a set of nodes, by recursion and noble's BLAKE3: a second implementation, which shares nothing with the
 * one that it judges. Of nodes that nobody may list together it makes something, as a careless verifier might.
 */
export function referenceRoot(domain: Domain, nodes: readonly TestNode[]): Uint8Array {
  const isExperimental = domain !== undefined;
  const labelHash = ({ bits, label }: Omit<TestNode, 'value'>): Uint8Array => {
    const bytes = concatBytes(uint(4, bits), label);
    return isExperimental ? bytes : hash(domain, bytes);
  };
  const part = (node: TestNode): Uint8Array => {
    const both = concatBytes(node.value, labelHash(node));
    return isExperimental ? both : hash(domain, both);
  };
  const emptyLabel = isExperimental ? new Uint8Array(32).with(0, 1) : new Uint8Array(32).fill(1);
  const emptyValue = isExperimental
    ? new Uint8Array(32)
    : hash(domain, hash(domain, Uint8Array.of(0)), labelHash({ bits: 0, label: emptyLabel }));
  const empty = { bits: 0, label: emptyLabel, value: emptyValue };
  const parent = (at: Omit<TestNode, 'value'>, under: readonly TestNode[]): TestNode => {
    const sides = [false, true].map((side) =>
      under.filter((node) => node.bits > at.bits && isOne(node, at.bits) === side),
    );
    return { ...at, value: hash(domain, ...sides.map((side) => part(side.length === 0 ? empty : subtree(side)))) };
  };
  const subtree = (under: readonly TestNode[]): TestNode => {
    if (under.length === 1) return under[0] as TestNode;
    const bits = commonPrefix(under);
    const first = (under[0] as TestNode).label;
    const label = first.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff);
    return parent({ bits, label }, under);
  };
  const value =
    nodes.length === 0
      ? isExperimental
        ? new Uint8Array(32)
        : hash(domain, Uint8Array.of(0))
      : parent(ROOT, nodes).value;
  return isExperimental ? value : part({ ...ROOT, value });
}

/** An object whose name has the roots of other sets of nodes than the proof lists, or of the listed ones. */
export function objectOf(
  domain: Domain,
  epoch: number,
  proof: TestProof,
  before: readonly TestNode[] = proof.unchanged,
  after: readonly TestNode[] = [...proof.unchanged, ...proof.inserted.map((node) => leafOf(domain, node, epoch))],
): TestObject {
  const [previous, current] = [referenceRoot(domain, before), referenceRoot(domain, after)];
  return { epoch, previous, current, bytes: encodeProof(proof) };
}
