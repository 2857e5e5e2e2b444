import { describe, expect, it } from 'vitest';
import { assertNotice } from '../../../src/delivery/notice.ts';
import { addressNotice, codeNotice, versionNotice } from '../../../src/service/notify/notices.ts';
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
    expect(notice.text).toContain('Key added: 249 more');
  });

  it('fits every channel under a name that is all quotes, with the longest link', () => {
    const keys = Array.from({ length: 9 }, (_, i) => i.toString(16).padStart(64, '0'));
    const versions = Array.from({ length: 8 }, (_, i) =>
      words(i, { added: keys, removed: keys, who: 'x'.repeat(320), pending: 'a'.repeat(64) }),
    );
    const long = { ...about, identity: "'".repeat(255), link: `https://${'l'.repeat(247)}` };
    const notice = versionNotice(long, { versions, unread: 9, atMs: 0, effectiveMs: 0 });
    expect(() => assertNotice(notice)).not.toThrow();
    const plain = Array.from({ length: 8 }, (_, i) => words(i, { added: keys, removed: keys, who: 'x'.repeat(320) }));
    const changed = versionNotice(long, { versions: plain, unread: 9, atMs: 0, effectiveMs: undefined });
    expect(() => assertNotice(changed)).not.toThrow();
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

describe('a notice of other addresses', () => {
  const change = (number: number) =>
    ({
      number,
      atMs: 0,
      what: 'removed',
      kind: 'webhook',
      hint: `${'h'.repeat(250)}.example`,
      signer: 'a'.repeat(64),
    }) as const;

  it('fits every channel, however often somebody changed them, and says how many it leaves out', () => {
    const changes = Array.from({ length: 500 }, (_, i) => change(i + 1));
    const notice = addressNotice(about, changes);
    expect(() => assertNotice(notice)).not.toThrow();
    expect(notice.text).toContain('There are 488 earlier changes');
    expect(notice.event['unread']).toBe(488);
  });

  it('counts the changes that are no longer kept', () => {
    expect(addressNotice(about, [change(9), change(10)], 3).text).toContain('There are 3 earlier changes');
    expect(addressNotice(about, [change(9)]).text).not.toContain('earlier changes');
  });
});
