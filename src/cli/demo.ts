import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DemoServer } from './demo/demo-server.ts';
import { falseRecord, falseVersion } from './demo/false-record.ts';
import { generateKey, MemoryState, isGlasskeyError, KeyDirectory } from '../client/index.ts';
import { installNativeSha256 } from '../service/threads/native-sha256.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const act = (text: string): void => say(`\n── ${text}`);

/** Runs what has to be noticed. Gives the code; throws where it was not. */
async function caught(who: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isGlasskeyError(error) || error.fault !== 'verification') throw error;
    return say(`   ${who} refuses it: ${error.message} (${error.code})`);
  }
  throw new Error(`${who} noticed nothing`);
}

/** `npm run demo`: a directory that tells the truth, then an operator that lies, three times. */
async function demo(folder: string): Promise<void> {
  act('A Glasskey server starts, with a log and a certificate authority of its own.');
  const server = await DemoServer.start(folder);
  const open = (): Promise<KeyDirectory> => KeyDirectory.open({ server: server.url, state: new MemoryState() });
  try {
    const [alice, bob, auditor] = await Promise.all([open(), open(), open()]);
    say(`   ${server.url}, trust bundle ${alice.fingerprint.slice(0, 16)}…`);

    act('Alice registers a key for her address. The log records it, the authority certifies it.');
    const { binding: own } = await alice.register('alice@example.com', {
      token: server.token,
      key: await generateKey(),
    });
    say(`   alice@example.com is version ${own.version}, in the log of ${own.treeSize} entries`);
    const beforeBob = await server.snapshot();

    act('Bob registers too. Alice looks him up: his certificate comes with a proof, which her device checks.');
    const bobKey = await generateKey();
    await bob.register('bob@example.com', { token: server.token, key: bobKey });
    const seen = await alice.lookup('bob@example.com');
    if (!seen.found) throw new Error('Bob is not there');
    say(`   Bob's key is ${seen.binding.certificates[0]?.spkiSha256.slice(0, 16)}…, as Bob himself made it`);
    const report = await auditor.audit();
    say(`   A journalist audits the whole log: ${report.treeSize} entries, every one holds`);

    act('The operator turns evil. With the authority’s own key it certifies Mallory’s key as Bob’s,');
    say('   and puts that certificate in the place of Bob’s in the database of the running server.');
    const restore = await server.replaceRecord(await falseRecord(server, 'bob@example.com', await generateKey()));
    await caught('Alice’s device', () => alice.lookup('bob@example.com'));
    await restore();
    await alice.lookup('bob@example.com');
    say('   (The operator puts the true certificate back: Alice’s lookup holds again.)');

    act('So the operator publishes Mallory’s key properly: as the next version of Bob’s record, in the log, signed.');
    await server.publish(await falseVersion(server, 'bob@example.com', await generateKey()));
    const fresh = await (await open()).lookup('bob@example.com');
    say(
      `   Somebody who never looked before finds it: ${fresh.found ? fresh.binding.certificates.length : 0} keys for Bob.`,
    );
    const [monitored] = await bob.monitor();
    const alerts = monitored?.role === 'owner' ? monitored.alerts : [];
    if (alerts.length === 0) throw new Error('Bob’s device noticed nothing');
    for (const { reason } of alerts)
      say(`   Bob’s device, which monitors his name, reports: ${reason} (unexpected-version)`);

    act('At last the operator rewrites history: it takes the database back to before Bob registered,');
    say(
      '   restarts the server, registers Mallory’s key as Bob’s first one, and signs the new log with the log’s true keys.',
    );
    await server.rewindTo(beforeBob);
    const liar = await open();
    await liar.register('bob@example.com', { token: server.token, key: await generateKey() });
    await liar.register('nobody@example.com', { token: server.token, key: await generateKey() });
    const stranger = await (await open()).lookup('bob@example.com');
    say(`   Somebody who never looked before is deceived: ${stranger.found ? 'a false key for Bob' : 'nothing'}.`);
    await caught('Alice’s device, which remembers the log,', () => alice.lookup('bob@example.com'));
    await caught('The journalist, who audited it before,', () => auditor.audit());

    say('\nAll three lies were noticed. Nobody had to trust the operator; somebody only had to look.\n');
  } finally {
    await server.stop();
  }
}

installNativeSha256();
const folder = await mkdtemp(join(tmpdir(), 'glasskey-demo-'));
try {
  await demo(folder);
} catch (error) {
  process.stderr.write(`the demo failed: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
