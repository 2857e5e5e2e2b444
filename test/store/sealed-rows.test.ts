import { expect, test } from 'vitest';
import type { LogStore, NewRecovery, RecoveryRow, RowSealing } from '../../src/store/ports.ts';
import { RowSeals } from '../../src/store/row-seals.ts';
import { tokens } from '../../src/store/schema.ts';
import { describeEachStore } from './each-store.ts';
import { bytes, labelKey, sampleBatch, sampleHead, sampleIntent, sampleSubmission } from './samples.ts';

const record = (sequence: number) => ({ sequence, acts: '{}', hash: bytes(`record ${sequence}`, 32) });
const challenge = {
  challengeId: bytes('challenge', 16),
  labelKey: labelKey('alice'),
  spkiSha256: bytes('key'),
  codeHash: bytes('code'),
  createdMs: 1,
  expiresMs: 9,
};
const recovery: NewRecovery = {
  labelKey: labelKey('alice'),
  identity: 'alice@example.com',
  csr: bytes('csr', 100),
  spkiSha256: bytes('key'),
  evidence: Uint8Array.of(3),
  state: 'undecided',
  requestedMs: 5,
};
const token = { id: 1, tokenHash: bytes('token'), name: 'backend', createdMs: 3 };

/** Writes one row of each kind. */
async function fill(log: LogStore): Promise<void> {
  await log.addToken({ ...token, id: await log.reserveTokenId() });
  await log.addEmailChallenge(challenge, { sinceMs: 0, maximum: 9 });
  await log.addRecovery(recovery);
  await log.openIntent(sampleIntent('alice'));
  await log.submit({ ...sampleSubmission('alice'), act: '{}' }, undefined, bytes('request'));
}

/** What a log takes of the rows of {@link fill}: a word for each. */
async function taken(log: LogStore): Promise<string[]> {
  const word = async (read: Promise<unknown>): Promise<string> =>
    read.then(
      (row) => (row === undefined ? 'absent' : 'taken'),
      (error: { code: string }) => error.code,
    );
  const [queued] = await log.readQueue(9);
  const [listed] = await log.listRecoveries(undefined, 9);
  return [
    await word(log.findToken(token.tokenHash)),
    await word(log.tryEmailChallenge(challenge.challengeId, 9)),
    await word(log.findRecovery(recovery.labelKey)),
    listed?.isUnsealed === true ? 'unsealed-row' : 'taken',
    queued?.isUnsealed === true ? 'unsealed-row' : 'taken',
  ];
}

const TAKEN = ['taken', 'taken', 'taken', 'taken', 'taken'];
const REFUSED = TAKEN.map(() => 'unsealed-row');

describeEachStore('rows that authorise something', ({ store }) => {
  let logs = 0;
  const refused: string[] = [];
  const sealing = (but: Partial<RowSealing> = {}): RowSealing => {
    const refuse = (table: string): unknown => refused.push(table);
    return { key: bytes('seal'), origin: 'log.example', acceptsUnsealed: () => false, refused: refuse, ...but };
  };
  async function newLog(): Promise<(by?: RowSealing) => LogStore> {
    const { logId } = await store().createLog({ origin: `sealed-${logs++}`, configuration: new Uint8Array(4) });
    return (by) => store().log(logId, { sealing: by });
  }

  test('are taken by every server with the same key, and by none with another key or of another log', async () => {
    const log = await newLog();
    await fill(log(sealing()));
    expect(await taken(log(sealing()))).toEqual(TAKEN);
    expect(await taken(log(sealing({ key: bytes('another') })))).toEqual(REFUSED);
    expect(await taken(log(sealing({ origin: 'other.example' })))).toEqual(REFUSED);
    expect(new Set(refused)).toEqual(new Set(['tokens', 'email_challenges', 'recoveries', 'submissions']));
  });

  test('are sealed again by each change of the log itself', async () => {
    const log = (await newLog())(sealing());
    await fill(log);
    const claim = (await log.findRecovery(recovery.labelKey)) as RecoveryRow;
    await log.noteRecoveryNotified(claim, 7);
    const grant = { reason: 'why', version: 3, commitment: bytes('commitment') };
    const notified = { ...claim, notifiedMs: 7 };
    expect(await log.grantRecovery(notified, grant, record(0))).toBe(true);
    await log.tryEmailChallenge(challenge.challengeId, 9);
    const place = { version: 3, previousCommitment: bytes('commitment') };
    expect(await log.useEmailChallenge(challenge.challengeId, place)).toBe(true);
    const { id } = (await log.findToken(token.tokenHash))!;
    expect(await log.revokeToken(id, 8)).toBe(true);
    expect(await taken(log)).toEqual(TAKEN);
    expect(await log.findRecovery(recovery.labelKey)).toMatchObject({ state: 'granted', grantedVersion: 3 });
    expect(await log.listUnsealed()).toEqual([]);
  });

  test('count without a seal while an older program writes them, are listed, and are sealed once', async () => {
    const log = await newLog();
    await fill(log());
    expect(await taken(log(sealing()))).toEqual(REFUSED);
    const found = await log(sealing()).listUnsealed();
    const name = { labelKey: labelKey('alice') };
    const key = Buffer.from(bytes('key')).toString('hex');
    expect(found).toMatchObject([
      { table: 'tokens', about: 'application token backend, made 1970-01-01T00:00:00.003Z' },
      { table: 'email_challenges', name, about: `mailed code for key ${key}, until 1970-01-01T00:00:00.009Z` },
      { table: 'recoveries', name, about: `undecided recovery for key ${key}, asked 1970-01-01T00:00:00.005Z` },
      { table: 'submissions', name, about: 'queued version 0' },
    ]);
    for (const row of found) expect(await log(sealing()).sealRow(row)).toBe(true);
    await log().dropEmailChallenge(challenge.challengeId);
    expect(await log(sealing()).sealRow(found[1]!)).toBe(false);
    await log(sealing()).addEmailChallenge(challenge, { sinceMs: 0, maximum: 9 });
    expect(await taken(log(sealing()))).toEqual(TAKEN);
    const older = await newLog();
    await fill(older());
    expect(await taken(older(sealing({ acceptsUnsealed: () => true })))).toEqual(TAKEN);
  });

  test('get no seal from a change of the log itself if they had none, nor from a look at another content', async () => {
    const log = await newLog();
    await fill(log());
    const accepting = log(sealing({ acceptsUnsealed: () => true }));
    const claim = (await accepting.findRecovery(recovery.labelKey)) as RecoveryRow;
    await accepting.noteRecoveryNotified(claim, 7);
    const grant = { reason: 'why', version: 3, commitment: bytes('commitment') };
    expect(await accepting.grantRecovery({ ...claim, notifiedMs: 7 }, grant, record(0))).toBe(true);
    expect(await accepting.tryEmailChallenge(challenge.challengeId, 9)).toMatchObject({ labelKey: challenge.labelKey });
    const place = { version: 3, previousCommitment: bytes('commitment') };
    expect(await accepting.useEmailChallenge(challenge.challengeId, place)).toBe(true);
    const { id } = (await accepting.findToken(token.tokenHash))!;
    expect(await accepting.revokeToken(id, 8)).toBe(true);
    expect(await taken(log(sealing()))).toEqual(REFUSED);

    const looked = await accepting.listUnsealed();
    await log().dropEmailChallenge(challenge.challengeId);
    await log().addEmailChallenge({ ...challenge, spkiSha256: bytes('mine') }, { sinceMs: 0, maximum: 9 });
    for (const row of looked) expect(await accepting.sealRow(row)).toBe(true);
    expect(await taken(log(sealing()))).toEqual(['taken', 'unsealed-row', 'taken', 'taken', 'taken']);
    expect((await accepting.listUnsealed()).map(({ table }) => table)).toEqual(['email_challenges']);
  });

  test('count until the moment at which an administrator has sealed them', async () => {
    const log = await newLog();
    await fill(log());
    let accepts = true;
    const running = log(sealing({ acceptsUnsealed: () => accepts }));
    expect(await taken(running)).toEqual(TAKEN);
    accepts = false;
    expect(await taken(running)).toEqual(REFUSED);
  });

  test('a head has a seal from its append on; one of an older program counts until it is sealed, and as it was', async () => {
    const log = await newLog();
    expect((await log(sealing()).readHead()).size).toBe(0);
    await log(sealing()).append(sampleBatch(0));
    expect(await log(sealing()).readHead()).toEqual(sampleHead(1));
    await log().append(sampleBatch(1));
    await expect(log(sealing()).readHead()).rejects.toMatchObject({ code: 'unsealed-row' });
    await expect(log(sealing()).readLogEnd()).rejects.toMatchObject({ code: 'unsealed-row' });
    expect(await log(sealing({ acceptsUnsealed: () => true })).readHead()).toEqual(sampleHead(2));
    expect((await log(sealing()).listUnsealed()).map(({ table, key }) => [table, key])).toEqual([['heads', '2']]);
    expect(await log(sealing()).readUnsealedHead()).toEqual({ head: sampleHead(2), logEnd: undefined });
    // What was verified is sealed, and nothing that came in its place.
    expect(await log(sealing()).sealHead(sampleHead(1), undefined)).toBe(false);
    await log(sealing()).sealHead({ ...sampleHead(2), logEdge: bytes('other edge') }, undefined);
    await expect(log(sealing()).readHead()).rejects.toMatchObject({ code: 'unsealed-row' });
    expect(await log(sealing()).sealHead(sampleHead(2), undefined)).toBe(true);
    expect(await log(sealing()).readHead()).toEqual(sampleHead(2));
    await log(sealing()).append({ ...sampleBatch(2), logEnd: bytes('end') });
    expect(await log(sealing()).readLogEnd()).toEqual(bytes('end'));
    expect(await log(sealing()).listUnsealed()).toEqual([]);
  });
});

test('a seal covers the table, every column and its type, and tells values apart that read the same in a row', () => {
  const key = bytes('seal');
  const seals = new RowSeals({ key, origin: 'log.example', acceptsUnsealed: () => false, refused: () => undefined });
  const row = { tokenId: 1, tokenHash: bytes('token'), name: 'a', createdMs: 3, revokedMs: 4 };
  const changed = [
    row,
    { ...row, tokenId: 2 },
    { ...row, tokenHash: bytes('other') },
    { ...row, name: 'b' },
    { ...row, createdMs: 4, revokedMs: 3 },
    { ...row, revokedMs: null },
  ];
  const all = changed.map((one) => Buffer.from(seals.seal(tokens, one)).toString('hex'));
  expect(new Set(all).size).toBe(changed.length);
  expect(seals.seal(tokens, { ...row, revokedMs: undefined })).toEqual(seals.seal(tokens, { ...row, revokedMs: null }));
  expect(seals.isSealed(tokens, row, null)).toBe(false);
  expect(seals.isSealed(tokens, row, seals.seal(tokens, row))).toBe(true);
});
