import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

const PAGE = join(import.meta.dirname, '../../docs/operations.md');

/** A proxy of others, with the configuration that the documentation gives. */
export interface ProxyProcess {
  readonly httpsPort: number;
  readonly httpPort: number;
  /** The certificate of the proxy, PEM. */
  readonly certificate: string;
  stop(): Promise<void>;
}

interface Places {
  readonly folder: string;
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly certificate: string;
  readonly key: string;
}

/** The block of `docs/operations.md` in a language, with what belongs to this machine in place of what it names. */
function documented(language: string, replacements: readonly (readonly [found: string, put: string])[]): string {
  const [, block] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(readFileSync(PAGE, 'utf8')) ?? [];
  return replacements.reduce((text, [found, put]) => {
    if (!text.includes(found)) throw new Error(`the page does not say: ${found}`);
    return text.replaceAll(found, put);
  }, block ?? '');
}

/** Starts nginx with the documented configuration, in front of the server on `port`. */
export function startNginx(port: number): Promise<ProxyProcess> {
  return start(({ folder, httpsPort, httpPort, certificate, key }) => {
    const block = documented('nginx', [
      ['127.0.0.1:8080', `127.0.0.1:${port}`],
      ['listen 443 ssl', `listen 127.0.0.1:${httpsPort} ssl`],
      ['listen 80', `listen 127.0.0.1:${httpPort}`],
      ['/etc/ssl/keys.example.com.pem', certificate],
      ['/etc/ssl/private/keys.example.com.key', key],
    ]);
    return nginx(folder, block);
  });
}

/** Starts nginx with servers of the test's own; `servers` returns the `http` block of its configuration. */
export function startNginxWith(servers: (httpPort: number) => string): Promise<ProxyProcess> {
  return start(({ folder, httpPort }) => nginx(folder, servers(httpPort)), 'httpPort');
}

/** Starts Caddy with the documented configuration, in front of the server on `port`. */
export function startCaddy(port: number): Promise<ProxyProcess> {
  return start(({ folder, httpsPort, httpPort, certificate, key }) => {
    const block = documented('caddyfile', [
      ['127.0.0.1:8080', `127.0.0.1:${port}`],
      ['http://keys.example.com {', `http://localhost:${httpPort} {`],
      ['keys.example.com {', `https://localhost:${httpsPort} {\n\ttls ${certificate} ${key}`],
    ]);
    const file = join(folder, 'Caddyfile');
    writeFileSync(file, `{\n\tadmin off\n\tauto_https off\n}\n${block}`);
    const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    return spawn('caddy', ['run', '--adapter', 'caddyfile', '--config', file], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  });
}

function nginx(folder: string, servers: string): ChildProcess {
  const file = join(folder, 'nginx.conf');
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  writeFileSync(
    file,
    `daemon off; pid ${join(folder, 'pid')}; error_log stderr; worker_processes 1; events {}
http { access_log off; ${places.join(' ')}
${servers}
}`,
  );
  return spawn('/usr/sbin/nginx', ['-p', folder, '-c', file], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function start(
  launch: (places: Places) => ChildProcess,
  waitsFor: 'httpsPort' | 'httpPort' = 'httpsPort',
): Promise<ProxyProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'glasskey-proxy-'));
  const [certificate, key] = [join(folder, 'proxy.pem'), join(folder, 'proxy.key')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-days', '2'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', certificate, ...subject], {
    stdio: 'pipe',
  });
  const places = { folder, httpsPort: await freePort(), httpPort: await freePort(), certificate, key };
  const child = launch(places);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const stop = async (): Promise<void> => {
    const isOver = child.exitCode !== null || child.signalCode !== null;
    child.kill('SIGTERM');
    if (!isOver) await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
  };
  while (!(await isListening(places[waitsFor]))) {
    if (child.exitCode !== null) throw new Error(`the proxy ended: ${output}`);
    await sleep(50);
  }
  return { ...places, certificate: readFileSync(certificate, 'utf8'), stop };
}

/** Returns true if something listens on a port of this machine. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
