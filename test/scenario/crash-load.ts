import { setTimeout as sleep } from 'node:timers/promises';
import { signCsr } from '../../src/ca/csr/sign-csr.ts';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { formatPem, parsePem } from '../../src/ca/der/pem.ts';
import { parseCertificateAnswer } from '../../src/contract/parse-answers.ts';
import { parseProblem } from '../../src/contract/parse-problem.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { decode } from '../../src/core/encoding/codec.ts';
import type { Configuration } from '../../src/core/keytrans/configuration.ts';
import { searchResponseCodec } from '../../src/core/keytrans/messages.ts';
import { formatHex } from '../../src/core/encoding/bytes.ts';
import type { Signer } from '../../src/core/crypto/signer.ts';

/** Everything that a server has said so far, across its crashes. What it says twice must be the same. */
export class Testimony {
  /** DER certificates of acknowledged registrations, by identity. */
  readonly acknowledged = new Map<string, Uint8Array>();
  /** Every identity that anybody asked for, answered or not. */
  readonly asked = new Set<string>();
  /** Signature of the tree head (hex), by size. Ed25519 signs deterministically: two of one size are two roots. */
  readonly heads = new Map<number, string>();
  /** Signed note of the checkpoint, by size. */
  readonly checkpoints = new Map<number, string>();
  /** The greatest size that was seen. */
  greatestSize = 0;

  noteHead(size: number, signature: string): void {
    this.#note(this.heads, size, signature);
  }

  noteCheckpoint(note: string): number {
    const size = Number(note.split('\n')[1]);
    this.#note(this.checkpoints, size, note);
    return size;
  }

  #note(seen: Map<number, string>, size: number, value: string): void {
    if (!Number.isSafeInteger(size) || size < 1) throw new Error(`a head without a size: ${value}`);
    const known = seen.get(size);
    if (known !== undefined && known !== value) throw new Error(`two heads of size ${size}:\n${known}\n${value}`);
    seen.set(size, value);
    this.greatestSize = Math.max(this.greatestSize, size);
  }
}

/** A registration that can be sent again as it is. */
export interface Registration {
  readonly identity: string;
  readonly body: string;
}

/** An answer other than 201. */
export class Refusal extends Error {
  readonly code: string;

  constructor(identity: string, status: number, text: string) {
    super(`registering ${identity}: ${status} ${text}`);
    this.code = parseProblem(JSON.parse(text), status).code ?? `HTTP ${status}`;
  }
}

/** Clients that register names, and watch the heads, until their server is gone. */
export class CrashLoad {
  readonly #testimony: Testimony;
  readonly #token: string;
  readonly #config: Configuration;
  readonly #key: Signer;
  #next = 0;

  private constructor(testimony: Testimony, token: string, config: Configuration, key: Signer) {
    this.#testimony = testimony;
    this.#token = token;
    this.#config = config;
    this.#key = key;
  }

  static async create(testimony: Testimony, token: string, config: Configuration): Promise<CrashLoad> {
    return new CrashLoad(testimony, token, config, signerFromKey(await createKey('p256')));
  }

  /**
   * Runs `clients` clients and a watcher until the server is gone; returns the requests that got no answer. Rejects where
   * it answers anything but 201 while it is there.
   */
  async run(url: string, clients: number): Promise<readonly Registration[]> {
    const unanswered: Registration[] = [];
    const client = async (): Promise<void> => {
      for (;;) {
        const registration = await this.prepare();
        const answered = await this.send(url, registration);
        if (answered) continue;
        unanswered.push(registration);
        return;
      }
    };
    await Promise.all([...Array.from({ length: clients }, client), this.#watch(url)]);
    return unanswered;
  }

  /** Sends a registration; returns whether an answer came. Takes down what is acknowledged. Throws {@link Refusal}. */
  async send(url: string, { identity, body }: Registration, timeoutMs = 30_000): Promise<boolean> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${this.#token}` };
    const signal = AbortSignal.timeout(timeoutMs);
    const answer = await textOf(fetch(url + PATHS.certificates, { method: 'POST', headers, body, signal }));
    if (answer === undefined) return false;
    if (answer.status !== 201) throw new Refusal(identity, answer.status, answer.text);
    const result = parseCertificateAnswer(JSON.parse(answer.text));
    const { fullTreeHead } = decode(searchResponseCodec(this.#config, { version: undefined }), result.proof);
    if (fullTreeHead.type !== 'updated') throw new Error('an answer without a tree head');
    const { treeSize, signature } = fullTreeHead.treeHead;
    if (treeSize <= result.position) throw new Error('let out before the head that contains it');
    this.#testimony.noteHead(treeSize, formatHex(signature));
    this.#testimony.acknowledged.set(identity, parsePem('CERTIFICATE', result.certificate));
    return true;
  }

  /** Registers another name. Rejects unless the server acknowledges it in time. */
  async register(url: string, timeoutMs: number): Promise<void> {
    const registration = await this.prepare();
    if (!(await this.send(url, registration, timeoutMs))) throw new Error(`no answer within ${timeoutMs} ms`);
  }

  /** Makes a registration of a name that nobody has. */
  async prepare(): Promise<Registration> {
    const identity = `user${this.#next++}@crash.example`;
    this.#testimony.asked.add(identity);
    const der = await signCsr(this.#key, { kind: 'email', value: identity });
    return { identity, body: JSON.stringify({ identity, csr: formatPem('CERTIFICATE REQUEST', der) }) };
  }

  /** Takes down every checkpoint that is served, and that they only grow. */
  async #watch(url: string): Promise<void> {
    for (let last = 0; ;) {
      const size = await noteServed(url, this.#testimony, last);
      if (size === undefined) return;
      last = size;
      await sleep(5);
    }
  }
}

/** Takes down the checkpoint that is served, and returns its size. Throws if it is below `least`; undefined: no answer. */
export async function noteServed(url: string, testimony: Testimony, least: number): Promise<number | undefined> {
  const answer = await textOf(fetch(url + PATHS.checkpoint, { signal: AbortSignal.timeout(30_000) }));
  if (answer === undefined) return undefined;
  if (answer.status !== 200) throw new Error(`the checkpoint: ${answer.status} ${answer.text}`);
  const size = testimony.noteCheckpoint(answer.text);
  if (size < least) throw new Error(`the checkpoint went back from ${least} to ${size}`);
  return size;
}

/** A whole answer; undefined where the connection broke, or was refused, before its end. */
async function textOf(response: Promise<Response>): Promise<{ status: number; text: string } | undefined> {
  try {
    const { status } = await response;
    return { status, text: await (await response).text() };
  } catch {
    return undefined;
  }
}
