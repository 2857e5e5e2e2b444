import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DemoServer } from './demo/demo-server.ts';
import { falseRecord, falseVersion } from './demo/false-record.ts';
import { generateKey, MemoryState, isGlasskeyError, KeyDirectory } from '../client/index.ts';
import { useNativeCrypto } from '../native/native-crypto.ts';

const ALICE = 'alice@example.com';
const BOB = 'bob@example.com';

/** The people of the demo; `auditor` is a journalist who audits the whole log. */
interface Cast {
  readonly server: DemoServer;
  readonly alice: KeyDirectory;
  readonly bob: KeyDirectory;
  readonly auditor: KeyDirectory;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const act = (text: string): void => say(`\n── ${text}`);
const open = ({ url }: DemoServer): Promise<KeyDirectory> =>
  KeyDirectory.open({ server: url, state: new MemoryState() });

/** Runs something that a client must refuse, and shows the refusal. Throws if the client accepts it. */
async function caught(who: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isGlasskeyError(error) || error.fault !== 'verification') throw error;
    return say(`   ${who} refuses it: ${error.message} (${error.code})`);
  }
  throw new Error(`${who} noticed nothing`);
}

/** `npm run demo`: a directory that tells the truth, then an operator that lies three times. */
async function demo(folder: string): Promise<void> {
  act('A Glasskey server starts, with a log and a certificate authority of its own.');
  const server = await DemoServer.start(folder);
  try {
    const [alice, bob, auditor] = await Promise.all([open(server), open(server), open(server)]);
    const cast = { server, alice, bob, auditor };
    say(`   ${server.url}, trust bundle ${alice.fingerprint.slice(0, 16)}…`);
    const beforeBob = await tellTheTruth(cast);
    await swapCertificate(cast);
    await publishFalseVersion(cast);
    await rewriteHistory(cast, beforeBob);
    say('\nAll three lies were noticed. Nobody had to trust the operator: it was enough that somebody looked.\n');
  } finally {
    await server.stop();
  }
}

/** Registers Alice and Bob, looks Bob up and audits. Returns the log's head before Bob registered. */
async function tellTheTruth({ server, alice, bob, auditor }: Cast): ReturnType<DemoServer['snapshot']> {
  act('Alice registers a key for her address. The log records it; the authority certifies it.');
  const { binding: own } = await alice.register(ALICE, { token: server.token, key: await generateKey() });
  say(`   ${ALICE} is version ${own.version}, in the log of ${own.treeSize} entries`);
  const beforeBob = await server.snapshot();

  act('Bob registers too. Alice looks him up: his certificate comes with a proof, which her device verifies.');
  await bob.register(BOB, { token: server.token, key: await generateKey() });
  const seen = await alice.lookup(BOB);
  if (!seen.found) throw new Error('Bob is not there');
  say(`   Bob's key is ${seen.binding.certificates[0]?.spkiSha256.slice(0, 16)}…, the one that Bob made himself`);
  const report = await auditor.audit();
  say(`   A journalist audits the whole log: all ${report.treeSize} entries hold`);
  return beforeBob;
}

/** First lie: a false certificate in the database. */
async function swapCertificate({ server, alice }: Cast): Promise<void> {
  act('The operator turns evil. With the authority’s own key it certifies Mallory’s key as Bob’s,');
  say('   and swaps the two certificates in the database of the running server.');
  const restore = await server.replaceRecord(await falseRecord(server, BOB, await generateKey()));
  await caught('Alice’s device', () => alice.lookup(BOB));
  await restore();
  await alice.lookup(BOB);
  say('   (The operator restores the true certificate, and Alice’s lookup verifies again.)');
}

/** Second lie: a false version in the log. */
async function publishFalseVersion({ server, bob }: Cast): Promise<void> {
  act('So the operator publishes Mallory’s key properly: in the log, signed, as the next version of Bob’s record.');
  await server.publish(await falseVersion(server, BOB, await generateKey()));
  const fresh = await (await open(server)).lookup(BOB);
  const keys = fresh.found ? fresh.binding.certificates.length : 0;
  say(`   A stranger who never looked before finds it: ${keys} keys for Bob.`);
  const [monitored] = await bob.monitor();
  const alerts = monitored?.role === 'owner' ? monitored.alerts : [];
  if (alerts.length === 0) throw new Error('Bob’s device noticed nothing');
  for (const { reason } of alerts)
    say(`   Bob’s device, which monitors his name, reports: ${reason} (unexpected-version)`);
}

/** Third lie: another history, signed with the true keys. */
async function rewriteHistory(
  { server, alice, auditor }: Cast,
  beforeBob: Awaited<ReturnType<DemoServer['snapshot']>>,
): Promise<void> {
  act(
    'At last the operator rewrites history. It rolls the database back to before Bob registered, restarts the server,',
  );
  say('   registers Mallory’s key as Bob’s first one, and signs the new log with the log’s true keys.');
  await server.rewindTo(beforeBob);
  const liar = await open(server);
  await liar.register(BOB, { token: server.token, key: await generateKey() });
  await liar.register('nobody@example.com', { token: server.token, key: await generateKey() });
  const stranger = await (await open(server)).lookup(BOB);
  say(`   A stranger who never looked before is deceived: ${stranger.found ? 'a false key for Bob' : 'nothing'}.`);
  await caught('Alice’s device, which remembers the log,', () => alice.lookup(BOB));
  await caught('The journalist, who audited it before,', () => auditor.audit());
}

useNativeCrypto();
const folder = await mkdtemp(join(tmpdir(), 'glasskey-demo-'));
try {
  await demo(folder);
} catch (error) {
  process.stderr.write(`the demo failed: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
