import { PGlite } from '@electric-sql/pglite';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { commit, OPENING_LENGTH } from '../../core/crypto/commitment.ts';
import { ensure } from '../../core/errors.ts';
import { type ApiServer, serveApi } from '../../http/server.ts';
import { growLog, prefixTileRows } from '../../service/sequencing/grow-log.ts';
import { releaseHead } from '../../service/sequencing/head-signer.ts';
import { adoptReleased } from '../../service/sequencing/rollback-check.ts';
import { LogService } from '../../service/log-service.ts';
import { initialise } from '../../server/init.ts';
import { DataFolder } from '../../server/data-folder.ts';
import { openServer, type OpenServer } from '../../server/open-server.ts';

/** Tables with rows of log entries, and the column that holds the entry's position. */
const BY_POSITION = [
  ['entries', 'position'],
  ['prefix_tiles', 'position'],
  ['versions', 'position'],
] as const;
/** Tables that hold requests only. */
const REQUESTS = ['submissions', 'intents'] as const;

/** A copy of the database's head row. */
type Snapshot = Readonly<Record<string, unknown>>;

/** A record to put in the place of another one. */
export interface ForgedValue {
  readonly labelKey: Uint8Array;
  readonly value: Uint8Array;
}

/** A record to add as the next version of a label. */
export interface ForgedVersion extends ForgedValue {
  readonly label: Uint8Array;
}

/** A server in this process whose operator manipulates its database. */
export class DemoServer {
  readonly token: string;
  readonly url: string;
  readonly #folder: string;
  #database: PGlite;
  #open: OpenServer;
  #service: LogService;
  #http: ApiServer;

  private constructor(folder: string, token: string, database: PGlite, started: Started) {
    this.#folder = folder;
    this.token = token;
    this.#database = database;
    this.#open = started.open;
    this.#service = started.service;
    this.#http = started.http;
    this.url = started.http.url;
  }

  /** Initialises a data folder and serves it from a database in memory, on a free port of loopback. */
  static async start(folder: string): Promise<DemoServer> {
    const options = { suite: 'ed25519', origin: undefined, publicUrl: undefined, caKey: 'p256', dev: false } as const;
    await initialise({ data: folder, ...options, nowMs: Date.now() });
    const token = (await readFile(join(folder, 'registration.token'), 'utf8')).trim();
    const database = await PGlite.create();
    return new DemoServer(folder, token, database, await begin(folder, database, 0));
  }

  /** The open server with all its signing keys, in the operator's hands. */
  get open(): OpenServer {
    return this.#open;
  }

  async stop(): Promise<void> {
    await this.#http.close();
    await this.#service.stop();
    await this.#open.close();
  }

  /** Returns the current head row. */
  async snapshot(): Promise<Snapshot> {
    const { rows } = await this.#database.query<Snapshot>('select * from heads');
    ensure(rows[0] !== undefined, 'internal', 'no head');
    return rows[0];
  }

  /** Overwrites the newest record of a label. Returns the function that undoes this. */
  async replaceRecord({ labelKey, value }: ForgedValue): Promise<() => Promise<void>> {
    const where = 'where label_key = $1 and version = (select max(version) from versions where label_key = $1)';
    const { rows } = await this.#database.query<{ value: Uint8Array }>(`select value from versions ${where}`, [
      labelKey,
    ]);
    const update = async (bytes: Uint8Array | undefined): Promise<void> => {
      await this.#database.query(`update versions set value = $2 ${where}`, [labelKey, bytes]);
    };
    await update(value);
    return () => update(rows[0]?.value);
  }

  /** Appends a record as the next version of a label, and signs it, like the sequencer but without its checks. */
  async publish({ label, labelKey, value }: ForgedVersion): Promise<void> {
    const { context } = this.#open;
    const head = await context.store.readHead();
    const latest = await context.store.readLabelAt(labelKey, head.size);
    const version = (latest?.greatest.version ?? -1) + 1;
    const [vrf] = await context.vrf.evaluate(label, [version]);
    ensure(vrf !== undefined, 'internal', 'no VRF result');
    const opening = context.random(OPENING_LENGTH);
    const commitment = commit({ opening, label, version, update: { value, signature: undefined } });
    const { output: vrfOutput, proof } = vrf;
    const growth = await growLog({
      head,
      changes: [[{ vrfOutput, commitment }]],
      timestampMs: Math.max(head.timestampMs, context.now()),
      configHash: context.configHash,
      readTiles: context.readPrefixTiles,
      format: context.format,
    });
    const prefixTiles = prefixTileRows(growth.prefixTiles);
    await this.#service.stop();
    await context.store.append({ ...growth, prefixTiles, versions: [], rejected: [], revocations: [] });
    await this.#database.query(
      `insert into versions (log_id, label_key, version, position, vrf_output, vrf_proof, commitment, opening, value)
       select log_id, $1, $2, $3, $4, $5, $6, $7, $8 from logs`,
      [labelKey, version, head.size, vrfOutput, proof, commitment, opening, value],
    );
    await this.#database.query('update labels set greatest_version = $2 where label_key = $1', [labelKey, version]);
    await releaseHead(context, await context.store.readHead());
    await this.#restart();
  }

  /** Restarts the server on the current database. */
  async #restart(): Promise<void> {
    const port = Number(new URL(this.url).port);
    await this.#http.close();
    const started = await begin(this.#folder, this.#database, port);
    this.#open = started.open;
    this.#service = started.service;
    this.#http = started.http;
  }

  /** Copies the whole database. Returns the function that serves the copy, as if nothing had happened since. */
  async keepCopy(): Promise<() => Promise<void>> {
    const copy = await this.#database.dumpDataDir('none');
    return async () => {
      await this.#service.stop();
      await rm(new DataFolder(this.#folder).lastSigned, { force: true });
      const replaced = this.#database;
      this.#database = await PGlite.create({ loadDataDir: copy });
      await this.#restart();
      await replaced.close();
    };
  }

  /** Rolls the log back to an earlier head, as if nothing had happened since, and serves it from there. */
  async rewindTo(head: Snapshot): Promise<void> {
    await this.#service.stop();
    // This file would reveal the rollback to the server itself: it begins anew with what is released then.
    await rm(new DataFolder(this.#folder).lastSigned, { force: true });
    await this.#database.transaction(async (sql) => {
      const { size } = head;
      for (const [table, column] of BY_POSITION) await sql.query(`delete from ${table} where ${column} >= $1`, [size]);
      await sql.query('delete from released_heads where size > $1', [size]);
      for (const table of REQUESTS) await sql.query(`delete from ${table}`);
      await sql.query('delete from certificates where label_key not in (select label_key from versions)');
      await sql.query('delete from labels where label_key not in (select label_key from versions)');
      const columns = Object.keys(head).filter((name) => name !== 'log_id');
      const assignments = columns.map((name, i) => `${name} = $${i + 1}`).join(', ');
      await sql.query(
        `update heads set ${assignments}`,
        columns.map((name) => head[name]),
      );
    });
    await this.#restart();
  }
}

interface Started {
  readonly open: OpenServer;
  readonly service: LogService;
  readonly http: ApiServer;
}

async function begin(folder: string, database: PGlite, port: number): Promise<Started> {
  const open = await openServer({ data: folder, database: { database }, creates: true });
  await adoptReleased(open.context);
  const service = new LogService(open.context);
  await service.start();
  const { root, trustBundle, metrics } = open;
  const http = await serveApi({
    service,
    documents: { root, issuer: open.context.keys.issuer.certificate.der, trustBundle },
    metrics,
    ping: () => open.store.ping(),
    listen: { host: '127.0.0.1', port },
  });
  return { open, service, http };
}
