import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CRATE = join(import.meta.dirname, '../interop/rust');

/** The program that makes and verifies proofs with the `akd` crate. */
export interface AkdCrate {
  /** Writes one object for each size to a folder; a size is a number of insertions. */
  generate(configuration: string, folder: string, names: 'end' | 'start', sizes: readonly number[]): Promise<void>;
  /** Verifies a folder with names of the `end` kind. */
  verify(configuration: string, folder: string): Promise<CrateFigures>;
}

/** What the crate verified, and what it used for that, without reading and decoding. */
export interface CrateFigures {
  readonly epochs: number;
  readonly inserted: number;
  readonly nodes: number;
  readonly seconds: number;
  readonly processorSeconds: number;
}

/** Why the crate cannot be built here; undefined where it can. In CI it must be able to. */
export function cargoMissing(): string | undefined {
  try {
    execFileSync('cargo', ['--version'], { cwd: CRATE, stdio: 'pipe' });
    return undefined;
  } catch {
    return 'no cargo';
  }
}

/** Builds the program of a folder, which takes minutes the first time on a machine. */
export async function buildAkdCrate(crate = CRATE): Promise<AkdCrate> {
  await run('cargo', ['build', '--release', '--locked', '--quiet'], { cwd: crate });
  const target = process.env['CARGO_TARGET_DIR'] ?? join(crate, 'target');
  const program = join(target, 'release', 'akd-interop');
  return {
    generate: async (configuration, folder, names, sizes) => {
      await run(program, ['generate', configuration, folder, names, ...sizes.map(String)]);
    },
    verify: async (configuration, folder) => {
      const { stdout } = await run(program, ['verify', configuration, folder]);
      return JSON.parse(stdout) as CrateFigures;
    },
  };
}
