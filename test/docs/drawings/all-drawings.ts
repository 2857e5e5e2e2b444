import type { InspectedEntry } from '../../../src/client/explore/explain-lookup.ts';
import { equalBytes } from '../../../src/core/encoding/bytes.ts';
import { isDistinguished, runOnTimestamps } from '../../../src/core/keytrans/distinguished.ts';
import { frontier, leftChild, pathTo, rightChild, rootOf } from '../../../src/core/keytrans/implicit-search-tree.ts';
import type { PrefixProof } from '../../../src/core/keytrans/proofs.ts';
import { splitPoint } from '../../../src/core/log/tree-node.ts';
import { referenceConfiguration } from '../../support/reference-log.ts';
import { makeHistory } from '../../vectors/make/history.ts';
import { ALICE } from '../../vectors/make/keys.ts';
import { makeLog, WINDOW_MS } from '../../vectors/make/lookups.ts';
import { briefly, recordedAnswer } from './recorded-answer.ts';
import { overview } from './overview.ts';
import { circle, drawing, legend, line, mark, type Point, rect, text, WIDTH } from './svg.ts';
import { drawTree, type ShownNode } from './tree.ts';

const FOUND = recordedAnswer('found, by a new client');
const ABSENT = recordedAnswer('absent, to a new client');

const NODES = [
  ['made', 'computed by the client'],
  ['sent', 'hash in the answer'],
  ['other', "another name's leaf"],
  ['empty', 'nothing there'],
] as const;

/**
 * Returns the drawings of the documents, by file name. Those of `docs/how-a-lookup-is-proved.md` show the answers of two
 * test vectors.
 */
export async function allDrawings(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['overview.svg', overview()],
    ['lookup-chain.svg', chainOfHashes()],
    ['lookup-prefix-tree.svg', prefixTree()],
    ['lookup-search-tree.svg', await searchTree()],
    ['lookup-log-tree.svg', logTree()],
    ['lookup-absent.svg', absentName()],
  ]);
}

/** From the name down to the signature: what is hashed into what. */
function chainOfHashes(): string {
  const { explained, verified } = FOUND;
  const { entry, search } = explained.shown;
  if (verified.type !== 'found') throw new Error('Alice is there');
  const rows = [
    ['label and version', `${FOUND.label}, version ${search.version}`, 'from the question and the answer'],
    ['search key', briefly(search.searchKey), 'VRF of label and version, proved in 80 bytes'],
    ['commitment', briefly(verified.commitment), 'HMAC-SHA-256 of opening, label, version and record'],
    [`prefix root of entry ${entry.position}`, briefly(entry.prefixRoot), 'from the leaf: search key and commitment'],
    ['log root', briefly(explained.logRoot), 'from leaves: timestamp and prefix root'],
    ['signature of the log', `for ${explained.treeSize} entries`, 'over Configuration, size and log root'],
    ['cosignatures', 'where the bundle names witnesses', 'under the same log root, in the audit log'],
  ] as const;
  const step = 58;
  const parts = rows.flatMap(([name, value, how], i) => {
    const y = 20 + i * step;
    const isLast = i === rows.length - 1;
    return [
      rect({ x: 30, y }, 302, 38, isLast ? 'plain' : 'box'),
      text({ x: 44, y: y + 16 }, name, '', 'start'),
      text({ x: 44, y: y + 31 }, value, 'mono', 'start'),
      text({ x: 352, y: y + 23 }, how, '', 'start'),
      ...(isLast ? [] : arrow({ x: 175, y: y + 38 }, step - 38)),
    ];
  });
  const title = 'What is hashed into what, from a name down to the signature';
  const words = rows.map(([name, , how]) => `${name}: ${how}`).join('. ');
  return drawing(title, `${words}.`, 20 + rows.length * step, parts);
}

function arrow({ x, y }: Point, length: number): string[] {
  const tip = { x, y: y + length - 2 };
  const left = { x: x - 5, y: tip.y - 6 };
  const right = { x: x + 5, y: tip.y - 6 };
  return [line({ x, y }, tip, 'arrow'), line(left, tip, 'arrow'), line(right, tip, 'arrow')];
}

/** The tree of names of the entry that shows Alice's newest version, as far as the proof shows it. */
function prefixTree(): string {
  const { explained, proof } = FOUND;
  const { entry } = explained.shown;
  const root = shownPrefixTree(entry, proof.prefixProofs[explained.entries.indexOf(entry)] as PrefixProof);
  const area = { left: 20, width: WIDTH - 40, top: 44, step: 56, hasBits: true };
  const searches = entry.searches.map(({ version, end, depth }) => {
    return `version ${version} ${end === 'found' ? 'is there' : 'is not there'}, after ${depth} turns`;
  });
  return drawing(
    `The prefix tree of entry ${entry.position}, as far as the answer shows it`,
    `Four searches in one proof: ${searches.join('; ')}. Each turn is a bit of a search key.`,
    480,
    [...drawTree({ ...root, labels: [`prefix root ${briefly(entry.prefixRoot)}`] }, area), ...legend(456, NODES)],
  );
}

/** Two trees of names, in each of which the absent name's place is empty. */
function absentName(): string {
  const { explained, proof } = ABSENT;
  const width = (WIDTH - 40) / explained.entries.length;
  const parts = explained.entries.flatMap((entry, i) => {
    const root = shownPrefixTree(entry, proof.prefixProofs[i] as PrefixProof);
    const area = { left: 20 + i * width, width, top: 56, step: 60, hasBits: true };
    const heading = text(
      { x: area.left + width / 2, y: 28 },
      `entry ${entry.position}: root ${briefly(entry.prefixRoot)}`,
    );
    return [heading, ...drawTree(root, area)];
  });
  const entries = explained.entries.map(({ position }) => position).join(' and ');
  const drawn = NODES.filter(([kind]) => kind !== 'other');
  return drawing(
    'The answer about a name that is not there',
    `In the prefix trees of entries ${entries}, the search key of version 0 leads to a place where nothing is.`,
    320,
    [...parts, ...legend(296, drawn)],
  );
}

/** Rebuilds the tree of a prefix proof, as its verifier does. */
function shownPrefixTree({ searches }: InspectedEntry, proof: PrefixProof): ShownNode {
  const terminals = searches
    .map((search, i) => ({ ...search, leaf: proof.results[i] }))
    .toSorted((a, b) => Buffer.compare(a.searchKey, b.searchKey));
  let used = 0;
  const element = (): ShownNode => {
    const hash = proof.elements[used++] as Uint8Array;
    return { kind: equalBytes(hash, new Uint8Array(32)) ? 'empty' : 'sent' };
  };
  const node = (depth: number, within: typeof terminals): ShownNode => {
    const [first] = within;
    if (first === undefined) return element();
    if (first.depth === depth) {
      const key = `key ${briefly(first.searchKey).slice(0, 4)}…`;
      const kind = ({ found: 'found', empty: 'empty', 'other-name': 'other' } as const)[first.end];
      const labels = [`${kind === 'found' ? '' : 'no '}version ${first.version}`, key];
      return { kind, labels, isGoal: true };
    }
    const isRight = ({ searchKey }: (typeof terminals)[number]): boolean =>
      (((searchKey[depth >> 3] as number) >> (7 - (depth & 7))) & 1) === 1;
    const left = node(
      depth + 1,
      within.filter((one) => !isRight(one)),
    );
    return { kind: 'made', children: [left, node(depth + 1, within.filter(isRight))] };
  };
  return node(0, terminals);
}

/** The log tree, as far as the proof shows it. */
function logTree(): string {
  const { explained, verified, proof } = FOUND;
  const { treeSize, logRoot } = explained;
  const leaves = new Map(verified.view.frontier.map((one) => [one.position, one.prefixRoot]));
  const inspected = new Set(explained.entries.map(({ position }) => position));
  let sent = 0;
  const node = (start: number, end: number): ShownNode => {
    const isShown = [...leaves.keys()].some((position) => position >= start && position < end);
    if (!isShown) {
      sent++;
      return { kind: 'sent', labels: [end - start === 1 ? `${start}` : `${start} to ${end - 1}`] };
    }
    if (end - start === 1) {
      const isGoal = inspected.has(start);
      return { kind: isGoal ? 'found' : 'made', labels: [`entry ${start}`, briefly(leaves.get(start)!)], isGoal };
    }
    const middle = start + splitPoint(end - start);
    return { kind: 'made', children: [node(start, middle), node(middle, end)] };
  };
  const root = node(0, treeSize);
  if (sent !== proof.inclusion.elements.length) throw new Error('the drawing shows other hashes than the answer has');
  const area = { left: 20, width: WIDTH - 40, top: 44, step: 62, hasBits: false };
  return drawing(
    `The log tree of ${treeSize} entries, as far as the answer shows it`,
    `The leaves of entries ${[...leaves.keys()].join(', ')} and ${sent} hashes give the root, which the log has signed.`,
    400,
    [
      ...drawTree({ ...root, labels: [`log root ${briefly(logRoot)}, which the log has signed`] }, area),
      ...legend(376, [
        ['found', 'leaf of an inspected entry'],
        ['made', 'computed by the client'],
        ['sent', 'hash in the answer'],
      ]),
    ],
  );
}

/** Writes a version under a leaf, and beside a node whose lines go on below it. */
function versionLabel({ x, y }: Point, version: number, isLeaf: boolean): string {
  const words = `version ${version}`;
  return isLeaf ? text({ x, y: y + 29 }, words, 'small') : text({ x: x + 24, y: y - 6 }, words, 'small', 'start');
}

/** The implicit binary search tree over the entries, with the way that the search takes. */
async function searchTree(): Promise<string> {
  const { explained, config } = FOUND;
  const size = explained.treeSize;
  const log = makeLog(referenceConfiguration(WINDOW_MS), await makeHistory());
  const versions = new Map((log.versions.get(ALICE) ?? []).map(({ position }, version) => [position, version]));
  const inspected = new Set(explained.entries.map(({ position }) => position));
  const window = config.reasonableMonitoringWindowMs;
  const isMet = (position: number): boolean =>
    runOnTimestamps(isDistinguished(position, size, window), (at) => log.timestamps[at] as number);
  const at = (position: number): Point => ({
    x: 40 + (position * (WIDTH - 80)) / (size - 1),
    y: 44 + (pathTo(position, size).length - 1) * 62,
  });
  const edge = frontier(size);
  const parts: string[] = [];
  const draw = (position: number): void => {
    for (const child of [leftChild(position), rightChild(position, size)]) {
      if (child === undefined) continue;
      parts.push(line(at(position), at(child), edge.includes(child) ? 'way' : ''));
      draw(child);
    }
    if (isMet(position)) parts.push(circle(at(position), 20, 'ring'));
    parts.push(circle(at(position), 14, inspected.has(position) ? 'box' : 'plain'));
    parts.push(text({ x: at(position).x, y: at(position).y + 4 }, String(position)));
    const version = versions.get(position);
    if (version !== undefined) {
      parts.push(versionLabel(at(position), version, leftChild(position) === undefined));
    }
  };
  draw(rootOf(size));
  const marks = [
    mark({ x: 30, y: 276 }, 'box'),
    text({ x: 44, y: 280 }, 'inspected by the search', 'small', 'start'),
    circle({ x: 228, y: 276 }, 8, 'ring'),
    text({ x: 244, y: 280 }, 'distinguished', 'small', 'start'),
    line({ x: 356, y: 276 }, { x: 380, y: 276 }, 'way'),
    text({ x: 388, y: 280 }, 'frontier', 'small', 'start'),
    text({ x: 470, y: 280 }, '“version 0”: of Alice, made here', 'small', 'start'),
  ];
  return drawing(
    `The implicit binary search tree over ${size} log entries`,
    `The frontier is ${edge.join(', ')}. The search inspects ${[...inspected].join(' and ')}.`,
    300,
    [...parts, ...marks],
  );
}
