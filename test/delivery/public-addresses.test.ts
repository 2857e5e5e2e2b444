import { describe, expect, it } from 'vitest';
import { EgressRanges } from '../../src/delivery/public-addresses.ts';

const ranges = new EgressRanges([]);

/** Private, shared, link-local, documentation, multicast and reserved addresses: the first and last of most blocks. */
const INSIDE_IPV4 = `
  0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.1.2.3 169.254.169.254
  172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1
  198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255`;
/** The same of IPv6, with every form that holds an IPv4 address. */
const INSIDE_IPV6 = `
  :: ::1 ::10.0.0.1 ::1.1.1.1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:1.1.1.1 ::ffff:0:1.1.1.1 64:ff9b::10.0.0.1
  64:ff9b::1.1.1.1 64:ff9b:1::1 100::1 2001::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:a00:1::1
  2002:101:101::1 2620:4f:8000::1 3fff::1 4000::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1
  ff0e::1 2606:4700::5efe:10.0.0.1 2606:4700:1:2:200:5efe:1.1.1.1 2a00::200:5efe:a00:1`;
const words = (text: string): string[] => text.trim().split(/\s+/);

describe('addresses that a stranger may have connected to', () => {
  it.each(['1.1.1.1', '9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '100.63.255.255', '100.128.0.0'])(
    'include %s',
    (address) => expect(ranges.includes(address)).toBe(true),
  );
  it.each(['2606:4700::1111', '2001:200::1', '2a00::1', '2a00::5efe:1', '2a00::1:5efe:a00:1'])(
    'include %s',
    (address) => expect(ranges.includes(address)).toBe(true),
  );

  it.each(words(INSIDE_IPV4))('leave out IPv4 %s', (address) => expect(ranges.includes(address)).toBe(false));

  it.each(words(INSIDE_IPV6))('leave out IPv6 %s', (address) => expect(ranges.includes(address)).toBe(false));

  it.each(['', 'localhost', '127.1', '0x7f.0.0.1', '0177.0.0.1', '2130706433', '1.1.1.1 ', '[2606:4700::1]'])(
    'leave out what is no address: %j',
    (text) => expect(ranges.includes(text)).toBe(false),
  );

  it('include the blocks that the operator allows, and nothing beside them', () => {
    const intranet = new EgressRanges(['10.1.0.0/16', 'fd00:1::/32']);
    expect(['10.1.2.3', 'fd00:1::5', '1.1.1.1'].every((address) => intranet.includes(address))).toBe(true);
    expect(['10.2.0.1', 'fd00:2::1', '127.0.0.1'].some((address) => intranet.includes(address))).toBe(false);
  });

  it.each(['10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'localhost/8', '/8', '10.0.0.0/8 ', '10/8'])(
    'are not set by %j',
    (block) => {
      expect(() => new EgressRanges([block])).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
    },
  );
});
