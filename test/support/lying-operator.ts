import type { PGlite } from '@electric-sql/pglite';
import type { CompanionKeys } from '../../src/ca/companion-keys.ts';
import { issueLeaf } from '../../src/ca/issue.ts';
import { DEFAULT_PROFILE, leafValidity, type Validity } from '../../src/ca/profile.ts';
import { newSerial } from '../../src/ca/serial.ts';
import { MemoryState, type StateStore } from '../../src/client/state/client-state.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import { commit, OPENING_LENGTH } from '../../src/core/crypto/commitment.ts';
import { auditEntryCodec } from '../../src/core/audit/audit-entry.ts';
import { decode } from '../../src/core/encoding/codec.ts';
import type { VrfResult } from '../../src/core/crypto/vrf-prover.ts';
import type { HeldVersion } from '../../src/identity/continuity.ts';
import { encodeIdentityRecord, type IdentityRecord, NO_COMMITMENT } from '../../src/identity/identity-record.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { growLog, prefixTileRows } from '../../src/service/sequencing/grow-log.ts';
import { releaseHead } from '../../src/service/sequencing/head-signer.ts';
import { readLabelState } from '../../src/service/log/label-state.ts';
import { identityOf } from './owner.ts';
import { pgliteDatabase } from './pglite.ts';
import { createTestServer, type TestServer, type TestServerOptions } from './test-server.ts';

/** A version of a label as its row has it. */
interface NewVersion {
  readonly version: number;
  readonly value: Uint8Array;
}

/**
 * A real server whose operator has every key and the database in hand, and keeps no rule: what it appends is checked by
 * nobody, and nothing of the server verifies its own answers.
 */
export class LyingOperator {
  readonly server: TestServer;
  readonly database: PGlite;

  private constructor(server: TestServer, database: PGlite) {
    this.server = server;
    this.database = database;
  }

  static async start(options: TestServerOptions = {}): Promise<LyingOperator> {
    const database = await pgliteDatabase();
    const limits = { verifyOneIn: 0, ...options.limits };
    return new LyingOperator(await createTestServer({ ...options, target: { database }, limits }), database);
  }

  async stop(): Promise<void> {
    await this.server.close();
  }

  /** A client of this server, whose answers may pass through somebody's hands. */
  client(
    options: { readonly state?: StateStore; readonly fetch?: Fetch; readonly offline?: boolean } = {},
  ): Promise<KeyDirectory> {
    const { url: server, log } = this.server;
    return KeyDirectory.open({
      server,
      state: options.state ?? new MemoryState(),
      now: log.clock.now,
      fetch: options.fetch,
      offline: options.offline,
    });
  }

  /** A certificate by the true authority that is in no record. */
  async certify(
    text: string,
    spki: Uint8Array,
    { companions, ...validity }: Partial<Validity> & { readonly companions?: CompanionKeys } = {},
  ): Promise<Uint8Array> {
    const { keys, reloadable, random, now } = this.server.log.context;
    const { urls } = reloadable.at(now()).signingCa;
    const { san } = identityOf(text);
    const times = { ...leafValidity(DEFAULT_PROFILE, keys.issuer.certificate, now()), ...validity };
    return issueLeaf(keys.issuer, {
      ...times,
      spki,
      companions,
      san,
      serial: newSerial(random),
      profile: DEFAULT_PROFILE,
      urls,
    });
  }

  /** The greatest version of an identity. */
  async latest(text: string): Promise<HeldVersion | undefined> {
    const { store, vrf } = this.server.log.context;
    return readLabelState({ store }, await vrf.labelKey(identityOf(text).label));
  }

  /** Appends the next version of an identity: a record that refers to its predecessor, but for what `record` says. */
  async appendRecord(
    text: string,
    record: Pick<IdentityRecord, 'certificates' | 'authorization'> & Partial<IdentityRecord>,
  ): Promise<void> {
    const previous = await this.latest(text);
    const previousCommitment = previous?.commitment ?? NO_COMMITMENT;
    const value = encodeIdentityRecord({ previousCommitment, pending: undefined, ...record });
    await this.appendVersions(text, [{ version: previous === undefined ? 0 : previous.version + 1, value }]);
  }

  /** Appends any versions of an identity in one log entry, signs and releases. */
  async appendVersions(text: string, added: readonly NewVersion[]): Promise<void> {
    const { context, service } = this.server.log;
    const { label } = identityOf(text);
    const labelKey = await context.vrf.labelKey(label);
    const proved = await context.vrf.evaluate(
      label,
      added.map(({ version }) => version),
    );
    const rows = added.map(({ version, value }, i) => {
      const opening = context.random(OPENING_LENGTH);
      const commitment = commit({ opening, label, version, update: { value, signature: undefined } });
      const { output: vrfOutput, proof } = proved[i] as VrfResult;
      return { version, value, opening, commitment, vrfOutput, proof };
    });
    const position = await this.#append([rows]);
    for (const row of rows) {
      await this.database.query(
        `insert into versions (log_id, label_key, version, position, vrf_output, vrf_proof, commitment, opening, value)
         select log_id, $1, $2, $3, $4, $5, $6, $7, $8 from logs`,
        [labelKey, row.version, position, row.vrfOutput, row.proof, row.commitment, row.opening, row.value],
      );
    }
    await this.database.query(
      `insert into labels (log_id, label_key, label, greatest_version) select log_id, $1, $2, $3 from logs
       on conflict (log_id, label_key) do update set greatest_version = excluded.greatest_version`,
      [labelKey, label, Math.max(...added.map(({ version }) => version))],
    );
    await releaseHead(context, await context.store.readHead());
    await service.progress.refresh();
  }

  /**
   * Makes the prefix tree of log entry `position` the one that the next entry builds on, so that the log no longer holds what
   * came later. The rows of later versions stay, unless they are to be forgotten: without them the server proves honestly
   * that there are none, and with them it is asked for proofs that it cannot make.
   */
  async takeBack(position: number, { forget }: { readonly forget: boolean }): Promise<void> {
    const { context } = this.server.log;
    const [entry] = await context.store.readEntries([position]);
    if (entry === undefined) throw new Error(`no entry ${position}`);
    const { prefixRoot } = decode(auditEntryCodec, entry.auditEntry);
    await this.database.query(
      'update heads set prefix_root = $1, prefix_tile_position = $2, prefix_tile_counter = $3',
      [prefixRoot, entry.prefixTile?.position ?? null, entry.prefixTile?.counter ?? null],
    );
    const { head, logEnd } = await context.store.readUnsealedHead();
    await context.store.sealHead(head, logEnd);
    if (forget) await this.#forgetAfter(position);
    await this.appendNothing();
  }

  async #forgetAfter(position: number): Promise<void> {
    await this.database.query('delete from versions where position > $1', [position]);
    await this.database.query('delete from labels where label_key not in (select label_key from versions)');
    await this.database.query(
      `update labels set greatest_version =
       (select max(version) from versions where versions.label_key = labels.label_key)`,
    );
  }

  /** Appends an entry without changes. */
  async appendNothing(): Promise<void> {
    const { context, service } = this.server.log;
    await this.#append([[]]);
    await releaseHead(context, await context.store.readHead());
    await service.progress.refresh();
  }

  /** Appends many entries at once, with the leaves of each: no rows of versions follow. Signs and releases. */
  async appendChanges(changes: Parameters<typeof growLog>[0]['changes']): Promise<void> {
    const { context, service } = this.server.log;
    await this.#append(changes);
    await releaseHead(context, await context.store.readHead());
    await service.progress.refresh();
  }

  /** Appends entries, and returns the position of the first. The server's own sequencer may append meanwhile. */
  async #append(changes: Parameters<typeof growLog>[0]['changes']): Promise<number> {
    const { store, configHash, readPrefixTiles: readTiles, now } = this.server.log.context;
    for (;;) {
      const head = await store.readHead();
      const timestampMs = Math.max(head.timestampMs, now());
      // In format 1, the operator can publish an update that the trees do not give.
      const growth = await growLog({ head, changes, timestampMs, configHash, readTiles, format: 1 });
      const prefixTiles = prefixTileRows(growth.prefixTiles);
      try {
        await store.append({ ...growth, prefixTiles, versions: [], rejected: [], revocations: [] });
        return head.size;
      } catch (error) {
        if (!isGlasskeyError(error, 'head-moved')) throw error;
      }
    }
  }

  /** Overwrites a column of the greatest version's row. */
  async overwrite(
    text: string,
    column: 'value' | 'opening' | 'commitment' | 'vrf_proof',
    bytes: Uint8Array,
  ): Promise<void> {
    const labelKey = await this.server.log.context.vrf.labelKey(identityOf(text).label);
    await this.database.query(
      `update versions set ${column} = $2 where label_key = $1
       and version = (select max(version) from versions where label_key = $1)`,
      [labelKey, bytes],
    );
  }
}

/** `fetch` whose answers to one path are replaced. */
export function lie(
  path: string,
  answer: (honest: () => Promise<Response>, init?: RequestInit) => Promise<Response>,
): Fetch {
  return async (url, init) => {
    const honest = (): Promise<Response> => fetch(url, init);
    return new URL(url).pathname === path ? answer(honest, init) : honest();
  };
}

/** For {@link lie}: a server that refuses with a code of its choice. */
export function refusal(code: string): () => Promise<Response> {
  const headers = { 'content-type': 'application/problem+json' };
  return () => Promise.resolve(Response.json({ code, title: 'no', status: 400 }, { status: 400, headers }));
}
