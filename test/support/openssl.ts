import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { KeyDirectory } from '../../src/client/key-directory.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { createTestServer, type TestServer } from './test-server.ts';

const run = promisify(execFile);

/** Why a program cannot run here; undefined where it can. In CI it must be able to. */
export function programMissing(program: string, ...args: string[]): string | undefined {
  try {
    execFileSync(program, args, { stdio: 'pipe' });
    return undefined;
  } catch {
    return `no ${program} on this machine`;
  }
}

/** A server, a client of it, and a folder with `root.pem` and `issuer.pem` in which openssl runs. */
export interface OpensslWorld {
  readonly server: TestServer;
  readonly client: KeyDirectory;
  readonly folder: string;
  /** The time of the server, which is not today's, for `-attime`. */
  attime(): readonly ['-attime', string];
  /** What it printed to stdout; throws where it fails. */
  openssl(...args: string[]): string;
  /** The same while this process goes on serving; what it printed to stdout and stderr. */
  opensslAsync(...args: string[]): Promise<string>;
  /** Writes the issuer's CRL to `crl.pem`. */
  fetchCrl(): Promise<void>;
  close(): Promise<void>;
}

/** Begins a world of its own. */
export async function openOpensslWorld(): Promise<OpensslWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'glasskey-openssl-'));
  const server = await createTestServer();
  const client = await server.client();
  const openssl = (...args: string[]): string =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe', encoding: 'utf8' });
  for (const [name, path] of [
    ['root.pem', PATHS.rootPem],
    ['issuer.pem', PATHS.issuerPem],
  ] as const) {
    writeFileSync(join(folder, name), await (await fetch(server.url + path)).text());
  }
  return {
    server,
    client,
    folder,
    openssl,
    attime: () => ['-attime', String(Math.floor(server.log.clock.now() / 1000))],
    opensslAsync: async (...args) => {
      const { stdout, stderr } = await run('openssl', args, { cwd: folder });
      return stdout + stderr;
    },
    fetchCrl: async () => {
      const response = await fetch(server.url + PATHS.issuerCrl);
      writeFileSync(join(folder, 'crl.der'), new Uint8Array(await response.arrayBuffer()));
      openssl('crl', '-inform', 'DER', '-in', 'crl.der', '-out', 'crl.pem');
    },
    close: async () => {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
