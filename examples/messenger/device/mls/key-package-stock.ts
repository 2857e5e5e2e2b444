import { makeKeyPackage, type MlsDevice, type NewKeyPackage } from 'glasskey/mls';
import { sha256, toHex } from '../bytes.ts';
import type { Device, Me } from '../device.ts';
import { cipherSuite, writeKeyPackage } from './wire.ts';

/** KeyPackages that are made at once, and the number of those left below which more are made. */
const STOCK = 20;
const LOW = 10;

/** A KeyPackage that waits for its Welcome. */
export interface WaitingPackage extends NewKeyPackage {
  readonly isLastResort: boolean;
}

/** Returns the user's device as MLS needs it. */
export const mlsDevice = ({ key, certified }: Me): MlsDevice => ({ key, issued: certified });

/** Id of a KeyPackage: SHA-256 of its bytes. */
export const keyPackageId = async (bytes: Uint8Array): Promise<string> => toHex(await sha256(bytes));

/** Key under which the private half of a KeyPackage is stored. */
export const packageKey = (id: string): string => `package:${id}`;

/**
 * Keeps the backend's stock of this device's KeyPackages filled, with one of last resort. `replaces` after a change of
 * the key or certificate: those from before would be refused.
 */
export async function refillKeyPackages(
  { storage, backend }: Device,
  me: Me,
  { replaces }: { readonly replaces: boolean },
): Promise<void> {
  if (!replaces && (await backend.keyPackagesLeft(me.device)) >= LOW) return;
  const made = await Promise.all(Array.from({ length: STOCK + 1 }, (_, i) => makeOne(me, i === STOCK)));
  // The private halves are stored first: a Welcome may come at once.
  await storage.put(Object.fromEntries(made.map(({ id, waiting }) => [packageKey(id), waiting])));
  const once = made.filter(({ waiting }) => !waiting.isLastResort).map(({ bytes }) => bytes);
  const lastResort = made.find(({ waiting }) => waiting.isLastResort)?.bytes;
  await backend.addKeyPackages({ device: me.device, once, lastResort, replaces });
}

async function makeOne(me: Me, isLastResort: boolean) {
  const made = await makeKeyPackage(mlsDevice(me), await cipherSuite);
  const bytes = writeKeyPackage(made.publicPackage);
  const waiting: WaitingPackage = { ...made, isLastResort };
  return { id: await keyPackageId(bytes), bytes, waiting };
}
