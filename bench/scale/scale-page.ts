import { FULL_TILE_INTERVAL } from '../../src/core/prefix/tile-version.ts';
import { frontierLength } from '../../src/core/keytrans/implicit-search-tree.ts';
import { ASSUMPTIONS, SECONDS_PER_DAY } from './assumptions.ts';
import { measurePrefixTree, type PrefixTreeCost } from './prefix-tree-cost.ts';
import { LENGTHS, MOMENTS, type ScaleCosts, scaleCosts } from './scale-costs.ts';
import { SimulatedLog } from './simulated-log.ts';

/** Numbers of labels that the page is about. */
const LABELS = [1e6, 1e8, 1e9];

/** `docs/scale.md`: what one log costs, by number of labels. Always the same bytes. */
export function scalePage(): string {
  const all = LABELS.map(scaleCosts);
  return [HEAD, tables(all), formulas(all), measured()].join('\n\n').replaceAll(/\n{3,}/g, '\n\n') + '\n';
}

const HEAD = `# What a log costs

How much one log stores, and how much its users, auditors and witnesses transfer, at 10^6, 10^8 and 10^9 labels. This page is the output
of \`npm run scale\` (\`bench/scale/\`); a test compares. Nothing but the servers is timed: how fast a machine does it is what \`npm run bench\`
tells.

What is assumed: each label has ${ASSUMPTIONS.changesPerYear} changes a year beside its first version, one certificate of ${ASSUMPTIONS.certificateBytes} bytes and a name of ${ASSUMPTIONS.labelBytes}
bytes; the log is ${ASSUMPTIONS.years} year old; changes come evenly over the day; the monitoring window is ${ASSUMPTIONS.windowMs / 3_600_000} h; the suite is
\`KT_128_SHA256_Ed25519\`. Bytes are those of the encodings: without HTTP, TLS, a database's row headers and indexes, and without
compression but where it is named.`;

function tables(all: readonly ScaleCosts[]): string {
  const table = (title: string, rows: readonly (readonly [string, (one: ScaleCosts) => string])[]): string =>
    [
      `## ${title}`,
      '',
      `| labels | ${all.map(({ labels }) => count(labels)).join(' | ')} |`,
      `|---|${all.map(() => '---|').join('')}`,
      ...rows.map(([name, of]) => `| ${name} | ${all.map(of).join(' | ')} |`),
    ].join('\n');
  return [
    table('The log', [
      ['changes per second', ({ log }) => figure(log.changeRate)],
      ['log entries per second', ({ log }) => figure(log.entryRate)],
      ['changes in an entry', ({ log }) => figure(log.changesPerEntry)],
      ['log entries after a year', ({ log }) => count(log.size)],
      ['leaves of the newest prefix tree', ({ log }) => count(log.leaves)],
    ]),
    table('Stored for one binding', [
      ['prefix tree (copy on write)', ({ stored }) => size(stored.prefixTree)],
      ['log entry and tiles of both logs, shared by the changes of an entry', ({ stored }) => size(stored.entry)],
      ['record, proofs, certificate', ({ stored }) => size(stored.row)],
      ['**all**', ({ stored }) => `**${size(stored.total)}**`],
      ['all bindings of a year', ({ stored, log }) => size(stored.total * log.changesPerDay * 365)],
    ]),
    table('Answers', [
      ['lookup by a client that never looked, in the newest size', ({ answers }) => size(answers.firstLookup.newest)],
      ['in the released size with the shortest proof', ({ answers }) => size(answers.firstLookup.chosen)],
      ['the same, compressed', ({ answers }) => `**${size(answers.firstLookup.compressed)}**`],
      [
        'lookup by a client that looked yesterday, in the newest size',
        ({ answers }) => size(answers.nextLookup.newest),
      ],
      ['in the released size with the shortest proof', ({ answers }) => size(answers.nextLookup.chosen)],
      ['the same, compressed', ({ answers }) => `**${size(answers.nextLookup.compressed)}**`],
      ['one round of an owner’s monitoring', ({ answers }) => size(answers.ownerRound)],
      ['one round of a contact’s, after a change', ({ answers }) => size(answers.contactRound)],
    ]),
    table('The size of an answer', [
      ['released sizes to choose from', ({ log }) => count(log.recentSizes().length)],
      ['log entries inspected in the newest', ({ answers }) => figure(answers.firstLookup.inspected)],
      ['in the chosen one', ({ answers }) => figure(answers.firstLookup.inspectedChosen)],
    ]),
    idle(),
    table('A day', [
      ['monitoring, for one user', ({ monitoringDay }) => size(monitoringDay)],
      ['monitoring, for all users, at the server', ({ monitoringDay, labels }) => size(monitoringDay * labels)],
      [
        'the same as a rate',
        ({ monitoringDay, labels }) => `${figure((monitoringDay * labels * 8) / 86_400 / 1e6)} Mbit/s`,
      ],
      ['AuditorUpdate of one binding, derived when it is read', ({ update }) => size(update)],
      ['audit', ({ auditDay }) => size(auditDay)],
      ['the same as a rate', ({ auditDay }) => `${figure((auditDay * 8) / 86_400 / 1e6)} Mbit/s`],
      ['checkpoints for one witness', ({ checkpointsPerDay }) => count(checkpointsPerDay)],
      ['request to a witness', ({ witnessRequest }) => size(witnessRequest)],
      ['one witness, both ways', ({ witnessDay }) => size(witnessDay)],
    ]),
    table('Servers', [
      [
        'lookups and rounds of monitoring, per second',
        ({ labels }) => figure(Number(questionRate(labels).toPrecision(3))),
      ],
      [
        'processors of all readers, with their databases',
        ({ labels }) => figure(Number(((questionRate(labels) * ASSUMPTIONS.lookupCpuMs) / 1000).toPrecision(2))),
      ],
      [
        'changes, as a part of what one writer has appended',
        ({ log }) =>
          `${figure(Number(((100 * log.changeRate) / ASSUMPTIONS.registrationsPerSecond).toPrecision(2)))} %`,
      ],
    ]),
    table('Once', [['an audit from entry 0, after a year', ({ auditWhole }) => size(auditWhole)]]),
  ].join('\n\n');
}

/** Lookups and rounds of owners, per second. */
function questionRate(labels: number): number {
  const rounds = (SECONDS_PER_DAY * 1000) / ASSUMPTIONS.windowMs;
  return (labels * (ASSUMPTIONS.lookupsPerDay + rounds)) / SECONDS_PER_DAY;
}

/** The gain of a log that grows by heartbeats alone. */
function idle(): string {
  const logs = Array.from({ length: MOMENTS }, (_, i) => new SimulatedLog(0, 1 - i / (2 * MOMENTS)));
  const mean = (of: (log: SimulatedLog) => number): string =>
    figure(Number((logs.reduce((sum, log) => sum + of(log), 0) / MOMENTS).toPrecision(3)));
  return `An idle log, with an entry every ${ASSUMPTIONS.heartbeatMs / 1000} s, has ${mean((log) => log.recentSizes().length)} sizes to choose from: the chosen one has ${mean((log) => frontierLength(log.cheapestSize(undefined)))} frontier entries on average, the newest ${mean((log) => frontierLength(log.size))}.`;
}

function formulas(all: readonly ScaleCosts[]): string {
  const layers = all.map(({ labels, log }) => `${count(labels)}: ${layersOf(log.leaves)}`).join(', ');
  return `## How

- **Rates.** Changes come at \`r = labels × ${ASSUMPTIONS.changesPerYear} / year\`. An append takes what came within ${ASSUMPTIONS.batchIntervalMs} ms of its first change: \`r / (1 +
  r × ${ASSUMPTIONS.batchIntervalMs} ms)\` entries per second, at least one in ${ASSUMPTIONS.heartbeatMs / 1000} s and at least \`r / ${ASSUMPTIONS.entrySize}\`.
- **Prefix tree.** Search keys are random, so the first levels of a large tree are full and below them are trees that look like small
  ones. A tree of N leaves is taken as k layers of full tiles (4 levels each) above trees of N / 16^k leaves; those are built with the
  server's own code, from fixed keys, and measured. k is ${layers}. Of the \`2^d\` nodes at depth d, B random searches touch
  \`t(d) = 2^d × (1 - (1 - 2^-d)^B)\`; so B new leaves write \`Σ t(4i)\` tiles of the full layers and B times the tiles below, and a proof for them has
  \`Σ 2 t(d-1) - t(d)\` hashes from the full levels and B times those below.
  A new version of a tile is stored as the hashes that changed since an earlier one, and in full every ${FULL_TILE_INTERVAL}nd time.
- **Stored.** Tiles as above; an entry has ${LENGTHS.auditEntry} bytes and a hash in each of two tiled trees (× 256/255 for the tiles above); a version
  has its label key, VRF output and commitment (${LENGTHS.hash} each), VRF proof (${LENGTHS.vrfProof}), opening (${LENGTHS.opening}) and record (${LENGTHS.record}), which has the certificate and is packed to ${ASSUMPTIONS.packedRecordBytes}, the mean of a first registration and ${ASSUMPTIONS.changesPerYear} changes with their signatures; the certificate's hash
  is stored with its serial number. Pruning a log with a maximum lifetime gives the tiles back that only expired trees have.
- **Answers.** The planners of the server are run on a log of that many entries, with evenly spaced timestamps; they say which timestamps,
  ladders and log nodes the answer holds; the figure is the mean of 32 moments of the year's second half, since it depends on the binary
  form of the log's size. A ladder of several versions is a proof for so many random keys. A lookup adds record, opening
  and one VRF proof for each step of the binary ladder. The label has ${1 + ASSUMPTIONS.changesPerYear * ASSUMPTIONS.years} versions, the last two months old (for contacts: an hour old when
  it was shown).
- **The size of an answer.** Released sizes are ${ASSUMPTIONS.checkpointIntervalMs / 1000} s or an entry apart and at most half of \`max_behind\` old; the server takes the one whose proof is shortest, by [its own
  estimate](spec.md#the-size-of-an-answer). What the label's versions forbid is left out: they are older.
- **Compressed.** A subtree without new leaves has the same hash in the next inspected entry; deflate spends 4 % on a hash that it has seen. Between two
  entries with a new leaves, a sibling at depth d is the same with the probability \`(1 - 2^-d)^a\`. Everything else is taken as random, the record too. A test compares with zlib.
- **A day of monitoring** is ${(24 * 3_600_000) / ASSUMPTIONS.windowMs} rounds of an owner, with their requests. Contacts monitor only what was changed within a window before they
  looked, and nothing in a log with a third-party auditor.
- **Servers.** A user looks up ${ASSUMPTIONS.lookupsPerDay} names a day. A lookup costs ${ASSUMPTIONS.lookupCpuMs} ms of processor with PostgreSQL's part, the most that \`npm run bench\` gave on a busy machine
  (10,000 labels, 64 clients); a round is counted as a lookup. One server with PostgreSQL and the clients on the same two processors made ${ASSUMPTIONS.registrationsPerSecond}
  registrations a second at 100,000 labels ([performance](performance.md#a-server)). Readers and writer share nothing but the database.
- **An audit** reads each entry (${LENGTHS.auditEntry} + 2), its hash (${LENGTHS.hash} × 256/255) and the AuditorUpdates: once, by as many auditors as there are, from a static host.
- **Witnesses** get a checkpoint every second at most, with a consistency proof (the average of the last 64) and signatures by Ed25519 and
  ML-DSA-44 (${LENGTHS.ed25519Line} and ${LENGTHS.mlDsaCosignature} bytes), and answer with two cosignatures (${LENGTHS.ed25519Cosignature} and ${LENGTHS.mlDsaCosignature}). It does not grow with the number of users.`;
}

function layersOf(leaves: number): number {
  let layers = 0;
  for (let below = leaves; below >= 2 ** 14; below /= 16) layers++;
  return layers;
}

/** The measured constants, and how well the two halves of the model fit where a tree can be built whole. */
function measured(): string {
  const sizes = [2 ** 9, 2 ** 10, 2 ** 11, 2 ** 12, 2 ** 13];
  const costs = sizes.map(measurePrefixTree);
  const row = (cost: PrefixTreeCost): string =>
    `| ${count(cost.leaves)} | ${cost.tileBytes.toFixed(0)} | ${cost.insertion.elements.toFixed(2)} | ${cost.insertion.resultBytes.toFixed(1)} | ${cost.inclusion.elements.toFixed(2)} | ${cost.layerTileBytes.toFixed(0)} |`;
  const [small, large] = [costs[0] as PrefixTreeCost, costs.at(-1) as PrefixTreeCost];
  const modelled = small.tileBytes + large.layerTileBytes;
  const elements = small.insertion.elements + 4;
  return `## Measured constants

Averages over 128 leaves, of trees of the server's prefix tree code; bytes are those of stored tiles and encoded results.

| leaves | tiles stored for one leaf, bytes | hashes of its proof | result, bytes | hashes of a proof of inclusion | tile of a full layer, bytes |
|---|---|---|---|---|---|
${costs.map(row).join('\n')}

A check of the model: from ${count(small.leaves)} leaves, one full layer more says that a leaf in a tree of ${count(large.leaves)} writes ${modelled.toFixed(0)} bytes and needs
${elements.toFixed(2)} hashes; measured are ${large.tileBytes.toFixed(0)} and ${large.insertion.elements.toFixed(2)}.`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-GB');
}

function figure(value: number): string {
  return value >= 100 ? count(value) : String(Number(value.toPrecision(3)));
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes for people: powers of 1000. */
function size(bytes: number): string {
  let unit = 0;
  let value = bytes;
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000;
  return `${Number(value.toPrecision(3))} ${UNITS[unit]}`;
}
