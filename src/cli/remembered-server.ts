import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfPresent } from '../client/node/read-if-present.ts';
import { writeFileDurably } from '../client/node.ts';
import { parseTrustBundle } from '../contract/parse-trust-bundle.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { userFolder } from './user-folder.ts';

/** The server that `glasskey bootstrap` remembers for commands that name none. */
export interface RememberedServer {
  /** As `serverBase` writes it. */
  readonly server: string;
  /** Absolute path of the state folder, if it is not the default one. */
  readonly state?: string | undefined;
  /** The fingerprint that the user confirmed. */
  readonly fingerprint: string;
  /** The signed trust bundle that has it, as JSON text. States that are empty begin with it. */
  readonly bundle: string;
}

/** The file of the remembered server, mode 0600. */
export function rememberedFile(): string {
  return join(userFolder(), 'server.json');
}

/** Returns the remembered server, or undefined if there is none. Throws `state-corrupt`. */
export async function readRemembered(): Promise<RememberedServer | undefined> {
  const file = rememberedFile();
  try {
    const text = await readIfPresent(file);
    if (text === undefined) return undefined;
    const { format, server, state, fingerprint, bundle } = JSON.parse(text) as Record<string, unknown>;
    const isWhole = [server, fingerprint, bundle].every((one) => typeof one === 'string');
    const isKnown = format === 1 && (state === undefined || typeof state === 'string');
    ensure(isWhole && isKnown, 'state-corrupt', 'a member is missing or unknown');
    parseTrustBundle(bundle as string);
    return { server, state, fingerprint, bundle } as RememberedServer;
  } catch (cause) {
    throw new GlasskeyError('state-corrupt', `cannot read ${file}. Next: delete it, and run \`glasskey bootstrap\``, {
      cause,
    });
  }
}

/** Remembers a server instead of the one before. */
export async function writeRemembered(remembered: RememberedServer): Promise<void> {
  await mkdir(userFolder(), { recursive: true, mode: 0o700 });
  await writeFileDurably(rememberedFile(), `${JSON.stringify({ format: 1, ...remembered }, undefined, 2)}\n`);
}
