import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

export const run = promisify(execFile);

const NODE = process.execPath;
const NPM = resolve(NODE, '../../lib/node_modules/npm');
const PACKAGES = ['ca-certificates', 'curl', 'dbus', 'libstdc++6', 'systemd', 'systemd-sysv'];
/** What makes a machine inside this one; all of it is in Debian. */
const TOOLS = ['buildah', 'mmdebstrap', 'systemd-nspawn', 'unshare'];

/** Returns why no machine can be made inside this one; undefined if it can. Throws if `CI` is set and a tool is missing. */
export function whyNoMachine(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root here';
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) return 'no mount namespaces here';
  const missing = TOOLS.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  if (missing.length === 0) return undefined;
  const why = `no ${missing.join(', ')} here`;
  if (process.env['CI'] !== undefined) throw new Error(why);
  return why;
}

/** Makes the files of a small Debian with systemd, and with this machine's Node and npm, in the folder `tree`. */
export async function makeDebianTree(tree: string): Promise<void> {
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1] ?? 'stable';
  await run('mmdebstrap', ['--quiet', '--variant=minbase', `--include=${PACKAGES.join(',')}`, suite, tree]);
  await mkdir(join(tree, 'usr/local/lib/node_modules'), { recursive: true });
  await cp(NODE, join(tree, 'usr/local/bin/node'), { dereference: true });
  await cp(NPM, join(tree, 'usr/local/lib/node_modules/npm'), { recursive: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(tree, 'usr/local/bin/npm'));
  await writeNpmSettings(join(tree, 'usr/local/etc'));
}

/** npm in the tree asks the same registry as npm here. */
async function writeNpmSettings(folder: string): Promise<void> {
  const setting = (name: string): string => execFileSync('npm', ['config', 'get', name], { encoding: 'utf8' }).trim();
  await mkdir(folder, { recursive: true });
  const lines = [`registry=${setting('registry')}`];
  const authorities = setting('cafile');
  if (authorities !== 'null' && authorities !== '') {
    await cp(authorities, join(folder, 'npm-ca.pem'), { dereference: true });
    lines.push('cafile=/usr/local/etc/npm-ca.pem');
  }
  await writeFile(join(folder, 'npmrc'), `${lines.join('\n')}\n`);
}
