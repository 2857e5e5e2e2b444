import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { auditEvidenceOf } from '../client/audit/audit-evidence.ts';
import { evidenceJson } from '../client/evidence/evidence-text.ts';
import { LOG_PREFIX } from '../contract/paths.ts';
import { codeOf } from './exit-code.ts';

/** One question to the server and its answer, as sent and received; headers, and so tokens, are left out. */
interface Exchange {
  readonly url: string;
  /** Base64. */
  readonly request: string | undefined;
  readonly status: number;
  /** Base64; its first bytes, where it is long. */
  readonly response: string;
}

/** The exchanges that are kept (the first ones, with bundle and tree head, and the last ones), and the most bytes of each answer. */
const FIRST_EXCHANGES = 2;
const MAX_EXCHANGES = 8;
const MAX_BYTES = 512 * 1024;

// A process runs one command against one server.
const exchanges: Promise<Exchange | undefined>[] = [];
const known: Record<string, unknown> = {};

/** Remembers what the client knew, or was given to verify, before it asked: part of the evidence. */
export function recordKnown(facts: Readonly<Record<string, unknown>>): void {
  Object.assign(known, facts);
}

/**
 * The platform's `fetch`, with the answers kept for {@link writeEvidence}: a tree head that was signed, and what does
 * not go with it. Files of the audit log are not kept: they can be had again, and an audit brings evidence of its own.
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
    // Both branches of a cloned answer are read at the pace of the slower one: give up, and the client reads on alone.
    if (length > MAX_BYTES) await reader?.cancel();
  }
  const answer = Buffer.concat(received).subarray(0, MAX_BYTES).toString('base64');
  return { url, request: sent, status: response.status, response: answer };
}

/**
 * Writes what is known of a misbehaviour to a new file (mode 0600) in the folder, and names it on stderr: the error, what
 * the client knew before (the pinned bundle and the last tree view), and what the server answered.
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
      process.stderr.write(`glasskey: it proves the misbehaviour to others: glasskey evidence verify ${path}\n`);
    }
  } catch (cause) {
    process.stderr.write(`glasskey: the evidence could not be written to ${path}: ${String(cause)}\n`);
  }
}

async function received(): Promise<readonly Exchange[]> {
  return (await Promise.all(exchanges)).filter((one) => one !== undefined);
}
