import { BlockList, isIP } from 'node:net';
import { plainAddress } from './remote-address.ts';

/** The addresses of the proxies whose headers the server believes. */
export class TrustedProxies {
  readonly #addresses = new BlockList();

  /** Takes addresses and networks in CIDR notation, which were checked by {@link isAddressOrNetwork}. */
  constructor(addresses: readonly string[]) {
    for (const text of addresses) {
      const [address = '', bits] = text.split('/');
      const family = familyOf(address);
      if (bits === undefined) this.#addresses.addAddress(address, family);
      else this.#addresses.addSubnet(address, Number(bits), family);
    }
  }

  /** Returns true for the address of a trusted proxy; `address` is untrusted. */
  has(address: string): boolean {
    const plain = plainAddress(address);
    return isIP(plain) !== 0 && this.#addresses.check(plain, familyOf(plain));
  }
}

/** Returns true for an IP address, or a network such as `10.0.0.0/16`. */
export function isAddressOrNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
