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
import { asUserInput, readInput } from '../client-options.ts';

/**
 * The public halves of the companion keys whose private keys are in a folder (`companion-….pem`, PKCS#8, mode 0600); undefined for
 * none. Throws `bad-key-file`.
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
 * Like {@link readCompanions}, once the kinds that are asked for and not there are made: safely on disk before this returns, so
 * that a lost answer loses no key.
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

/** Whether companion keys have one of a kind. */
export function hasCompanion(companions: CompanionKeys | undefined, kind: CompanionKind): boolean {
  return companions?.[companionField(kind)] !== undefined;
}

function fileOf(folder: string, kind: CompanionKind): string {
  return join(folder, `companion-${kind}.pem`);
}
