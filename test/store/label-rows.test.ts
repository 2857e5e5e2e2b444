import { expect, test } from 'vitest';
import type { VersionRow } from '../../src/store/ports.ts';
import { RECORD_DICTIONARY } from '../../src/store/record-dictionary.ts';
import { describeEachStore } from './each-store.ts';
import { bytes, enqueue, labelKey, sampleBatch, sampleMemory, sampleSubmission, toVersion } from './samples.ts';

describeEachStore('label rows', ({ newLog }) => {
  test('records that are stored packed are read, and counted, as they were', async () => {
    const log = await newLog();
    const rows: VersionRow[] = [];
    for (let version = 0; version < 4; version++) {
      const row = await enqueue(log, 'alice', version);
      // As long as it is, little of it is in the row; and one that begins as packed ones do.
      const value = Uint8Array.of(version === 3 ? 0 : 1, ...RECORD_DICTIONARY.subarray(0, 900), version);
      const versions = [
        { ...toVersion(row, version), value, label: row.label, submissionId: row.id, ...sampleMemory(row) },
      ];
      await log.append(sampleBatch(version, [], { versions, packsRecords: version > 0 }));
      rows.push({ ...toVersion(row, version), value });
    }
    const key = labelKey('alice');
    const { length } = rows[0]!.value!;
    expect(await log.readVersions(key, 0, 3)).toEqual(rows);
    expect(await log.readVersions(key, 0, 3, 3 * length)).toEqual(rows.slice(0, 3));
    expect(await log.readVersions(key, 0, 3, 3 * length - 1)).toEqual(rows.slice(0, 2));
    expect(await log.readLabelAt(key, 4)).toMatchObject({ greatest: rows[3] });
    // A row that says less than it has.
    const lying = Uint8Array.of(0, 1, 0, 0, ...bytes('filling', 900));
    for (const version of [4, 5]) {
      const row = await enqueue(log, 'alice', version);
      const content = { ...toVersion(row, version), value: lying, label: row.label, submissionId: row.id };
      await log.append(sampleBatch(version, [], { versions: [{ ...content, ...sampleMemory(row) }] }));
    }
    expect(await log.readVersions(key, 4, 5, 2 * lying.length - 1)).toHaveLength(1);
    const next = await enqueue(log, 'alice', 6);
    const other = await enqueue(log, 'bob', 0);
    const bytesOf = (row: { readonly value: Uint8Array }): number => row.value.length;
    const all = lying.length + bytesOf(next) + bytesOf(other);
    expect((await log.readQueue(9, all)).map(({ id }) => id)).toEqual([next.id, other.id]);
    expect((await log.readQueue(9, all - 1)).map(({ id }) => id)).toEqual([next.id]);
  });

  test('a label and its versions, one log entry each', async () => {
    const log = await newLog();
    const rows: VersionRow[] = [];
    for (let version = 0; version < 4; version++) {
      const row = await enqueue(log, 'alice', version);
      await log.append(sampleBatch(2 * version, [row], { entryCount: 2 }));
      rows.push(toVersion(row, 2 * version + 1));
    }
    const key = labelKey('alice');
    const label = { labelKey: key, label: new TextEncoder().encode('mailto:alice@example.com'), greatestVersion: 3 };
    expect(await log.findLabel(key)).toEqual(label);
    expect(await log.findLabel(labelKey('bob'))).toBeUndefined();
    expect(await log.readVersions(key, 1, 2)).toEqual(rows.slice(1, 3));
    expect(await log.readVersions(key, 3, 100)).toEqual(rows.slice(3));
    const length = (rows[0] as VersionRow).value?.length ?? 0;
    expect(await log.readVersions(key, 0, 3, 3 * length - 1)).toEqual(rows.slice(0, 2));
    expect(await log.readVersions(key, 1, 3, 2 * length)).toEqual(rows.slice(1, 3));
    expect(await log.readVersions(key, 1, 3, 1)).toEqual(rows.slice(1, 2));
    expect(await log.readVersionPositions(key, 8)).toEqual([1, 3, 5, 7]);
    expect(await log.readVersionPositions(key, 5)).toEqual([1, 3]);
    expect(await log.readVersionPositions(labelKey('bob'), 8)).toEqual([]);
    const ladder = (version: number) => {
      const { vrfOutput, vrfProof, commitment } = rows[version] as VersionRow;
      return { version, vrfOutput, vrfProof, commitment };
    };
    expect(await log.readLadder(key, [3, 7, 0])).toEqual([ladder(3), undefined, ladder(0)]);
    expect(await log.readLadder(key, [])).toEqual([]);
    const { labelHash, vrfMemory } = sampleMemory(sampleSubmission('alice', 3));
    const found = { label, vrfMemory, positions: [1, 3, 5, 7], greatest: rows[3] };
    expect(await log.readLabelAt(key, 8)).toEqual(found);
    expect(await log.readLabelAt(key, 4)).toEqual({ ...found, positions: [1, 3], greatest: rows[1] });
    expect(await log.readLabelAt(key, 1)).toBeUndefined();
    expect(await log.readLabelAt(labelKey('bob'), 8)).toBeUndefined();
    expect(await log.readHashedLabelAt(labelHash, 8)).toEqual(found);
    expect(await log.readHashedLabelAt(labelHash, 1)).toBeUndefined();
    expect(await log.readHashedLabelAt(key, 8)).toBeUndefined();
  });

  test('a label gets another VRF memory only while its greatest version is the same, and it was not erased', async () => {
    const log = await newLog();
    await log.append(sampleBatch(0, [await enqueue(log, 'alice')]));
    const key = labelKey('alice');
    const memory = (text: string) => ({ labelHash: bytes(`hash ${text}`, 16), vrfMemory: bytes(`memory ${text}`, 40) });
    await log.rememberVrf({ labelKey: key, greatestVersion: 1 }, memory('other'));
    expect(await log.readHashedLabelAt(memory('other').labelHash, 1)).toBeUndefined();
    await log.rememberVrf({ labelKey: key, greatestVersion: 0 }, memory('new'));
    expect(await log.readHashedLabelAt(memory('new').labelHash, 1)).toMatchObject({
      vrfMemory: memory('new').vrfMemory,
    });
    await log.erase(key, 1, { sequence: 0, acts: '{}', hash: bytes('record') });
    await log.rememberVrf({ labelKey: key, greatestVersion: 0 }, memory('erased'));
    expect(await log.readHashedLabelAt(memory('erased').labelHash, 1)).toBeUndefined();
    expect(await log.readHashedLabelAt(memory('new').labelHash, 1)).toMatchObject({ label: { label: undefined } });
  });

  test('several versions of one label in one append', async () => {
    const log = await newLog();
    const rows = [await enqueue(log, 'alice', 0), await enqueue(log, 'alice', 1), await enqueue(log, 'bob', 0)];
    await log.append(sampleBatch(0, [rows[1]!, rows[0]!, rows[2]!]));
    expect(await log.findLabel(labelKey('alice'))).toMatchObject({ greatestVersion: 1 });
    expect(await log.readVersions(labelKey('alice'), 0, 9)).toHaveLength(2);
    expect(await log.findLabel(labelKey('bob'))).toMatchObject({ greatestVersion: 0 });
  });

  test('a version is never written twice', async () => {
    const log = await newLog();
    const row = await enqueue(log, 'alice');
    await log.append(sampleBatch(0, [row]));
    const again = sampleBatch(1, [row]);
    await expect(log.append(again)).rejects.toMatchObject({ fault: expect.stringMatching(/storage|conflict/) });
    expect((await log.readHead()).size).toBe(1);
  });

  test('erased columns come back undefined', async () => {
    const log = await newLog();
    const row = await enqueue(log, 'alice');
    const batch = sampleBatch(0, [row]);
    const versions = batch.versions.map((version) => ({ ...version, opening: undefined, value: undefined }));
    await log.append({ ...batch, versions });
    const [stored] = await log.readVersions(labelKey('alice'), 0, 0);
    expect(stored).toEqual({ ...toVersion(row, 0), opening: undefined, value: undefined });
  });

  test('a range of versions is bounded', async () => {
    const log = await newLog();
    await expect(log.readVersions(labelKey('a'), 0, 1024)).rejects.toMatchObject({ code: 'value-out-of-range' });
  });
});
