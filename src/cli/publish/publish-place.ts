import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { takeLock } from '../../client/node/state-lock.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { FolderTarget } from '../../service/publish/folder-target.ts';
import { PUBLISHED_CHECKPOINT, type PublishTarget } from '../../service/publish/publish-target.ts';
import { type S3Options, S3Target } from '../../service/publish/s3-target.ts';
import { PUBLISHED_BUNDLE } from './publish-bundle.ts';

/** The options that say where to publish. */
export interface PlaceOptions {
  /** A folder, or `s3://bucket/prefix`. */
  readonly to: string;
  /** URL of an S3-compatible server. Default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else Amazon's of the region. */
  readonly endpoint?: string | undefined;
  /** Default: AWS_REGION, else us-east-1. */
  readonly region?: string | undefined;
}

/** An open place. */
export interface OpenPlace {
  readonly target: PublishTarget;
  /** The folder, if the place is one. */
  readonly folder?: string;
  close(): Promise<void>;
}

const LOCK = '.publishing';

/**
 * Opens the place to publish to. Locks a folder, so that one process publishes at a time. The keys of a bucket come
 * from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. Throws `usage`, `state-locked`,
 * `storage-failed`, and `unsupported-operation` for a bucket without conditional writes.
 */
export async function openPlace(options: PlaceOptions): Promise<OpenPlace> {
  const bucket = bucketOf(options);
  if (bucket !== undefined) return { target: await S3Target.open(bucket), close: nothing };
  await mkdir(options.to, { recursive: true }).catch((cause: unknown): never => {
    throw new GlasskeyError('storage-failed', `cannot create the folder ${options.to}`, { cause });
  });
  return openFolder(options.to);
}

/**
 * Opens the place of an existing copy. To check it, nothing is locked and nothing is written, so that it can be checked
 * while somebody publishes; to repair it, it is opened as for publishing. Throws `usage` if there is no copy, and what
 * `openPlace` throws.
 */
export async function openCopy(options: PlaceOptions, purpose: 'check' | 'repair'): Promise<OpenPlace> {
  const bucket = bucketOf(options);
  const target = bucket === undefined ? FolderTarget.forReading(options.to) : S3Target.forReading(bucket);
  for (const path of [PUBLISHED_CHECKPOINT, PUBLISHED_BUNDLE]) {
    if (!(await isThere(target, path))) continue;
    if (purpose === 'check') return { target, close: nothing };
    return bucket === undefined ? openFolder(options.to) : { target: await S3Target.open(bucket), close: nothing };
  }
  const files = `${PUBLISHED_CHECKPOINT} and ${PUBLISHED_BUNDLE} are missing`;
  throw new GlasskeyError('usage', `no copy at ${options.to} (${files}): publish there without --check and --repair`);
}

async function nothing(): Promise<void> {}

async function isThere(target: PublishTarget, path: string): Promise<boolean> {
  try {
    return (await target.read(path)) !== undefined;
  } catch (error) {
    // Something is there, though no file of a log.
    if (isGlasskeyError(error, 'published-differs')) return true;
    throw error;
  }
}

async function openFolder(folder: string): Promise<OpenPlace> {
  const lock = await takeLock(join(folder, LOCK));
  try {
    const target = await FolderTarget.open(folder, { assertAlone: () => lock.assertHeld() });
    return { target, folder, close: () => lock.release() };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Returns the bucket that the options name; undefined for a folder. */
function bucketOf({
  to,
  endpoint,
  region = process.env['AWS_REGION'] ?? 'us-east-1',
}: PlaceOptions): S3Options | undefined {
  ensure(
    /^s3:/i.test(to) || !/^[a-z][a-z0-9+.-]+:\/\//i.test(to),
    'usage',
    '--to takes a folder or s3://bucket/prefix',
  );
  if (!/^s3:/i.test(to)) return undefined;
  const [, bucket = '', path = ''] = /^s3:\/\/([^/]*)\/?(.*?)\/*$/i.exec(to) ?? [];
  const isBucket = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket);
  const isPath = path === '' || path.split('/').every((part) => /^[A-Za-z0-9._-]+$/.test(part) && !/^\.+$/.test(part));
  ensure(isBucket && isPath, 'usage', `${to} is not a bucket: give --to s3://bucket or s3://bucket/prefix`);
  const { env } = process;
  const accessKeyId = env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
  ensure(
    accessKeyId !== undefined && secretAccessKey !== undefined,
    'usage',
    'no keys for the bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  );
  return {
    endpoint: endpointUrl(endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'], region),
    bucket,
    prefix: path === '' ? '' : `${path}/`,
    region,
    accessKeyId,
    secretAccessKey,
    sessionToken: env['AWS_SESSION_TOKEN'],
  };
}

function endpointUrl(given: string | undefined, region: string): string {
  const text = given ?? `https://s3.${region}.amazonaws.com`;
  ensure(URL.canParse(text), 'usage', `${text} is not the URL of an S3 server: give one with --endpoint`);
  const { protocol, origin, pathname, search, hash } = new URL(text);
  const isPlain = /^https?:$/.test(protocol) && pathname === '/' && search === '' && hash === '';
  ensure(isPlain, 'usage', `${text} is not the URL of an S3 server: give --endpoint as http(s)://host[:port]`);
  return origin;
}
