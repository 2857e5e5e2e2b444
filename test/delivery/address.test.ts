import { describe, expect, it } from 'vitest';
import { deliveryAddressText, parseDeliveryAddress } from '../../src/delivery/address.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { pushBrowser } from '../support/push-browser.ts';

const refused = expect.objectContaining({ code: 'invalid-request' }) as Error;
const browser = pushBrowser();

describe('a delivery address', () => {
  it.each([
    ['mailto:Bob@EXAMPLE.com', 'mailto:Bob@example.com'],
    ['MAILTO:bob@münchen.example', 'mailto:bob@xn--mnchen-3ya.example'],
    ['https://Hooks.Example.com', 'https://hooks.example.com/'],
    ['https://hooks.example.com:443/a/../b?c=d', 'https://hooks.example.com/b?c=d'],
    ['https://0x7f.1/', 'https://127.0.0.1/'],
    ['https://0177.0.0.1/', 'https://127.0.0.1/'],
    ['https://2130706433/', 'https://127.0.0.1/'],
    ['https://127。0。0。1/', 'https://127.0.0.1/'],
    ['https://[::FFFF:10.0.0.1]/', 'https://[::ffff:a00:1]/'],
  ])('%s is %s', (text, canonical) => {
    expect(deliveryAddressText(parseDeliveryAddress(text))).toBe(canonical);
    expect(deliveryAddressText(parseDeliveryAddress(canonical))).toBe(canonical);
  });

  it('may be a push subscription, which reads back to the same', () => {
    const address = parseDeliveryAddress(browser.subscription('https://push.example.com/a'));
    expect(address).toMatchObject({ kind: 'push', endpoint: 'https://push.example.com/a' });
    expect(parseDeliveryAddress(deliveryAddressText(address))).toEqual(address);
  });

  it.each([
    '',
    'http://hooks.example.com/',
    'ftp://hooks.example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'https:hooks.example.com',
    'https:///hooks.example.com',
    'https://user@hooks.example.com/',
    'https://user:password@hooks.example.com/',
    'https://@hooks.example.com/',
    'https://hooks.example.com@10.0.0.1/',
    'https://hooks.example.com\\@10.0.0.1/',
    'https://hooks.example.com/#fragment',
    'https://hooks.example.com/#',
    'https://hooks.example.com./',
    'https://hooks.example.com/a b',
    'https://hooks.example.com/\r\nX-Injected: 1',
    'https://hooks\t.example.com/',
    'https://hooks.example.com/\u202emoc',
    'https://[fe80::1%25eth0]/',
    'https://256.0.0.1/',
    'https://',
    `https://hooks.example.com/${'a'.repeat(2048)}`,
    `https://hooks.example.com/${'ü'.repeat(600)}`,
  ])('is no webhook: %j', (text) => {
    expect(() => parseDeliveryAddress(text)).toThrow(refused);
  });

  it.each([
    'mailto:',
    'mailto:bob',
    'mailto:bob@',
    'mailto:@example.com',
    'mailto:bob@localhost',
    'mailto:bob@10.0.0.1',
    'mailto:bob@0x7f.1',
    'mailto:bob@[10.0.0.1]',
    'mailto:bob@example.com@internal',
    'mailto:bob%internal@example.com',
    'mailto:bob!internal@example',
    'mailto:bob@example.com?cc=eve@example.com',
    'mailto:bob@example.com,eve@example.com',
    'mailto:bob@example.com\r\nBcc: eve@example.com',
    'mailto:"bob\\"@internal"@example.com',
    'mailto:Bob <bob@example.com>',
    'mailto:bob\u202e@example.com',
    'mailto:b..ob@example.com',
    'mailto:bob@-example.com',
    `mailto:${'b'.repeat(65)}@example.com`,
  ])('is no mail address: %j', (text) => {
    expect(() => parseDeliveryAddress(text)).toThrow(refused);
  });

  const keys = { p256dh: browser.p256dh.toString('base64url'), auth: browser.auth.toString('base64url') };
  const endpoint = 'https://push.example.com/a';
  const offCurve = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]).toString('base64url');
  it.each([
    ['text', '{'],
    ['an array', '[]'],
    ['no keys', JSON.stringify({ endpoint })],
    ['no endpoint', JSON.stringify({ keys })],
    ['an endpoint inside', JSON.stringify({ endpoint: 'http://10.0.0.1/', keys })],
    ['a member more', JSON.stringify({ endpoint, keys, proxy: 'http://10.0.0.1' })],
    ['a key off the curve', JSON.stringify({ endpoint, keys: { ...keys, p256dh: offCurve } })],
    ['a key with padding', JSON.stringify({ endpoint, keys: { ...keys, auth: `${keys.auth}==` } })],
    ['a short secret', JSON.stringify({ endpoint, keys: { ...keys, auth: 'AAAA' } })],
    ['keys that are text', JSON.stringify({ endpoint, keys: 'keys' })],
  ])('is no push subscription: %s', (_, text) => {
    expect(() => parseDeliveryAddress(text)).toThrow(refused);
  });

  it('is never repeated by an error', () => {
    const secret = 'https://user:s3cret@hooks.example.com/';
    try {
      parseDeliveryAddress(secret);
      expect.unreachable();
    } catch (error) {
      expect(isGlasskeyError(error) && error.message).not.toContain('s3cret');
      expect(JSON.stringify(error)).not.toContain('s3cret');
    }
  });
});
