const MAX_NAME = 253;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
const V4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/**
 * Returns true for a domain name in the preferred syntax (RFC 5280 §4.2.1.6, RFC 1123 §2.1), but not for what a program
 * reads as an IP address: anything that ends in a decimal or hexadecimal number.
 */
export function isDomainName(name: string): boolean {
  if (name.length === 0 || name.length > MAX_NAME) return false;
  const labels = name.split('.');
  return labels.every((label) => LABEL.test(label)) && !/^(\d+|0x[0-9a-f]*)$/i.test(labels.at(-1) ?? '');
}

/**
 * Returns true for a valid dNSName: a domain name, or one whose first label is a wildcard over two more (RFC 9525
 * §6.3).
 */
export function isPresentedName(name: string): boolean {
  if (!name.startsWith('*.')) return isDomainName(name);
  const base = name.slice(2);
  return isDomainName(base) && base.includes('.');
}

/** Returns true if a certificate's dNSName `presented` fits the host `wanted` (RFC 9525 §6.3). */
export function matchesHost(presented: string, wanted: string): boolean {
  const name = presented.toLowerCase();
  const host = wanted.toLowerCase();
  if (!name.startsWith('*.')) return name === host;
  const dot = host.indexOf('.');
  return dot > 0 && host.slice(dot) === name.slice(1);
}

/** Parses a textual IPv4 or IPv6 address; undefined for anything else. */
export function parseIpAddress(text: string): Uint8Array | undefined {
  const v4 = V4.exec(text);
  if (v4 !== null) return ipv4(v4.slice(1));
  return text.includes(':') ? ipv6(text) : undefined;
}

function ipv4(parts: readonly string[]): Uint8Array | undefined {
  const bytes = parts.map(Number);
  const isCanonical = parts.every((part, i) => part === String(bytes[i]) && (bytes[i] ?? 256) < 256);
  return isCanonical ? Uint8Array.from(bytes) : undefined;
}

function ipv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return Uint8Array.from(
    groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]),
  );
}
