import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { whatsAppConfiguration } from '../../../src/akd/akd-configuration.ts';
import { type AkdExhibits, AkdFinding } from '../../../src/akd/akd-finding.ts';
import { formatObjectName } from '../../../src/akd/object-name.ts';
import { compareWithAuditor } from '../../../src/cli/akd/akd-auditor.ts';
import { readAkdEvidence, writeAkdEvidence } from '../../../src/cli/akd/akd-evidence.ts';
import type { AkdKind } from '../../../src/cli/akd/akd-state.ts';
import { checkAkdEvidence } from '../../../src/cli/akd/check-akd-evidence.ts';
import type { ErrorCode } from '../../../src/core/error-codes.ts';
import { parseHex } from '../../../src/core/encoding/bytes.ts';
import { startAkdAuditor } from '../../support/akd-auditor-server.ts';
import { fixtureFolder, readObjects, type TestObject } from '../../support/akd-proofs.ts';

const KIND: AkdKind = { configuration: 'whatsapp', namedEpoch: 'end' };
const [FIRST, SECOND, THIRD] = readObjects(fixtureFolder('whatsapp')) as [TestObject, TestObject, TestObject];
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('evidence about an AKD log', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glasskey-akd-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const write = (of: ErrorCode, exhibits: AkdExhibits) =>
    writeAkdEvidence(new AkdFinding(of, 'words', exhibits), 'https://log.example', KIND, folder);
  async function check(path: string, auditorKey?: string): Promise<string> {
    const checker = { kind: KIND, configuration: whatsAppConfiguration(), maxNodes: 1000 };
    const key = auditorKey === undefined ? undefined : parseHex(auditorKey);
    return checkAkdEvidence(await readAkdEvidence(path, 10_000), { ...checker, auditorKey: key });
  }
  const damaged = { names: [formatObjectName(SECOND)], endEpoch: 2, reached: FIRST.current, object: THIRD.bytes };

  it('has the object beside it, and can be checked again', async () => {
    const path = await write('bad-auditor-update', damaged);
    expect(await readAkdEvidence(path, 10_000)).toEqual({
      place: 'https://log.example',
      kind: { ...KIND, domainLabel: undefined },
      code: 'bad-auditor-update',
      message: 'words',
      exhibits: { ...damaged, signed: undefined },
    });
    expect(await check(path)).toContain('does not verify');
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  it('is written once for a finding', async () => {
    const path = await write('bad-auditor-update', damaged);
    expect(await write('bad-auditor-update', damaged)).toBe(path);
    expect(await readdir(folder)).toHaveLength(2);
  });

  it('that accuses an honest object shows nothing', async () => {
    const path = await write('bad-auditor-update', { ...damaged, object: SECOND.bytes });
    await expect(check(path)).rejects.toEqual(code('not-proven'));
  });

  it('is refused with another object, a longer one, or none', async () => {
    const path = await write('bad-auditor-update', damaged);
    const object = path.replace('.json', '.proof');
    await writeFile(object, SECOND.bytes);
    await expect(check(path)).rejects.toEqual(code('bad-evidence'));
    await writeFile(object, new Uint8Array(10_001));
    await expect(check(path)).rejects.toEqual(code('usage'));
    await rm(object);
    await expect(check(path)).rejects.toThrow('ENOENT');
  });

  it.each([
    ['two names of an epoch', 'log-forked', [SECOND, { ...SECOND, current: THIRD.current }], undefined, true],
    ['one name twice', 'log-forked', [SECOND, SECOND], undefined, false],
    ['names of two epochs', 'log-forked', [SECOND, THIRD], undefined, false],
    ['a break', 'bad-audit-entry', [{ ...SECOND, current: FIRST.current }, THIRD], undefined, true],
    ['no break', 'bad-audit-entry', [SECOND, THIRD], SECOND.current, false],
    ['a break from a root that only the finder knows', 'bad-audit-entry', [THIRD], FIRST.current, false],
    ['that an epoch was not there', 'bad-audit-entry', [THIRD], FIRST.current, false],
    ['a break between epochs that do not follow each other', 'bad-audit-entry', [FIRST, THIRD], undefined, false],
  ] as const)('shows %s, or does not', async (_, of, names, reached, isShown) => {
    const path = await write(of, { names: names.map(formatObjectName), endEpoch: 2, reached });
    if (isShown) expect(await check(path)).not.toBe('');
    else await expect(check(path)).rejects.toEqual(code('not-proven'));
  });

  it.each([
    ['hashes', { configuration: 'experimental', domainLabel: 'x', namedEpoch: 'end' }],
    ['names', { configuration: 'whatsapp', namedEpoch: 'start' }],
  ] as const)('accuses no honest object by another kind of %s', async (_, kind) => {
    const finding = new AkdFinding('bad-auditor-update', 'words', { ...damaged, object: SECOND.bytes });
    const path = await writeAkdEvidence(finding, 'https://log.example', kind, folder);
    await expect(check(path)).rejects.toEqual(code('usage'));
  });

  it('that names its object in no form shows nothing', async () => {
    const path = await write('bad-auditor-update', { ...damaged, names: ['2/x/y'] });
    await expect(check(path)).rejects.toEqual(code('not-proven'));
  });

  it('shows a name in another form', async () => {
    expect(await check(await write('malformed-encoding', { names: ['2/x/y'], endEpoch: 2 }))).toContain('another form');
  });

  it('holds an auditor to its signature, by a key that the checker brings', async () => {
    const server = await startAkdAuditor();
    server.roots.set(2, THIRD.current);
    const auditor = { base: server.url, namespace: server.namespace, publicKey: parseHex(server.publicKey) };
    const finding = await compareWithAuditor(auditor, [{ epoch: 2, root: SECOND.current }]).then(
      () => undefined,
      (error: unknown) => error as AkdFinding,
    );
    const other = await startAkdAuditor();
    await Promise.all([server.close(), other.close()]);
    const path = await write('log-forked', (finding as AkdFinding).exhibits);
    expect(await check(path, server.publicKey)).toContain('another root');
    await expect(check(path)).rejects.toEqual(code('usage'));
    await expect(check(path, other.publicKey)).rejects.toEqual(code('not-proven'));
    const same = await write('log-forked', { ...(finding as AkdFinding).exhibits, reached: THIRD.current });
    await expect(check(same, server.publicKey)).rejects.toEqual(code('not-proven'));
  });

  it('is refused if it is damaged', async () => {
    const path = await write('bad-auditor-update', damaged);
    const text = await readFile(path, 'utf8');
    const others = [
      '',
      '{}',
      text.replace('evidence-1', 'evidence-2'),
      text.replace('"whatsapp"', '"signal"'),
      text.replace('"endEpoch": 2', '"endEpoch": 2.5'),
      text.replace('"reached": "', '"reached": "zz'),
      text.replace('"names": [', `"names": [${'"x",'.repeat(10)}`),
    ];
    for (const other of others) {
      expect(other).not.toBe(text);
      await writeFile(path, other);
      await expect(check(path), other).rejects.toEqual(code('bad-evidence'));
    }
    await writeFile(path, ' '.repeat(70_000));
    await expect(check(path)).rejects.toEqual(code('usage'));
  });
});
