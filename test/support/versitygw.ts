import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { AwsClient } from 'aws4fetch';
import { formatObjectName, type ObjectName } from '../../src/akd/object-name.ts';
import { freePort } from './free-port.ts';

const module = join(import.meta.dirname, '../interop/s3');

/** An S3-compatible server that nobody here wrote. */
export interface S3Server {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  createBucket(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Why the server cannot run here; undefined where it can. In CI it must be able to. */
export function versitygwMissing(): string | undefined {
  try {
    execFileSync('go', ['version'], { cwd: module, stdio: 'pipe' });
    return undefined;
  } catch {
    return 'no go toolchain';
  }
}

/** Builds versitygw, which takes minutes the first time on a machine, and starts it over an empty folder. */
export async function startVersitygw(): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'glasskey-s3-'));
  const [program, data] = [join(folder, 'versitygw'), join(folder, 'data')];
  await mkdir(data);
  const target = 'github.com/versity/versitygw/cmd/versitygw';
  await promisify(execFile)('go', ['build', '-o', program, target], { cwd: module });
  const keys = { accessKeyId: 'glasskey-test', secretAccessKey: 'glasskey-test-secret' };
  const port = await freePort();
  const server = spawn(program, ['--port', `127.0.0.1:${port}`, 'posix', data], {
    cwd: folder,
    env: { ...process.env, ROOT_ACCESS_KEY: keys.accessKeyId, ROOT_SECRET_KEY: keys.secretAccessKey },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(server, 'exit');
  await listening(server.stdout);
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new AwsClient({ ...keys, service: 's3', region: 'us-east-1' });
  return {
    endpoint,
    ...keys,
    createBucket: async (name) => {
      const { status } = await client.fetch(`${endpoint}/${name}`, { method: 'PUT' });
      if (status !== 200) throw new Error(`the bucket could not be made: ${status}`);
    },
    close: async () => {
      server.kill('SIGTERM');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when the server says where it listens. */
async function listening(output: Readable): Promise<void> {
  let text = '';
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes('http://127.0.0.1:')) break;
  }
  // What it says later is of no interest, but must not fill the pipe.
  output.resume();
}

/** Makes a bucket that anybody may list and read, as published logs are, with these objects; returns its URL. */
export async function publicBucket(
  server: S3Server,
  bucket: string,
  objects: readonly (ObjectName & { readonly bytes: Uint8Array })[],
): Promise<string> {
  await server.createBucket(bucket);
  const { endpoint, accessKeyId, secretAccessKey } = server;
  const client = new AwsClient({ accessKeyId, secretAccessKey, service: 's3', region: 'us-east-1' });
  const put = async (path: string, body: string | Uint8Array<ArrayBuffer>): Promise<void> => {
    const { status } = await client.fetch(`${endpoint}/${bucket}${path}`, { method: 'PUT', body });
    if (status > 299) throw new Error(`${path} could not be written: ${status}`);
  };
  const arn = `arn:aws:s3:::${bucket}`;
  const allow = (Action: string, Resource: string) => ({ Effect: 'Allow', Principal: '*', Action, Resource });
  const Statement = [allow('s3:ListBucket', arn), allow('s3:GetObject', `${arn}/*`)];
  await put('?policy=', JSON.stringify({ Version: '2012-10-17', Statement }));
  for (const object of objects) await put(`/${formatObjectName(object)}`, new Uint8Array(object.bytes));
  return `${endpoint}/${bucket}`;
}
