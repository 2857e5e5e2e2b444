import { describe, expect, it } from 'vitest';
import { assertNotice, type Notice, visibleText } from '../../src/delivery/notice.ts';

describe('words that others wrote', () => {
  it.each([
    ['bob@example.com', 'bob@example.com'],
    ['a\r\nBcc: eve@example.com', 'a\\u{d}\\u{a}Bcc: eve@example.com'],
    ['abc\u202egnp.exe', 'abc\\u{202e}gnp.exe'],
    ['\u2066x\u2069\u200f\u200b\ufeff', '\\u{2066}x\\u{2069}\\u{200f}\\u{200b}\\u{feff}'],
    ['\u2028\u2029\u0085\u001b[2J', '\\u{2028}\\u{2029}\\u{85}\\u{1b}[2J'],
    ['\ud800', '\\u{d800}'],
    ['\u{e0041}', '\\u{e0041}'],
  ])('%j are shown as %j', (text, shown) => {
    expect(visibleText(text, 100)).toBe(shown);
  });

  it('are cut, without half a character', () => {
    expect(visibleText('abcdef', 4)).toBe('abc…');
    expect(visibleText('\u202e'.repeat(1000), 20)).toHaveLength(20);
    expect(visibleText('ab\u{1f600}cd', 4)).toBe('ab…');
    expect(visibleText('abcd', 4)).toBe('abcd');
  });
});

describe('a notice', () => {
  const notice: Notice = { id: 'a-1', subject: 'x', text: 'y', event: { type: 'test' } };
  it('that some channel could carry is taken', () => {
    expect(() => assertNotice(notice)).not.toThrow();
  });
  it.each([
    { ...notice, id: '' },
    { ...notice, id: 'a b' },
    { ...notice, id: 'a\r\nx: y' },
    { ...notice, id: 'a'.repeat(65) },
    { ...notice, text: 'a'.repeat(16_385) },
    { ...notice, event: { long: 'a'.repeat(16_385) } },
  ])('of another form is refused', (bad) => {
    expect(() => assertNotice(bad)).toThrow(expect.objectContaining({ code: 'value-out-of-range' }) as Error);
  });
});
