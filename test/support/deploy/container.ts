import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { run } from './debian-tree.ts';

const PROJECT = join(import.meta.dirname, '../../..');

/** The part of an image's configuration that says how it is run. */
export interface ImageConfig {
  /** `uid:gid`. */
  readonly User: string;
  readonly Env: readonly string[];
  readonly WorkingDir: string;
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Volumes: Readonly<Record<string, object>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

/** What one run of a container did. */
export interface ContainerResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An image that was built from `deploy/Dockerfile`, and what runs it: no daemon, no registry. */
export class ContainerImage {
  readonly config: ImageConfig;
  /** Its files. */
  readonly root: string;
  readonly #store: ImageStore;
  readonly #started: ChildProcess[] = [];

  private constructor(store: ImageStore, root: string, config: ImageConfig) {
    this.#store = store;
    this.root = root;
    this.config = config;
  }

  /** Builds the image on `tree`, which stands in for the base that the Dockerfile names. `folder` holds what is made. */
  static async build(folder: string, tree: string): Promise<ContainerImage> {
    const store = new ImageStore(folder);
    const file = join(PROJECT, 'deploy/Dockerfile');
    await store.makeBase(tree, 'docker.io/library/node:22-bookworm-slim');
    await store.buildah(
      'bud',
      '--format=docker',
      '--pull-never',
      '--network=host',
      '-t',
      'glasskey',
      '-f',
      file,
      PROJECT,
    );
    const container = await store.buildah('from', '--pull-never', 'glasskey');
    const root = await store.buildah('mount', container);
    const image = JSON.parse(await store.buildah('inspect', '--type=image', 'glasskey')) as {
      Docker: { config: ImageConfig };
    };
    return new ContainerImage(store, root, image.Docker.config);
  }

  /**
   * Starts `command` as the image's user in its files, which are read-only but for `/tmp` and for `data` on its volume,
   * without capabilities and on this machine's network.
   */
  start(data: string, command: readonly string[], environment: Readonly<Record<string, string>> = {}): ChildProcess {
    const { User, Env, WorkingDir } = this.config;
    const [uid = '', gid = ''] = User.split(':');
    const [volume = '/data'] = Object.keys(this.config.Volumes);
    const variables = [...Env, ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)];
    const nobody = ['--clear-groups', '--inh-caps=-all', '--bounding-set=-all', '--no-new-privs'];
    const isolated = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, ...nobody];
    const inside = [...isolated, 'env', '-i', `--chdir=${WorkingDir}`, ...variables, ...command];
    const script = `set -e
      mount --bind "$1" "$1"
      mount -t proc proc "$1/proc"
      mount --rbind /dev "$1/dev"
      mount -t tmpfs tmpfs "$1/tmp"
      mount --bind "$2" "$1$3"
      mount -o remount,ro,bind "$1"
      root=$1; shift 3
      exec chroot "$root" "$@"`;
    const outside = ['--mount', 'sh', '-c', script, 'sh', this.root, data, volume, ...inside];
    const child = spawn('unshare', outside, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#started.push(child);
    return child;
  }

  /** Runs `command` as {@link start} does, to its end. */
  async run(...args: Parameters<ContainerImage['start']>): Promise<ContainerResult> {
    const child = this.start(...args);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, stderr };
  }

  /** Ends what still runs, and lets go of what is mounted. */
  async remove(): Promise<void> {
    for (const child of this.#started) child.kill('SIGKILL');
    await this.#store.buildah('rm', '--all');
    await this.#store.buildah('rmi', '--all', '--force');
  }
}

/** Images in a folder of their own. */
class ImageStore {
  readonly #options: readonly string[];

  constructor(folder: string) {
    this.#options = ['--root', join(folder, 'images'), '--runroot', join(folder, 'run')];
  }

  /** Runs buildah; returns what it printed. */
  async buildah(...args: readonly string[]): Promise<string> {
    const env = { ...process.env, BUILDAH_ISOLATION: 'chroot' };
    const { stdout } = await run('buildah', [...this.#options, ...args], { env, maxBuffer: 1 << 26 });
    return stdout.trim();
  }

  async makeBase(tree: string, name: string): Promise<void> {
    const container = await this.buildah('from', 'scratch');
    await run('cp', ['-a', `${tree}/.`, await this.buildah('mount', container)]);
    const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    await this.buildah('config', '--env', `PATH=${path}`, container);
    await this.buildah('commit', '--rm', container, name);
  }
}
