import { expect, test } from 'vitest';
import { describeEachStore, NOW_MS } from './each-store.ts';
import { bytes, enqueue, labelKey, sampleBatch, sampleCertificate, sampleIntent, sampleSubmission } from './samples.ts';

const request = bytes('request');

describeEachStore('issuance rows', ({ newLog }) => {
  test('an intent is in the way of the next', async () => {
    const log = await newLog();
    const intent = sampleIntent('alice');
    expect(await log.openIntent(intent)).toEqual({ opened: true });
    const existing = { ...intent, state: 'open', serial: undefined, submissionId: undefined };
    expect(await log.openIntent(sampleIntent('alice', 0, 'another'))).toEqual({ opened: false, existing });
    expect(await log.openIntent(sampleIntent('alice', 1))).toEqual({ opened: true });
    expect(await log.openIntent(sampleIntent('bob'))).toEqual({ opened: true });
  });

  test('of 200 simultaneous intents exactly one is opened, and all others learn which', async () => {
    const log = await newLog();
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, i) => log.openIntent(sampleIntent('alice', 0, `request ${i}`))),
    );
    const winner = results.findIndex((result) => result.opened);
    expect(results.filter((result) => result.opened)).toHaveLength(1);
    for (const result of results) {
      if (!result.opened) expect(result.existing.requestHash).toEqual(bytes(`request ${winner}`));
    }
  });

  test('a failed intent is replaced, by one of many', async () => {
    const log = await newLog();
    await log.openIntent(sampleIntent('alice'));
    expect(await log.failIntent({ labelKey: labelKey('alice'), version: 0 }, 'open', undefined)).toBe(true);
    expect(await log.failIntent({ labelKey: labelKey('alice'), version: 0 }, 'open', undefined)).toBe(false);
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) => log.openIntent(sampleIntent('alice', 0, `request ${i}`))),
    );
    expect(results.filter((result) => result.opened)).toHaveLength(1);
  });

  test('a submission, its certificate and its intent become durable together', async () => {
    const log = await newLog();
    await log.openIntent(sampleIntent('alice'));
    const submission = sampleSubmission('alice');
    const certificate = sampleCertificate('alice');
    const { submissionId } = await log.submit(submission, certificate, request);
    expect(await log.readQueue(10)).toEqual([{ ...submission, id: submissionId }]);
    expect(await log.queueDepth()).toBe(1);
    expect(await log.oldestQueued()).toBe(submissionId);
    expect(await log.readOutcomes([submissionId])).toEqual([{ id: submissionId, state: 'queued' }]);
    expect(await log.findCertificate(certificate.serial)).toEqual(certificate);
    expect(await log.findCertificateByRequest(labelKey('alice'), request)).toEqual(certificate);
    const again = await log.openIntent(sampleIntent('alice', 0, 'other'));
    const { serial } = certificate;
    expect(again).toMatchObject({ opened: false, existing: { state: 'submitted', serial, submissionId } });
  });

  test('a submission without a certificate', async () => {
    const log = await newLog();
    await log.openIntent(sampleIntent('alice'));
    const { submissionId } = await log.submit(sampleSubmission('alice'), undefined, request);
    const again = await log.openIntent(sampleIntent('alice'));
    expect(again).toMatchObject({ existing: { state: 'submitted', serial: undefined, submissionId } });
    expect(await log.findCertificateByRequest(labelKey('alice'), request)).toBeUndefined();
  });

  test('only the open intent of the same request can be submitted, and once', async () => {
    const log = await newLog();
    const conflict = { code: 'version-conflict' };
    const certificate = sampleCertificate('alice');
    const submit = (hash: Uint8Array): Promise<unknown> => log.submit(sampleSubmission('alice'), certificate, hash);
    await expect(submit(request)).rejects.toMatchObject(conflict);
    await log.openIntent(sampleIntent('alice'));
    await expect(submit(bytes('another'))).rejects.toMatchObject(conflict);
    await log.failIntent({ labelKey: labelKey('alice'), version: 0 }, 'open', undefined);
    await expect(submit(request)).rejects.toMatchObject(conflict);
    expect(await log.findCertificate(certificate.serial)).toBeUndefined();
    expect(await log.queueDepth()).toBe(0);
    expect(await log.oldestQueued()).toBeUndefined();
    await log.openIntent(sampleIntent('alice'));
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => submit(request)));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    expect(await log.queueDepth()).toBe(1);
  });

  test('a serial that exists undoes the whole submission', async () => {
    const log = await newLog();
    await enqueue(log, 'alice');
    await log.openIntent(sampleIntent('bob'));
    const { serial } = sampleCertificate('alice');
    const certificate = { ...sampleCertificate('bob'), serial };
    await expect(log.submit(sampleSubmission('bob'), certificate, request)).rejects.toMatchObject({
      code: 'storage-failed',
    });
    expect(await log.queueDepth()).toBe(1);
    const again = await log.openIntent(sampleIntent('bob'));
    expect(again).toMatchObject({ opened: false, existing: { state: 'open', serial: undefined } });
  });

  test('a serial is lower-case hex of at most 20 bytes', async () => {
    const log = await newLog();
    for (const serial of ['', '0', 'AB', 'zz', 'ab'.repeat(21)]) {
      await expect(log.findCertificate(serial)).rejects.toMatchObject({ code: 'value-out-of-range' });
    }
  });

  test('sequencing settles submissions and intents', async () => {
    const log = await newLog();
    const [alice, bob, carol] = [await enqueue(log, 'alice'), await enqueue(log, 'bob'), await enqueue(log, 'carol')];
    expect((await log.readQueue(2)).map((row) => row.id)).toEqual([alice.id, bob.id]);
    const bytes = alice.value.length + bob.value.length;
    expect((await log.readQueue(10, bytes)).map((row) => row.id)).toEqual([alice.id, bob.id]);
    expect((await log.readQueue(10, bytes - 1)).map((row) => row.id)).toEqual([alice.id]);
    expect((await log.readQueue(10, 1)).map((row) => row.id)).toEqual([alice.id]);
    await log.append(sampleBatch(0, [alice], { rejected: [{ submissionId: bob.id, code: 'version-conflict' }] }));
    expect(await log.readOutcomes([carol.id, bob.id, 999_999, alice.id])).toEqual([
      { id: carol.id, state: 'queued' },
      { id: bob.id, state: 'rejected', code: 'version-conflict' },
      { id: alice.id, state: 'sequenced', position: 0 },
    ]);
    expect((await log.readQueue(10)).map((row) => row.id)).toEqual([carol.id]);
    // The version before counts, too.
    const again = await enqueue(log, 'alice', 1);
    const three = carol.value.length + again.value.length + alice.value.length;
    expect((await log.readQueue(10, three)).map((row) => row.id)).toEqual([carol.id, again.id]);
    expect((await log.readQueue(10, three - 1)).map((row) => row.id)).toEqual([carol.id]);
    expect(await log.openIntent(sampleIntent('alice'))).toMatchObject({ existing: { state: 'sequenced' } });
    expect(await log.openIntent(sampleIntent('bob'))).toEqual({ opened: true });
    expect((await log.findCertificate(sampleCertificate('alice').serial))?.revokedMs).toBeUndefined();
  });

  test('a rejected submission puts its certificate on the CRL', async () => {
    const log = await newLog();
    const row = await enqueue(log, 'alice');
    await log.append(sampleBatch(0, [], { rejected: [{ submissionId: row.id, code: 'version-conflict' }] }));
    const { serial } = sampleCertificate('alice');
    expect(await log.listRevoked(0)).toEqual([{ serial, revokedMs: 1_001, reason: 5 }]);
  });

  test('a submission that was settled meanwhile stops the append', async () => {
    const log = await newLog();
    const row = await enqueue(log, 'alice');
    expect(await log.failIntent(row, 'submitted', undefined)).toBe(true);
    await expect(log.append(sampleBatch(0, [row]))).rejects.toMatchObject({ code: 'head-moved' });
    expect((await log.readHead()).size).toBe(0);
    expect(await log.findLabel(row.labelKey)).toBeUndefined();
  });

  test('failing a submitted intent rejects its submission and revokes its serial', async () => {
    const log = await newLog();
    const row = await enqueue(log, 'alice');
    expect(await log.failIntent(row, 'open', undefined)).toBe(false);
    expect(await log.failIntent(row, 'submitted', undefined)).toBe(true);
    expect(await log.readOutcomes([row.id])).toEqual([{ id: row.id, state: 'rejected', code: 'timed-out' }]);
    expect(await log.queueDepth()).toBe(0);
    const { serial } = sampleCertificate('alice');
    expect(await log.listRevoked(0)).toEqual([{ serial, revokedMs: NOW_MS, reason: 5 }]);
  });

  test('failing an open intent revokes a serial that was signed and never stored', async () => {
    const log = await newLog();
    await log.openIntent(sampleIntent('alice'));
    const revocation = { serial: '0badcafe', revokedMs: 5_000, reason: 0 };
    expect(await log.failIntent(sampleIntent('alice'), 'open', revocation)).toBe(true);
    expect(await log.listRevoked(10_000_000)).toEqual([revocation]);
  });

  test('revocations are listed by ranges of serials', async () => {
    const log = await newLog();
    const serials = ['40000001aa', '40000002aa', '40000002bb', '40000003aa'];
    for (const [i, serial] of serials.entries()) {
      const intent = sampleIntent(`user ${i}`);
      await log.openIntent(intent);
      await log.failIntent(intent, 'open', { serial, revokedMs: 9_000 - i, reason: 0 });
    }
    const listed = async (first: string, last: string, limit = 10) =>
      (await log.listRevoked(0, { first, last, limit })).map(({ serial }) => serial);
    expect(await listed('40000002', '40000002ffff')).toEqual(['40000002aa', '40000002bb']);
    expect(await listed('40000002aa', '40000002bb')).toEqual(['40000002aa', '40000002bb']);
    expect(await listed('00', 'ffff', 3)).toEqual(serials.slice(0, 3));
    expect((await log.listRevoked(0)).map(({ serial }) => serial)).toEqual(serials);
    const counted = (first: string, last: string, limit = 10) => log.countRevoked(0, { first, last, limit });
    expect(await counted('40000002', '40000002ffff')).toBe(2);
    expect(await counted('00', 'ffff', 3)).toBe(3);
    expect(await counted('50', 'ffff')).toBe(0);
  });

  test('a CRL shard is claimed once', async () => {
    const log = await newLog();
    expect(await log.countCrlShards()).toBe(0);
    const claimed = await Promise.all(Array.from({ length: 8 }, () => log.claimCrlShard()));
    expect(claimed.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await log.countCrlShards()).toBe(8);
    expect(await (await newLog()).countCrlShards()).toBe(0);
  });

  test('an intent that was sequenced cannot be failed', async () => {
    const log = await newLog();
    const row = await enqueue(log, 'alice');
    await log.append(sampleBatch(0, [row]));
    expect(await log.failIntent(row, 'submitted', undefined)).toBe(false);
    expect(await log.listRevoked(0)).toEqual([]);
  });

  test('failing and sequencing that race: one of them happens, wholly', async () => {
    const log = await newLog();
    let size = 0;
    for (let round = 0; round < 20; round++) {
      const row = await enqueue(log, `user ${round}`);
      const [failed, appended] = await Promise.allSettled([
        log.failIntent(row, 'submitted', undefined),
        log.append(sampleBatch(size, [row])),
      ]);
      const wasFailed = failed.status === 'fulfilled' && failed.value;
      expect(appended.status === 'fulfilled').toBe(!wasFailed);
      if (appended.status === 'fulfilled') size++;
      expect((await log.readHead()).size).toBe(size);
      expect((await log.findLabel(row.labelKey)) === undefined).toBe(wasFailed);
    }
  });

  test('stale intents, oldest first', async () => {
    const log = await newLog();
    await log.openIntent(sampleIntent('carol', 0, 'request', 3_000));
    await log.openIntent(sampleIntent('alice', 0, 'request', 1_000));
    await log.openIntent(sampleIntent('bob', 0, 'request', 2_000));
    await log.submit(sampleSubmission('bob'), sampleCertificate('bob'), request);
    await log.openIntent(sampleIntent('dave', 0, 'request', 500));
    await log.failIntent(sampleIntent('dave'), 'open', undefined);
    const stale = await log.staleIntents(3_000, 10);
    expect(stale.map((row) => row.createdMs)).toEqual([1_000, 2_000]);
    expect(stale.map((row) => row.state)).toEqual(['open', 'submitted']);
    expect(await log.staleIntents(9_999, 1)).toHaveLength(1);
  });

  test('purging forgets what is settled, and only that', async () => {
    const log = await newLog();
    const [alice, bob] = [await enqueue(log, 'alice'), await enqueue(log, 'bob')];
    await log.append(sampleBatch(0, [alice]));
    await log.purgeSettled(1_000);
    expect(await log.readOutcomes([alice.id])).toHaveLength(1);
    await log.purgeSettled(NOW_MS + 1);
    expect(await log.readOutcomes([alice.id, bob.id])).toEqual([{ id: bob.id, state: 'queued' }]);
    expect(await log.openIntent(sampleIntent('bob'))).toMatchObject({ existing: { state: 'submitted' } });
    // The version itself stays in the way.
    const { serial } = sampleCertificate('alice');
    expect(await log.openIntent(sampleIntent('alice', 0, 'other'))).toMatchObject({
      opened: false,
      existing: { state: 'sequenced', requestHash: request, serial },
    });
    expect(await log.openIntent(sampleIntent('alice', 1))).toEqual({ opened: true });
  });
});

describeEachStore('certificates', ({ newLog }) => {
  test('the CRL holds what is revoked and not expired; the first revocation stands', async () => {
    const log = await newLog();
    const [alice, bob] = [await enqueue(log, 'alice'), await enqueue(log, 'bob')];
    const serials = [sampleCertificate('alice').serial, sampleCertificate('bob').serial] as const;
    const revoked = { serial: serials[0], revokedMs: 2_000, reason: 1 };
    await log.append(sampleBatch(0, [alice, bob], { revocations: [revoked] }));
    await log.append(sampleBatch(1, [], { revocations: [{ ...revoked, revokedMs: 3_000, reason: 4 }] }));
    expect(await log.findCertificate(serials[0])).toMatchObject({ revokedMs: 2_000, revocationReason: 1 });
    expect(await log.findCertificate(serials[1])).toMatchObject({ revokedMs: undefined, revocationReason: undefined });
    expect(await log.listRevoked(9_000)).toEqual([revoked]);
    expect(await log.listRevoked(9_001)).toEqual([]);
    expect(await log.findCertificate('00')).toBeUndefined();
  });

  test('the newest certificate of a request', async () => {
    const log = await newLog();
    await enqueue(log, 'alice', 0);
    await enqueue(log, 'alice', 1);
    expect(await log.findCertificateByRequest(labelKey('alice'), request)).toMatchObject({ version: 1 });
    expect(await log.findCertificateByRequest(labelKey('bob'), request)).toBeUndefined();
  });
});

describeEachStore('application tokens', ({ newLog }) => {
  test('are added, found, listed and revoked once', async () => {
    const log = await newLog();
    const add = async (hash: string, name: string, createdMs: number) =>
      log.addToken({ id: await log.reserveTokenId(), tokenHash: bytes(hash), name, createdMs });
    const one = await add('token 1', 'first "token" \\', 1_000);
    const two = await add('token 2', 'second', 2_000);
    expect(one).toMatchObject({ name: 'first "token" \\', createdMs: 1_000, revokedMs: undefined });
    expect(await log.findToken(bytes('token 2'))).toEqual(two);
    expect(await log.findToken(bytes('token 3'))).toBeUndefined();
    expect(await log.listTokens()).toEqual([one, two]);
    expect(await log.revokeToken(one.id, 5_000)).toBe(true);
    expect(await log.revokeToken(one.id, 6_000)).toBe(false);
    expect(await log.findToken(bytes('token 1'))).toMatchObject({ revokedMs: 5_000 });
    await expect(add('token 2', 'again', 3_000)).rejects.toMatchObject({ code: 'storage-failed' });
  });
});
