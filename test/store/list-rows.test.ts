import { expect, test } from 'vitest';
import type { LabelRow, ListedCertificate, LogStore, Page, PageRequest } from '../../src/store/ports.ts';
import { describeEachStore } from './each-store.ts';
import { enqueue, labelKey, sampleBatch, sampleCertificate } from './samples.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

async function all<Row, Key>(
  read: (page: PageRequest<Key>) => Promise<Page<Row, Key>>,
  limit: number,
  search?: string,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after: Key | undefined; ;) {
    const page = await read({ after, limit, search: search === undefined ? undefined : utf8(search) });
    rows.push(...page.rows);
    if (page.next === undefined) return rows;
    after = page.next;
  }
}

const NAMES = ['alice', 'alina', 'bob', 'carol', 'dave'];

async function filled(log: LogStore): Promise<void> {
  const rows = [];
  for (const name of NAMES) rows.push(await enqueue(log, name));
  await log.append(sampleBatch(0, rows));
}

describeEachStore('lists', ({ newLog }) => {
  test.each([1, 2, 5, 100])('every label comes once, in windows of %i', async (limit) => {
    const [log, other] = [await newLog(), await newLog()];
    await filled(log);
    await filled(other);
    const rows = await all<LabelRow, Uint8Array>((page) => log.listLabels(page), limit);
    const names = rows.map(({ label }) => new TextDecoder().decode(label));
    expect(names.toSorted()).toEqual(NAMES.map((name) => `mailto:${name}@example.com`));
    const found = await all<LabelRow, Uint8Array>((page) => log.listLabels(page), limit, 'ali');
    expect(found.map((row) => row.labelKey)).toEqual(
      [labelKey('alice'), labelKey('alina')].toSorted((a, b) => Buffer.compare(a, b)),
    );
    expect(await all<LabelRow, Uint8Array>((page) => log.listLabels(page), limit, "%' or true --")).toEqual([]);
  });

  test.each([1, 3, 100])('every certificate comes once with its label, in windows of %i', async (limit) => {
    const log = await newLog();
    await filled(log);
    await enqueue(log, 'waiting');
    const rows = await all<ListedCertificate, string>((page) => log.listCertificates(page), limit);
    expect(rows.map(({ serial }) => serial)).toEqual(
      [...NAMES, 'waiting'].map((name) => sampleCertificate(name).serial).toSorted(),
    );
    const waiting = rows.find(({ serial }) => serial === sampleCertificate('waiting').serial);
    expect(waiting).toMatchObject({ isLogged: false, label: undefined });
    expect(rows.filter(({ isLogged }) => isLogged)).toHaveLength(NAMES.length);
    const [found, ...others] = await all<ListedCertificate, string>(
      (page) => log.listCertificates(page),
      limit,
      'bob@',
    );
    expect(found).toMatchObject({ ...sampleCertificate('bob'), label: utf8('mailto:bob@example.com') });
    expect(others).toEqual([]);
  });

  test('the certificates of one label', async () => {
    const log = await newLog();
    await filled(log);
    const rows = await log.listCertificatesOf(labelKey('carol'), 10);
    expect(rows).toMatchObject([{ ...sampleCertificate('carol'), isLogged: true }]);
    expect(await log.listCertificatesOf(labelKey('nobody'), 10)).toEqual([]);
  });
});
