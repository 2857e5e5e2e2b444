import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { promisify } from 'node:util';
import { encodeUtf8 } from '../src/core/encoding/bytes.ts';
import { encode } from '../src/core/encoding/codec.ts';
import { lookupRequestCodec } from '../src/core/keytrans/messages.ts';
import { KEYTRANS_MEDIA_TYPE } from '../src/contract/media-types.ts';
import { PATHS } from '../src/contract/paths.ts';
import { type PostgresServer, startPostgresServer } from '../test/support/postgres-server.ts';
import { serveFolder } from '../test/support/static-server.ts';
import { Clients, round, type Timing } from './load.ts';
import type { AuditTimes } from './plot-costs.ts';
import { databaseBytes } from './postgres-settings.ts';
import { processorSeconds } from './processor-time.ts';
import { identityOf } from './registrations.ts';
import { PROGRAM, runAudit, type ServerProcess, startServerProcess } from './server-process.ts';

const run = promisify(execFile);

/** A log that grows, with a PostgreSQL of its own, served by one build of the program. */
export class MeasuredLog {
  readonly name: string;
  readonly #program: string;
  readonly #folder: string;
  readonly #postgres: PostgresServer;
  #server: ServerProcess | undefined;
  #labels = 0;

  private constructor(name: string, program: string, folder: string, postgres: PostgresServer) {
    this.name = name;
    this.#program = program;
    this.#folder = folder;
    this.#postgres = postgres;
  }

  /** Makes a log without names. */
  static async create(name: string, program: string): Promise<MeasuredLog> {
    const folder = await mkdtemp(join(tmpdir(), 'glasskey-sizes-'));
    const log = new MeasuredLog(name, program, folder, await startPostgresServer());
    try {
      await (await startServerProcess(log.#data, log.database, { program })).stop();
      return log;
    } catch (error) {
      await log.remove();
      throw error;
    }
  }

  get database(): string {
    return this.#postgres.url;
  }

  get #data(): string {
    return join(this.#folder, 'server');
  }

  get #running(): ServerProcess {
    if (this.#server === undefined) throw new Error('the server is not started');
    return this.#server;
  }

  /** Imports names until there are so many; gives how many a second. */
  async growTo(labels: number): Promise<number> {
    console.error(`${this.name}: importing ${this.#labels} to ${labels}`);
    const file = join(this.#folder, 'names.jsonl');
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKey = pair.publicKey.export({ type: 'spki', format: 'pem' });
    const output = createWriteStream(file);
    for (let i = this.#labels; i < labels; i++) {
      output.write(`${JSON.stringify({ identity: identityOf(i), publicKey })}\n`);
    }
    output.end();
    await finished(output);
    const target = ['--data', this.#data, '--database', this.database, '--json'];
    const { stdout } = await run(process.execPath, [this.#program, 'admin', 'import', file, ...target]);
    await rm(file);
    const { imported, perSecond } = JSON.parse(stdout) as { imported: number; perSecond: number };
    if (imported !== labels - this.#labels) throw new Error(`only ${imported} names were imported`);
    this.#labels = labels;
    return perSecond;
  }

  /** Starts the server; gives the ms until it listens. */
  async start(): Promise<number> {
    const startMs = performance.now();
    this.#server = await startServerProcess(this.#data, this.database, { program: this.#program, isNew: false });
    return round(performance.now() - startMs, 0);
  }

  /** Looks random names up, as clients that know nothing; `packed`: clients that take gzip, as ours do. */
  async lookUp(lookups: number, clients: number, packed: boolean): Promise<Timing> {
    const postgresPid = this.#postgres.pid();
    const { url, pid } = this.#running;
    const pool = new Clients(url, clients, () => ({
      server: processorSeconds(pid),
      postgres: processorSeconds(postgresPid),
    }));
    const plain = { 'content-type': KEYTRANS_MEDIA_TYPE };
    const headers = packed ? { ...plain, 'accept-encoding': 'gzip' } : plain;
    try {
      return await pool.run(lookups, 200, () => {
        const label = encodeUtf8(`mailto:${identityOf(Math.floor(Math.random() * this.#labels))}`);
        return { path: PATHS.lookup, headers, body: encode(lookupRequestCodec, { last: undefined, label }) };
      });
    } finally {
      pool.close();
    }
  }

  /** Audits the log over HTTP, publishes it to a folder, and audits that copy. */
  async audit(): Promise<AuditTimes> {
    console.error(`${this.name}: auditing, publishing, auditing the copy`);
    const { url } = this.#running;
    const audit = (await runAudit(url, join(this.#folder, `audit-${this.#labels}`))).seconds;
    const copy = join(this.#folder, `copy-${this.#labels}`);
    const publishMs = performance.now();
    await run(process.execPath, [PROGRAM, 'publish', url, '--to', copy]);
    const publish = round((performance.now() - publishMs) / 1000, 1);
    const web = await serveFolder(copy);
    const copyAudit = (await runAudit(web.url, join(this.#folder, `audit-copy-${this.#labels}`))).seconds;
    await web.close();
    await rm(copy, { recursive: true, force: true });
    return { audit, publish, copyAudit };
  }

  /** Bytes on disk for a name, and the server's peak memory in MB. */
  async space(): Promise<{ readonly storedBytes: number; readonly peakMb: number }> {
    const storedBytes = round((await databaseBytes(this.database)) / this.#labels, 0);
    return { storedBytes, peakMb: this.#running.memory().peakMb };
  }

  /** Stops the server. */
  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** Stops everything, and removes the log. */
  async remove(): Promise<void> {
    await this.stop();
    await this.#postgres.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
