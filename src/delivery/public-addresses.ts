import { BlockList, isIP } from 'node:net';
import { GlasskeyError } from '../core/errors.ts';

/** IPv4 blocks that are not globally reachable, or lead elsewhere than they say (IANA's special-purpose registry). */
const SPECIAL_IPV4 = [
  '0.0.0.0/8', // this host
  '10.0.0.0/8', // private
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, and the metadata services of clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // AMT
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
];

/**
 * The IPv6 block of global unicast. Nothing outside it is public: loopback, unspecified, IPv4-mapped and -compatible,
 * NAT64 (64:ff9b::/96 and 64:ff9b:1::/48), discard-only, segment routing, unique-local, link-local, site-local,
 * multicast.
 */
const GLOBAL_IPV6 = '2000::/3';

/** The blocks inside {@link GLOBAL_IPV6} that are not public, or that hold an IPv4 address. */
const SPECIAL_IPV6 = [
  '2001::/23', // protocol assignments: Teredo, benchmarks, ORCHID
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '2620:4f:8000::/48', // AS112
  '3fff::/20', // documentation
];

const special = blockList([...SPECIAL_IPV4, ...SPECIAL_IPV6]);
const global = blockList([GLOBAL_IPV6]);

/** Says of IP addresses whether a connection to them may be made for a stranger. */
export class EgressRanges {
  readonly #allowed: BlockList;

  /** `allowed` are CIDR blocks that may be connected to although they are not public. Throws `usage` for others. */
  constructor(allowed: readonly string[]) {
    this.#allowed = blockList(allowed);
  }

  /** Returns true for an address that is public or allowed; false for text that is no IP address. */
  includes(address: string): boolean {
    const family = isIP(address);
    if (family === 0) return false;
    if (this.#allowed.check(address, family === 4 ? 'ipv4' : 'ipv6')) return true;
    if (family === 4) return !special.check(address, 'ipv4');
    return global.check(address, 'ipv6') && !special.check(address, 'ipv6') && !isIsatap(address);
  }
}

/** Returns true for an ISATAP address (RFC 5214 §6.1), which ends with an IPv4 address under any prefix. */
function isIsatap(address: string): boolean {
  const [before = '', after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(before), groups(after ?? '')];
  const all = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return ['0', '200'].includes(all[4] ?? '') && all[5] === '5efe';
}

function blockList(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [, address = '', length = ''] = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(block) ?? [];
    const family = isIP(address);
    if (family === 0 || Number(length) > (family === 4 ? 32 : 128)) {
      throw new GlasskeyError('usage', `${JSON.stringify(block)} is not a block of addresses, such as 10.0.0.0/8`);
    }
    list.addSubnet(address, Number(length), family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
