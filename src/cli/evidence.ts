import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { auditEvidenceOf } from '../client/audit/audit-evidence.ts';
import { evidenceJson } from '../client/evidence/evidence-text.ts';
import { type Fetch, platformFetch } from '../core/net/bounded-fetch.ts';
import { LOG_PREFIX } from '../contract/paths.ts';
import { codeOf } from './exit-code.ts';

/** A request to the server and its answer, without headers and therefore without tokens. */
interface Exchange {
  readonly url: string;
  /** The body of the request. */
  readonly sent: Uint8Array | undefined;
  readonly status: number;
  /** The part of the answer that was read; of a long answer the first {@link MAX_BYTES}. */
  readonly received: Uint8Array[];
}

/**
 * Bounds of the kept exchanges: the first ones (with bundle and tree head), all of them, and the bytes of an answer.
 */
const FIRST_EXCHANGES = 2;
const MAX_EXCHANGES = 8;
const MAX_BYTES = 512 * 1024;

// A process runs one command against one server.
const exchanges: Exchange[] = [];
const known: Record<string, unknown> = {};

/** Adds to the evidence what the client knew, or was given to verify, before it asked. */
export function recordKnown(facts: Readonly<Record<string, unknown>>): void {
  Object.assign(known, facts);
}

/**
 * The platform's `fetch`, which also keeps the answers for {@link writeEvidence}: a signed tree head and whatever
 * contradicts it. Files of the audit log are not kept, because an audit produces evidence of its own.
 */
export const recordingFetch: Fetch = async (url, init) => {
  const response = await platformFetch(url, init);
  if (new URL(url).pathname.includes(LOG_PREFIX)) return response;
  const exchange: Exchange = { url, sent: bytesOf(init.body), status: response.status, received: [] };
  exchanges.push(exchange);
  if (exchanges.length > MAX_EXCHANGES) exchanges.splice(FIRST_EXCHANGES, 1);
  return response.body === null ? response : recorded(response, response.body, exchange.received);
};

/**
 * Returns an answer whose body is copied as it is read. Nobody waits for the copy: a second reader of the body would
 * wait for ever for one that the client has given up.
 */
function recorded(
  { status, statusText, headers }: Response,
  body: ReadableStream<Uint8Array>,
  received: Uint8Array[],
): Response {
  let left = MAX_BYTES;
  const copy = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      if (left > 0) received.push(chunk.slice(0, left));
      left -= chunk.length;
      controller.enqueue(chunk);
    },
  });
  return new Response(body.pipeThrough(copy), { status, statusText, headers });
}

function bytesOf(body: RequestInit['body']): Uint8Array | undefined {
  if (typeof body === 'string') return Buffer.from(body);
  return body instanceof Uint8Array ? body : undefined;
}

/**
 * Writes evidence of a misbehaviour to a new file (mode 0600) in `folder`, and names the file on stderr. It holds the
 * error, what the client knew before (the pinned bundle and the last tree view), and what the server answered. Writes
 * nothing if the same command's finding, with the same proof, has a file there already.
 */
export async function writeEvidence(error: unknown, folder: string): Promise<void> {
  const at = new Date().toISOString();
  const message = error instanceof Error ? error.message : String(error);
  const { proof, ...facts } = auditEvidenceOf(error) ?? {};
  const proven = proof === undefined ? undefined : evidenceJson(proof);
  // Messages name no identity, and a later run may prove what an earlier one could not.
  const finding = createHash('sha256')
    .update(JSON.stringify([codeOf(error), message, process.argv.slice(2), proven]))
    .digest('hex')
    .slice(0, 12);
  const path = join(folder, `evidence-${at.replaceAll(/[:.]/g, '-')}-${finding}.json`);
  const evidence = {
    at,
    command: process.argv[2],
    code: codeOf(error),
    message,
    ...facts,
    ...(proven === undefined ? {} : { proof: proven }),
    known,
    exchanges: exchanges.map(exchangeJson),
  };
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const earlier = (await readdir(folder)).find(
      (name) => /^evidence-.*\.json$/.test(name) && name.endsWith(`-${finding}.json`),
    );
    if (earlier !== undefined) {
      process.stderr.write(`glasskey: the evidence of this finding is in ${join(folder, earlier)} already\n`);
      return;
    }
    await writeFile(path, `${JSON.stringify(evidence, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    process.stderr.write(`glasskey: evidence written to ${path}\n`);
    if (proof !== undefined) {
      process.stderr.write(
        `glasskey: it proves the misbehaviour to others. Next: \`glasskey evidence verify ${path} --trust <file>\`\n`,
      );
    }
  } catch (cause) {
    process.stderr.write(`glasskey: cannot write the evidence to ${path}: ${String(cause)}\n`);
  }
}

function exchangeJson({ url, sent, status, received }: Exchange): Record<string, unknown> {
  const request = sent === undefined ? undefined : Buffer.from(sent).toString('base64');
  return { url, request, status, response: Buffer.concat(received).toString('base64') };
}
