import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CompanionKeys } from '../../ca/companion-keys.ts';
import {
  COMPANION_KINDS,
  companionField,
  type CompanionKind,
  companionPublicKey,
  createCompanionSecret,
} from '../../ca/companion-secret.ts';
import { writeFileDurably } from '../../client/node.ts';
import { asUserInput, readInput } from '../../server/user-input.ts';

/**
 * Returns the public keys of the companion keys in a folder (`companion-….pem`, PKCS#8, mode 0600), or undefined if
 * there are none. Throws `bad-key-file`.
 */
export async function readCompanions(folder: string): Promise<CompanionKeys | undefined> {
  const found: { x25519?: Uint8Array; mlKem768?: Uint8Array } = {};
  for (const kind of COMPANION_KINDS) {
    const file = fileOf(folder, kind);
    if (!existsSync(file)) continue;
    const pem = await readInput(file);
    found[companionField(kind)] = await asUserInput(file, () => companionPublicKey(kind, pem));
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

/**
 * Creates the missing companion keys of `kinds`, then returns all of them like {@link readCompanions}. They are durable
 * before this returns, so that a lost answer never loses a key.
 */
export async function prepareCompanions(
  folder: string,
  kinds: readonly CompanionKind[],
): Promise<CompanionKeys | undefined> {
  for (const kind of kinds) {
    const file = fileOf(folder, kind);
    if (!existsSync(file)) await writeFileDurably(file, createCompanionSecret(kind, randomBytes));
  }
  return readCompanions(folder);
}

/**
 * Copies the companion keys of `from` to `to`, except those of `kinds` and those that are there. They are durable
 * before this returns.
 */
export async function carryCompanions(from: string, to: string, kinds: readonly CompanionKind[]): Promise<void> {
  for (const kind of COMPANION_KINDS) {
    const [source, target] = [fileOf(from, kind), fileOf(to, kind)];
    if (kinds.includes(kind) || existsSync(target) || !existsSync(source)) continue;
    await writeFileDurably(target, await readInput(source));
  }
}

/** Returns true if there is a companion key of this kind. */
export function hasCompanion(companions: CompanionKeys | undefined, kind: CompanionKind): boolean {
  return companions?.[companionField(kind)] !== undefined;
}

function fileOf(folder: string, kind: CompanionKind): string {
  return join(folder, `companion-${kind}.pem`);
}
