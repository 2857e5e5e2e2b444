import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { auditEvidenceOf } from '../client/audit/audit-evidence.ts';
import { evidenceJson } from '../client/evidence/evidence-text.ts';
import { LOG_PREFIX } from '../contract/paths.ts';
import { codeOf } from './exit-code.ts';

/** A request to the server and its answer, without headers and therefore without tokens. */
interface Exchange {
  readonly url: string;
  /** Base64. */
  readonly request: string | undefined;
  readonly status: number;
  /** Base64; the first {@link MAX_BYTES} of a long answer. */
  readonly response: string;
}

/** Bounds of the kept exchanges: the first ones (with bundle and tree head), all of them, and the bytes of an answer. */
const FIRST_EXCHANGES = 2;
const MAX_EXCHANGES = 8;
const MAX_BYTES = 512 * 1024;

// A process runs one command against one server.
const exchanges: Promise<Exchange | undefined>[] = [];
const known: Record<string, unknown> = {};

/** Adds to the evidence what the client knew, or was given to verify, before it asked. */
export function recordKnown(facts: Readonly<Record<string, unknown>>): void {
  Object.assign(known, facts);
}

/**
 * Calls the platform's `fetch`, and keeps the answers for {@link writeEvidence}: a signed tree head and whatever
 * contradicts it. Files of the audit log are not kept, because an audit produces evidence of its own.
 */
export async function recordingFetch(url: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (new URL(url).pathname.includes(LOG_PREFIX)) return response;
  exchanges.push(keep(url, init?.body, response.clone()).catch(() => undefined));
  if (exchanges.length > MAX_EXCHANGES) void exchanges.splice(FIRST_EXCHANGES, 1);
  return response;
}

async function keep(url: string, body: RequestInit['body'], response: Response): Promise<Exchange> {
  const sent =
    typeof body === 'string' || body instanceof Uint8Array ? Buffer.from(body).toString('base64') : undefined;
  const received: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    received.push(part.value);
    length += part.value.length;
    // The slower reader of a cloned answer slows the other one: stop here, and the client reads on alone.
    if (length > MAX_BYTES) await reader?.cancel();
  }
  const answer = Buffer.concat(received).subarray(0, MAX_BYTES).toString('base64');
  return { url, request: sent, status: response.status, response: answer };
}

/**
 * Writes evidence of a misbehaviour to a new file (mode 0600) in `folder`, and names the file on stderr. It holds the
 * error, what the client knew before (the pinned bundle and the last tree view), and what the server answered.
 */
export async function writeEvidence(error: unknown, folder: string): Promise<void> {
  const at = new Date().toISOString();
  const path = join(folder, `evidence-${at.replaceAll(/[:.]/g, '-')}.json`);
  const message = error instanceof Error ? error.message : String(error);
  const { proof, ...facts } = auditEvidenceOf(error) ?? {};
  const evidence = {
    at,
    command: process.argv[2],
    code: codeOf(error),
    message,
    ...facts,
    ...(proof === undefined ? {} : { proof: evidenceJson(proof) }),
    known,
    exchanges: await received(),
  };
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
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

async function received(): Promise<readonly Exchange[]> {
  return (await Promise.all(exchanges)).filter((one) => one !== undefined);
}
