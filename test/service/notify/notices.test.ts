import { describe, expect, it } from 'vitest';
import { assertNotice } from '../../../src/delivery/notice.ts';
import { codeNotice, versionNotice } from '../../../src/service/notify/notices.ts';
import type { VersionWords } from '../../../src/service/notify/version-words.ts';

const about = { origin: 'log.example', identity: 'bob@example.com', addressId: 'ab'.repeat(16), link: undefined };
const words = (version: number, more: Partial<VersionWords> = {}): VersionWords => ({
  version,
  added: [],
  removed: [],
  by: 'key',
  signer: undefined,
  who: 'one of your own keys',
  pending: undefined,
  ...more,
});

describe('a notice of new versions', () => {
  it('says that somebody asks to take over, until when it can be stopped, and how', () => {
    const pending = words(4, { pending: 'cd'.repeat(32), by: 'recovery-requested', who: 'somebody' });
    const news = { versions: [pending], unread: 2, atMs: 0, effectiveMs: 604_800_000 };
    const notice = versionNotice(about, news);
    expect(notice.subject).toBe('Somebody asks to take over bob@example.com');
    expect(notice.text).toContain('There are 2 earlier changes');
    expect(notice.text).toContain(`Key that would replace all others: ${'cd'.repeat(32)}`);
    expect(notice.text).toContain('stop it before 1970-01-08T00:00:00.000Z');
    expect(notice.text).toContain('glasskey veto bob@example.com --credentials FOLDER');
    expect(notice.event).toMatchObject({ type: 'recovery-pending', effectiveAt: '1970-01-08T00:00:00.000Z' });
  });

  it('fits every channel, however many keys a version has', () => {
    const keys = Array.from({ length: 255 }, (_, i) => i.toString(16).padStart(64, '0'));
    const versions = Array.from({ length: 8 }, (_, i) =>
      words(i, { added: keys, removed: keys, who: 'x'.repeat(320) }),
    );
    const notice = versionNotice(about, { versions, unread: 0, atMs: 0, effectiveMs: undefined });
    expect(() => assertNotice(notice)).not.toThrow();
    expect(notice.text).toContain('Key added: 247 more');
  });

  it('has an id of its own for each address and version, and the same one again', () => {
    const id = (version: number, addressId = about.addressId) =>
      versionNotice({ ...about, addressId }, { versions: [words(version)], unread: 0, atMs: 5, effectiveMs: undefined })
        .id;
    expect(new Set([id(1), id(1), id(2), id(1, 'cd'.repeat(16))]).size).toBe(3);
  });

  it('shows a name that would mislead as what it is', () => {
    const identity = "x'; rm -rf ~ \u202e@example.com";
    const notice = codeNotice({ ...about, identity }, 'AAAA-BBBB', 60);
    expect(notice.text).not.toContain('\u202e');
    expect(notice.text).toContain(String.raw`'x'\''; rm -rf ~ \u{202e}@example.com'`);
  });
});
