import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatObjectName } from '../../../src/akd/object-name.ts';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import { type AkdAuditorServer, startAkdAuditor } from '../../support/akd-auditor-server.ts';
import { type AkdBucket, startAkdBucket } from '../../support/akd-bucket.ts';
import { fixtureFolder, readObjects, type TestObject } from '../../support/akd-proofs.ts';
import { CliSandbox } from '../../support/cli.ts';
import { serveFolder } from '../../support/static-server.ts';
import { until } from '../../support/until.ts';

const OBJECTS = readObjects(fixtureFolder('whatsapp'));
const LAST = OBJECTS.at(-1) as TestObject;
const entry = (object: TestObject) => [formatObjectName(object), object.bytes] as const;
const EMPTY_ROOT = 'f48ded419214732a2c610c1e280543744bab3c17aec33e444997fa2d8f79792a';

describe('audit-akd', () => {
  let sandbox: CliSandbox;
  let bucket: AkdBucket;
  let auditor: AkdAuditorServer;
  beforeEach(async () => {
    sandbox = new CliSandbox();
    bucket = await startAkdBucket(OBJECTS.map(entry));
    auditor = await startAkdAuditor();
  });
  afterEach(async () => {
    await Promise.all([sandbox.remove(), bucket.close(), auditor.close()]);
  });

  const audit = (...args: readonly string[]) => sandbox.run('audit-akd', bucket.url, '--state', 'state', ...args);
  const evidence = () => readdirSync(sandbox.path('state')).filter((name) => /^akd-evidence-.*\.json$/.test(name));

  it('verifies a bucket from the empty tree on, and next time what is new', async () => {
    bucket.objects.delete(formatObjectName(LAST));
    const first = await audit('--json');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(first.stdout)).toMatchObject({
      configuration: 'whatsapp',
      startEpoch: 0,
      startRoot: EMPTY_ROOT,
      fromEmptyTree: true,
      endEpoch: 4,
      endRoot: formatHex(LAST.previous),
      epochs: 4,
      allEpochs: 4,
      allInserted: 9,
    });
    bucket.objects.set(...entry(LAST));
    const second = await audit();
    expect(second.stdout).toContain('1 epochs of');
    expect(second.stdout).toContain('begins with the empty tree');
    expect((await audit()).stdout).toContain('nothing new after epoch 5');
  });

  it('verifies a folder, and a mirror by a file of names', async () => {
    const folder = fixtureFolder('experimental');
    const domain = ['--configuration', 'experimental', '--domain-label', 'ExampleLabel'];
    expect(await sandbox.run('audit-akd', folder, ...domain)).toMatchObject({ code: 0 });
    const mirror = await serveFolder(folder);
    const names = readObjects(folder).map(formatObjectName);
    writeFileSync(sandbox.path('names'), `${names.toReversed().join('\n')}\n`);
    const result = await sandbox.run('audit-akd', mirror.url, '--names', 'names', ...domain);
    await mirror.close();
    expect(result).toMatchObject({ code: 0 });
    expect(result.stdout).toContain('epochs 1 to 3, 23 insertions');
  });

  it('says what a later start rests on', async () => {
    const result = await audit('--from', '3');
    expect(result.stdout).toMatch(
      /rests on the root of epoch 2, [0-9a-f]{64}, which the log named and nobody here verified/,
    );
    const root = formatHex((OBJECTS[2] as TestObject).previous);
    expect((await audit('--from', '3', '--start-root', root)).stdout).toContain('which you gave');
    expect(await audit('--from', '2')).toMatchObject({ code: 1 });
    expect(await audit('--start-root', EMPTY_ROOT)).toMatchObject({ code: 1 });
  });

  it('exits with 2 for a proof that does not hold, and leaves evidence that others can check', async () => {
    const wrong = { ...(OBJECTS[2] as TestObject), bytes: (OBJECTS[1] as TestObject).bytes };
    bucket.objects.set(...entry(wrong));
    const result = await audit();
    expect(result).toMatchObject({ code: 2 });
    expect(result.stderr).toContain('(bad-auditor-update)');
    const [file = ''] = evidence();
    expect(result.stderr).toContain(file);
    // Two epochs were verified before, and the state says so.
    const state = JSON.parse(readFileSync(sandbox.path('state', 'akd-audit.json'), 'utf8')) as { endEpoch: number };
    expect(state.endEpoch).toBe(2);
    expect(await audit()).toMatchObject({ code: 2 });
    expect(evidence()).toEqual([file]);
    cpSync(sandbox.path('state'), sandbox.path('elsewhere'), { recursive: true });
    const checked = await sandbox.run('audit-akd', '--check', `elsewhere/${file}`);
    expect(checked).toMatchObject({ code: 2 });
    expect(checked.stdout).toContain('SHOWN: the object does not verify under its name');
    writeFileSync(sandbox.path('elsewhere', file.replace('.json', '.proof')), 'other');
    expect(await sandbox.run('audit-akd', '--check', `elsewhere/${file}`)).toMatchObject({ code: 1 });
  });

  it('exits with 2 for two objects of an epoch, and for a history that changed', async () => {
    expect(await audit('--to', '3')).toMatchObject({ code: 0 });
    const third = OBJECTS[2] as TestObject;
    bucket.objects.set(...entry({ ...third, current: LAST.current }));
    const two = await audit();
    expect(two).toMatchObject({ code: 2 });
    expect(two.stderr).toContain('(log-forked)');
    bucket.objects.delete(formatObjectName(third));
    expect(await audit()).toMatchObject({ code: 2 });
    expect(evidence()).toHaveLength(2);
    for (const file of evidence())
      expect(await sandbox.run('audit-akd', '--check', `state/${file}`)).toMatchObject({ code: 2 });
  });

  it('compares every root with what the auditor signed, and asks later for what is not signed yet', async () => {
    const flags = [
      '--auditor',
      auditor.url,
      '--auditor-namespace',
      auditor.namespace,
      '--auditor-key',
      auditor.publicKey,
    ];
    for (const { epoch, current } of OBJECTS.slice(0, 3)) auditor.roots.set(epoch, current);
    expect((await audit(...flags)).stdout).toContain('has not signed the last 2 of these roots yet');
    for (const { epoch, current } of OBJECTS) auditor.roots.set(epoch, current);
    auditor.roots.set(5, (OBJECTS[0] as TestObject).current);
    const forked = await audit(...flags);
    expect(forked).toMatchObject({ code: 2 });
    expect(forked.stderr).toContain('(log-forked)');
    auditor.roots.set(5, LAST.current);
    expect((await audit(...flags)).stdout).toContain('signed the same root for every epoch');
    const [file = ''] = evidence();
    const key = ['--auditor-key', auditor.publicKey];
    expect((await sandbox.run('audit-akd', '--check', `state/${file}`, ...key)).stdout).toContain(
      'another root for epoch 5',
    );
  });

  it('asks the auditor about the last root also where an earlier run had no auditor, and nothing is new', async () => {
    expect(await audit()).toMatchObject({ code: 0 });
    const flags = ['--auditor', auditor.url, '--auditor-namespace', auditor.namespace];
    auditor.roots.set(5, (OBJECTS[0] as TestObject).current);
    expect(await audit(...flags, '--auditor-key', auditor.publicKey)).toMatchObject({ code: 2 });
  });

  it('exits with 1 where nothing is said about the log', async () => {
    const far = ['audit-akd', 'http://log.example'];
    const cases: readonly (readonly string[])[] = [
      far,
      ['audit-akd', 'https://user:word@log.example'],
      ['audit-akd', 'none'],
      ['audit-akd', bucket.url, '--configuration', 'experimental'],
      ['audit-akd', bucket.url, '--domain-label', 'x'],
      ['audit-akd', bucket.url, '--from', '0'],
      ['audit-akd', bucket.url, '--start-root', 'ab'],
      ['audit-akd', bucket.url, '--auditor', auditor.url],
      ['audit-akd', bucket.url, '--max-nodes', '10'],
      ['audit-akd', bucket.url, '--names', 'none'],
      ['audit-akd', '--check', 'none'],
    ];
    for (const args of cases) expect(await sandbox.run(...args), args.join(' ')).toMatchObject({ code: 1, stdout: '' });
    bucket.lie = (_, response) => response.writeHead(503).end() !== undefined;
    expect(await audit()).toMatchObject({ code: 1 });
  });

  it('keeps watching, outlives a bucket that is away, and ends when something is wrong', async () => {
    bucket.objects.delete(formatObjectName(LAST));
    const child = sandbox.spawn('audit-akd', bucket.url, '--state', 'state', '--watch', '--interval', '1', '--json');
    let output = '';
    let errors = '';
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    await until(() => output.includes('"endEpoch":4'));
    bucket.lie = (_, response) => response.writeHead(503).end() !== undefined;
    await until(() => errors.includes('bad-response'));
    bucket.lie = () => false;
    bucket.objects.set(...entry(LAST));
    await until(() => output.includes('"endEpoch":5'));
    const exited = once(child, 'exit');
    bucket.objects.delete(formatObjectName(LAST));
    expect(await exited).toEqual([2, null]);
    expect(errors).toContain('is gone now (bad-audit-entry)');
  });

  it('continues after a crash in the middle of an audit', async () => {
    for (const call of [1, 2, 3]) {
      sandbox.killAt('rename', call);
      await audit();
    }
    sandbox.killAt(undefined);
    rmSync(sandbox.path('state', 'akd-audit.lock'), { force: true });
    const result = await audit('--json');
    expect(JSON.parse(result.stdout)).toMatchObject({ startEpoch: 0, endEpoch: 5, allInserted: 29 });
  });
});
