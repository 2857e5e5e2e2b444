import type { BoundCertificate, KeyDirectory } from 'glasskey';
import { utf8 } from './bytes.ts';
import type { Device, Me } from './device.ts';
import { readMe } from './device.ts';
import { keyOf } from './keys.ts';

/** One device of the user, as the log has it. */
export interface OwnDevice {
  readonly device: string;
  readonly isThis: boolean;
  /** Begin of its first certificate, ms since the epoch. The service writes it. */
  readonly sinceMs: number;
  /** True if none of the user's devices signed the version that added its key. */
  readonly isStray: boolean;
  /** Of all its certificates: a renewed key has two. */
  readonly serials: readonly string[];
}

/** Returns the user's devices: the keys that the log proves for the name now. */
export async function ownDevices({ directory }: Device, me: Me): Promise<readonly OwnDevice[]> {
  const result = await directory.lookup(me.identity);
  if (!result.found) return [];
  const { versions } = await directory.history(me.identity);
  return devicesIn(result.binding.certificates, me, strayKeys(versions));
}

type PastVersions = Awaited<ReturnType<KeyDirectory['history']>>['versions'];

/** Links that add a key with a signature of the user, or none: the first key of a name, too, is the user's. */
const OWN_LINKS: readonly string[] = ['initial', 'key', 'maintenance'];

/** Returns the keys that a version added which no key of the user signed. Saying "I know it" does not change that. */
function strayKeys(versions: PastVersions): ReadonlySet<string> {
  const stray = new Set<string>();
  let before: readonly string[] = [];
  for (const { certificates, link, fault } of versions) {
    const keys = certificates.map(({ spkiSha256 }) => spkiSha256);
    const isStray = fault !== undefined || (link !== undefined && !OWN_LINKS.includes(link));
    for (const key of keys.filter((one) => !before.includes(one))) {
      if (isStray) stray.add(key);
      else stray.delete(key);
    }
    before = keys;
  }
  return stray;
}

function devicesIn(
  certificates: readonly BoundCertificate[],
  me: Me,
  stray: ReadonlySet<string>,
): readonly OwnDevice[] {
  const byKey = new Map<string, OwnDevice>();
  for (const { spkiSha256: device, serial, notBeforeMs } of certificates) {
    const known = byKey.get(device);
    const isThis = device === me.device;
    const sinceMs = Math.min(known?.sinceMs ?? notBeforeMs, notBeforeMs);
    byKey.set(device, {
      device,
      isThis,
      isStray: stray.has(device),
      sinceMs,
      serials: [...(known?.serials ?? []), serial],
    });
  }
  return [...byKey.values()];
}

/**
 * Takes a lost device out of the name, signed by this one. Contacts find it gone at their next lookup, and remove it
 * from their groups.
 */
export async function revokeDevice({ directory }: Device, me: Me, { serials }: OwnDevice): Promise<void> {
  await directory.revoke(me.identity, me.key, { serials, reason: 'keyCompromise' });
}

/** Puts a new key in the place of this device's. If it fails, call it again: the next key is stored. */
export async function rotateKey(device: Device, me: Me): Promise<Me> {
  const { storage, directory } = device;
  const next = await keyOf(storage, 'next-key');
  const { certificate, chain } = await directory.rotate(me.identity, me.key, next);
  // The key before signs its own replacement in each group: it stays until that is done.
  const [key, old] = [await next.exportPem(), await me.key.exportPem()];
  const stored = { name: me.name, certified: { certificate, chain } };
  await storage.put({ key, 'next-key': undefined, 'old-key': old, me: stored });
  return (await readMe(device)) as Me;
}

/** Share of a certificate's life after which the next one is asked for. */
const RENEW_AFTER = 2 / 3;

/**
 * Asks for the next certificate of this device's key if it is time. Returns the user with it; undefined if it is not.
 */
export async function renewIfDue(device: Device, me: Me): Promise<Me | undefined> {
  const result = await device.directory.lookup(me.identity);
  const mine = result.found ? result.binding.certificates.findLast((one) => one.spkiSha256 === me.device) : undefined;
  if (mine === undefined) return undefined;
  if (Date.now() < mine.notBeforeMs + (mine.notAfterMs - mine.notBeforeMs) * RENEW_AFTER) return undefined;
  const { certificate, chain } = await device.directory.renew(me.identity, me.key);
  await device.storage.put({ me: { name: me.name, certified: { certificate, chain } } });
  return readMe(device);
}

/**
 * Tells the user's other devices that this one made the newest change, so that they show news and no alarm. Their
 * directories verify it (docs/spec.md#device-notes). `credentials` is the key that signed the change.
 */
export async function sendDeviceNote(device: Device, me: Me, credentials = me.key): Promise<void> {
  const others = (await ownDevices(device, me)).filter(({ isThis }) => !isThis);
  if (others.length === 0) return;
  const note = utf8(await device.directory.deviceNote(me.identity, credentials));
  // A device without an inbox misses it, and shows an alarm: the user then says that it was right.
  await Promise.allSettled(others.map((one) => device.backend.direct(me.device, one.device, 'note', note)));
}
