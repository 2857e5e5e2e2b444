import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { evidenceOf } from '../client/audit/audit-evidence.ts';
import { ServerRefusal } from '../client/transport.ts';
import { isGlasskeyError } from '../core/errors.ts';

/** Exit codes of every command (DESIGN §14). */
export const EXIT = { fine: 0, refused: 1, misbehaviour: 2, absent: 3 } as const;

/** These say that two clocks disagree, which is nobody's lie: exit 1. */
const CLOCK_CODES: ReadonlySet<string> = new Set(['tree-head-too-old', 'tree-head-too-new', 'certificate-expired']);

/** The exit code of a failure: 2 where something that was shown does not verify, else 1. */
export function exitCodeOf(error: unknown): number {
  if (!isGlasskeyError(error) || error instanceof ServerRefusal || CLOCK_CODES.has(error.code)) return EXIT.refused;
  return error.fault === 'verification' || error.fault === 'decode' ? EXIT.misbehaviour : EXIT.refused;
}

/** Tells of a failure in one line on stderr; for misbehaviour, writes what is known of it to a file in the folder. */
export async function reportFailure(error: unknown, folder: () => string): Promise<number> {
  const code = exitCodeOf(error);
  const name = isGlasskeyError(error) ? error.code : 'internal';
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`glasskey: ${message} (${name})\n`);
  if (process.env['GLASSKEY_DEBUG'] !== undefined) console.error(error);
  if (code === EXIT.misbehaviour) await writeEvidence(error, name, message, folder());
  return code;
}

async function writeEvidence(error: unknown, code: string, message: string, folder: string): Promise<void> {
  const at = new Date().toISOString();
  const path = join(folder, `evidence-${at.replaceAll(/[:.]/g, '-')}.json`);
  const evidence = { at, command: process.argv.slice(2, 3), code, message, ...evidenceOf(error) };
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(path, `${JSON.stringify(evidence, null, 2)}\n`, { mode: 0o600 });
    process.stderr.write(`glasskey: evidence written to ${path}\n`);
  } catch (cause) {
    process.stderr.write(`glasskey: the evidence could not be written to ${path}: ${String(cause)}\n`);
  }
}
