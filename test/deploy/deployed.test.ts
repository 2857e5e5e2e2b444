import { readFileSync } from 'node:fs';
import { chown, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CliSandbox } from '../support/cli.ts';
import { BootedDebian } from '../support/deploy/booted-debian.ts';
import { ContainerImage } from '../support/deploy/container.ts';
import { makeDebianTree, run, whyNoMachine } from '../support/deploy/debian-tree.ts';
import { freePort } from '../support/free-port.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const PROJECT = join(import.meta.dirname, '../..');
const DEPLOY = join(PROJECT, 'deploy');
const READY = { withinMs: 60_000, everyMs: 200 };
const PASSPHRASE = 'correct horse battery staple';

const why = whyNoMachine();
const title = 'what deploy/ makes' + (why === undefined ? '' : ` (${why})`);

describe.skipIf(why !== undefined)(title, () => {
  const box = new CliSandbox();
  let folder: string;
  let tree: string;
  let image: ContainerImage;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glasskey-deploy-'));
    tree = join(folder, 'debian');
    await makeDebianTree(tree);
    image = await ContainerImage.build(folder, tree);
  }, 1_200_000);

  afterAll(async () => {
    await image.remove();
    await rm(folder, { recursive: true, force: true });
    await box.remove();
  }, 120_000);

  /** A folder for a volume, of the image's user. */
  const volume = async (name: string): Promise<string> => {
    const path = join(folder, name);
    await mkdir(path, { mode: 0o700 });
    const [uid, gid] = image.config.User.split(':').map(Number);
    await chown(path, uid ?? 0, gid ?? 0);
    return path;
  };

  /** Registers a name at `url` with the token in `data`, and finds it; returns what the lookup printed. */
  const registerAndLookUp = async (url: string, data: string, name: string): Promise<string> => {
    const token = join(data, 'registration.token');
    const at = ['--server', url, '--state', `state-${new URL(url).port}`];
    const registered = await box.run('register', `${name}@example.com`, '--token-file', token, '--out', name, ...at);
    expect(registered.code, registered.stderr).toBe(0);
    const found = await box.run('lookup', `${name}@example.com`, ...at);
    expect(found.code, found.stderr).toBe(0);
    return found.stdout;
  };

  describe('the image', () => {
    it('runs as an ordinary user, with read-only files, and stops in order', async () => {
      const data = await volume('image');
      const { Entrypoint, Cmd, Healthcheck } = image.config;
      const environment = { GLASSKEY_PASSPHRASE: PASSPHRASE, GLASSKEY_DATABASE: await createTestDatabase() };
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const init = [...Entrypoint, 'init', '--data', '/data', '--database', environment.GLASSKEY_DATABASE];
      const made = await image.run(data, [...init, '--public-url', url], environment);
      expect([made.code, made.stderr]).toEqual([0, '']);

      const serve = [...Entrypoint, ...Cmd].map((word) => word.replace(':8080', `:${port}`));
      for (const name of ['first', 'second']) {
        const server = image.start(data, serve, environment);
        let log = '';
        server.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
        await answers(`${url}/readyz`, () => log);
        const health = Healthcheck.Test.slice(1).map((word) => word.replace(':8080', `:${port}`));
        expect((await image.run(data, health)).code).toBe(0);
        expect(await registerAndLookUp(url, data, name)).toContain(`${name}@example.com`);
        const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
        expect(status).toMatch(/^Uid:\t10001\t10001\t10001\t10001$/m);
        expect(status).toMatch(/^CapEff:\t0+$/m);
        server.kill('SIGTERM');
        expect(await once(server, 'exit'), log).toEqual([0, null]);
      }
      const written = await image.run(data, ['sh', '-c', 'touch /opt/glasskey/x; touch /etc/x; touch /usr/x']);
      expect(written.stderr.match(/Read-only file system/g)).toHaveLength(3);
    }, 240_000);

    it('runs every service of compose.yaml as the file says', async () => {
      const [port, adminPort, watcherPort] = [await freePort(), await freePort(), await freePort()];
      const ports: Readonly<Record<string, number>> = { witness: await freePort(), watcher: watcherPort };
      const database = await createTestDatabase();
      const here = (text: string): string =>
        text
          .replace(/\$\{GLASSKEY_PUBLIC_URL:-([^}]*)\}/, `http://127.0.0.1:${port}`)
          .replace(/\$\{GLASSKEY_WITNESS_NAME:-([^}]*)\}/, '$1')
          .replace(/postgres:\/\/\S+/, database)
          .replace('http://server:8080', `http://127.0.0.1:${port}`)
          .replace(':9090', `:${adminPort}`);
      const { services } = parse(readFileSync(join(DEPLOY, 'compose.yaml'), 'utf8'), { merge: true }) as Compose;
      const volumes = new Map<string, string>();
      const running = [];
      for (const name of ['init', 'server', 'witness-init', 'witness', 'auditor', 'watcher']) {
        const service = services[name] as Service;
        const at = service.volumes[0]?.split(':')[0] ?? '';
        if (!volumes.has(at)) volumes.set(at, await volume(`compose-${at}`));
        const listen = ports[name] ?? port;
        const entry = service.entrypoint ?? image.config.Entrypoint;
        const command = [...entry, ...service.command].map((word) => here(word).replace(':8080', `:${listen}`));
        const environment = { GLASSKEY_PASSPHRASE: PASSPHRASE, ...databaseOf(service, database) };
        const data = volumes.get(at) ?? '';
        if (service.restart === 'no') {
          for (const time of ['first', 'again']) {
            const once_ = await image.run(data, command, environment);
            expect([once_.code, once_.stderr], `${name}, ${time}`).toEqual([0, '']);
          }
          continue;
        }
        const child = image.start(data, command, environment);
        let log = '';
        child.stdout?.on('data', (chunk: Buffer) => (log += chunk.toString()));
        child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
        running.push({ name, child, log: () => log });
        if (name === 'server') await answers(`http://127.0.0.1:${port}/readyz`, () => log);
        if (name === 'witness') await until(() => log.includes('listening on'), { ...READY, told: () => log });
        if (name === 'watcher') await answers(`http://127.0.0.1:${watcherPort}/healthz`, () => log);
        if (name === 'auditor') await until(() => /audited|entries/.test(log), { ...READY, told: () => log });
      }
      expect(await registerAndLookUp(`http://127.0.0.1:${port}`, volumes.get('server') ?? '', 'carol')).toContain(
        'carol',
      );
      for (const { name, child, log } of running.toReversed()) {
        child.kill('SIGTERM');
        expect(await once(child, 'exit'), `${name}: ${log()}`).toEqual([0, null]);
      }
    }, 240_000);
  });

  it('serves under systemd after what docs/production.md says, and for an administrator', async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const here = [
      ['postgres://glasskey:PASSWORD@db.example.com/glasskey', await createTestDatabase()],
      ['https://keys.example.com', url],
      ['127.0.0.1:8080', `127.0.0.1:${port}`],
    ] as const;
    // The port of the unit may be taken here.
    const moved = `s/:8080/:${port}/; s/:9090/:${await freePort()}/`;
    const movePort = `sed -i '${moved}' /etc/systemd/system/glasskey.service`;
    // Without scripts: they would build the program anew, under the feet of other tests.
    await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', join(tree, 'root')], {
      cwd: PROJECT,
    });
    const machine = await BootedDebian.boot(tree);
    const log = (): Promise<string> => machine.run('journalctl', '--no-pager', '-u', 'glasskey*');
    const data = join(tree, 'var/lib/private/glasskey');
    try {
      for (const block of productionBlocks()) {
        const text = here.reduce((lines, [from, to]) => lines.replaceAll(from, to), block);
        const ran = text.replace('systemctl daemon-reload', `${movePort}\nsystemctl daemon-reload`);
        await machine.shell(ran).catch(async (error: unknown) => {
          throw new Error(`${block}\n${await log()}`, { cause: error });
        });
        if (block.includes('systemctl')) await answers(`${url}/readyz`, log);
      }
      expect(await log()).toContain('{"level":"info",');
      await machine.run('systemctl', 'start', 'glasskey-init');
      await machine.run('systemctl', 'reload', 'glasskey');

      // What root writes into the folder belongs to the service's user.
      const list = 'glasskey admin seal-rows --data /var/lib/glasskey';
      const finish = `${list} --finish "$(${list} | sed -n 's/.*--finish //p')"`;
      const environment = 'GLASSKEY_PASSPHRASE_FILE=/etc/glasskey/passphrase; . /etc/glasskey/environment';
      await machine.shell(`set -a; ${environment}; ${finish}`);
      const { uid } = await stat(data);
      expect(uid).not.toBe(0);
      for (const name of await readdir(data, { recursive: true })) {
        expect((await stat(join(data, name))).uid, name).toBe(uid);
      }
      await machine.run('systemctl', 'restart', 'glasskey');
      await answers(`${url}/readyz`, log);
      expect(await registerAndLookUp(url, data, 'emil')).toContain('emil@example.com');
      await machine.run('systemctl', 'stop', 'glasskey');
      expect(await machine.run('systemctl', 'show', '-p', 'Result', '--value', 'glasskey')).toBe('success\n');
    } finally {
      await machine.stop();
    }
  }, 600_000);
});

/** The blocks of docs/production.md that say that they are run. */
function productionBlocks(): string[] {
  const page = readFileSync(join(PROJECT, 'docs/production.md'), 'utf8');
  return [...page.matchAll(/^```sh run\n(.*?)^```$/gms)].map(([, lines = '']) => lines);
}

interface Service {
  readonly restart: string;
  readonly entrypoint?: readonly string[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
}

/** The database that a service is told by its environment. */
function databaseOf(service: Service, database: string): Record<string, string> {
  return 'GLASSKEY_DATABASE' in service.environment ? { GLASSKEY_DATABASE: database } : {};
}

type Told = () => string | Promise<string>;

/** Waits until a URL answers 200. Rejects with what `told` says. */
async function answers(url: string, told: Told): Promise<void> {
  await until(async () => (await fetch(url).catch(() => undefined))?.status === 200, { ...READY, told });
}
