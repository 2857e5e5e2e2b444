import { type DeviceKey, generateKey, importKey } from 'glasskey';
import type { Storage } from './storage.ts';

/** The key of this device, and the one that a rotation is about to put in its place. */
export type KeyUse = 'key' | 'next-key';

/**
 * Returns this device's key. It is made once, and stored before anything is asked, so that every request can be
 * repeated after a lost answer. Ed25519, since the MLS cipher suite signs with it.
 */
export async function keyOf(storage: Storage, use: KeyUse = 'key'): Promise<DeviceKey> {
  const stored = await storage.get<string>(use);
  if (stored !== undefined) return importKey(stored);
  const key = await generateKey({ type: 'ed25519' });
  await storage.put({ [use]: await key.exportPem() });
  return key;
}

/** Returns the key before the last rotation, which groups may still know this device by. Throws if it is gone. */
export async function oldKeyOf(storage: Storage): Promise<DeviceKey> {
  const stored = await storage.get<string>('old-key');
  if (stored === undefined) throw new Error('The key that this conversation knows is gone from this device.');
  return importKey(stored);
}
