import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { auditLog } from '../src/client/audit/audit-log.ts';
import type { OnAdded } from '../src/client/audit/replay-entries.ts';
import { folderLogFiles } from '../src/cli/audit/audit-source.ts';
import { MAX_NOTE_BYTES } from '../src/core/audit/note.ts';
import { sha256 } from '../src/core/crypto/sha256.ts';
import { encodeUtf8, formatHex } from '../src/core/encoding/bytes.ts';
import { installNativeHashes } from '../src/native/native-hashes.ts';
import type { WatchedName } from '../src/watch/records.ts';
import { nameChange, WatchStore } from '../src/watch/watch-store.ts';
import { type AuditLogFolder, writeAuditLog } from './audit-log-folder.ts';
import { round } from './load.ts';
import { describeMachine } from './machine.ts';

const USAGE = `usage: npm run bench:watch -- [--names 100000] [--changes 20000] [--hits 1000]

Measures a watcher's work for a monitoring window in which the log gets --changes label versions, --hits of them of watched
names: the processor time of the audit without and with the watched keys, of the journal, and of a start. The looks at names
with a new version are measured by bench:client. Prints JSON; what it is doing goes to stderr.`;

const NAMES_PER_STEP = 1_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      names: { type: 'string', default: '100000' },
      changes: { type: 'string', default: '20000' },
      hits: { type: 'string', default: '1000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  installNativeHashes();
  const [names, changes, hits] = [Number(values.names), Number(values.changes), Number(values.hits)];
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-watch-bench-'));
  try {
    console.error(`making a log of ${changes} versions`);
    const log = await writeAuditLog(join(folder, 'log'), changes, 64);
    const path = join(folder, 'watch.journal');
    console.error(`watching ${names} names`);
    const filled = await measured(async () => fill(await WatchStore.open(path), names, hits));
    const opened = await measured(() => WatchStore.open(path));
    const store = opened.result;
    console.error('auditing without, and with watched keys');
    const plain = await measured(() => audit(log, undefined));
    const found: string[] = [];
    const watching = await measured(() =>
      audit(log, (leaves) => {
        for (const { vrfOutput } of leaves) {
          const match = store.match(vrfOutput);
          if (match !== undefined) found.push(match.identity);
        }
      }),
    );
    const noted = await measured(() => note(store, found));
    console.log(
      JSON.stringify(
        {
          machine: describeMachine(),
          names,
          keys: store.keyCount,
          changes,
          found: found.length,
          processorSeconds: {
            fill: filled.processor,
            start: opened.processor,
            auditAlone: plain.processor,
            auditWatching: watching.processor,
            noteFound: noted.processor,
          },
          journalMegabytes: round((await stat(path)).size / 1e6, 0),
        },
        undefined,
        2,
      ),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Watches names with two keys each. The keys of the first `hits` names are those of the log's first labels. */
async function fill(store: WatchStore, names: number, hits: number): Promise<void> {
  for (let i = 0; i < names; i += NAMES_PER_STEP) {
    const some = Array.from({ length: Math.min(NAMES_PER_STEP, names - i) }, (_, n) => nameOf(i + n, i + n < hits));
    await store.commit(some.map(nameChange));
  }
}

function nameOf(i: number, isHit: boolean): WatchedName {
  const key = (of: string): string => formatHex(sha256(encodeUtf8(of)));
  const subscriber = { address: `mailto:user${i}@example.com`, secretHash: key(`secret ${i}`), confirmed: true };
  return {
    type: 'name',
    identity: `user${i}@example.com`,
    greatest: 1,
    commitment: key(`commitment ${i}`),
    keys: [
      { version: 3, key: key(`other ${i}`) },
      { version: 2, key: key(isHit ? `user${i}` : `next ${i}`) },
    ],
    added: [],
    mandate: `glasskey-mandate:${'A'.repeat(600)}`,
    number: 1,
    expiresMs: 2,
    subscribers: [{ id: key(`id ${i}`).slice(0, 24), ...subscriber }],
  };
}

async function audit(log: AuditLogFolder, onAdded: OnAdded | undefined): Promise<void> {
  const files = folderLogFiles(log.folder);
  const fetch = async (url: string): Promise<Response> => {
    const bytes = await files.read(new URL(url).pathname.replace(/^\/log\//, ''), MAX_NOTE_BYTES);
    return new Response(bytes.slice());
  };
  await auditLog({ baseUrl: 'http://log.test', bundle: log.bundle, fetch, now: Date.now, onAdded });
}

async function note(store: WatchStore, found: readonly string[]): Promise<void> {
  const names = found.map((identity) => store.name(identity)).filter((name) => name !== undefined);
  const added = [{ version: 2, position: 1, commitment: '00'.repeat(32), seenMs: 1 }];
  await store.commit(names.map((name) => nameChange(withAdded(name, added))));
}

function withAdded(name: WatchedName, added: WatchedName['added']): WatchedName {
  return { ...name, added };
}

async function measured<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly processor: number }> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return { result, processor: round((user + system) / 1e6, 2) };
}

await main();
