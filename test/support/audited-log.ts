import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMisbehaviour, followLog, isProven } from '../../src/server/follow-log.ts';
import type { Fetch } from '../../src/core/net/bounded-fetch.ts';
import type { TrustBundle } from '../../src/contract/trust-bundle.ts';
import type { Signer } from '../../src/core/crypto/signer.ts';
import type { Configuration } from '../../src/core/keytrans/configuration.ts';
import { Auditor } from '../../src/service/auditor/auditor.ts';
import type { AuditorEvent } from '../../src/service/auditor/auditor-event.ts';
import { DurableFile } from '../../src/service/log/durable-file.ts';
import type { FileSystem } from '../../src/service/file-system.ts';
import { testSigner } from '../core/audit/test-signer.ts';
import { StaticLog, testLeaf } from './static-log.ts';

/** The key of the auditor of these tests. */
export const AUDITOR = testSigner(99);
/** What the clocks of these tests say. */
export const NOW_MS = 1_800_000_000_000;

/** A log of files whose clients demand an auditor that begins at entry `start`. */
export function auditedLog(start = 0, publicKey = AUDITOR.publicKey): StaticLog {
  const log = new StaticLog();
  const config: Configuration = {
    ...log.config,
    mode: 'thirdPartyAuditing',
    maxAuditorLagMs: 600_000,
    auditorStartPosition: start,
    auditorPublicKey: publicKey,
  };
  return Object.assign(log, { config });
}

/** Appends entries of one leaf each up to `size`; other seeds make another branch. */
export async function grow(log: StaticLog, size: number, seed = 0): Promise<StaticLog> {
  while (log.entries.length < size) {
    const position = log.entries.length;
    log.append([testLeaf(seed + position)], NOW_MS - 1_000_000 + position);
  }
  await log.release();
  return log;
}

/** The folder of an auditor, with what it told of. */
export class AuditorFolderFixture {
  readonly events: AuditorEvent[] = [];
  #path = '';

  async make(): Promise<void> {
    await this.remove();
    this.#path = await mkdtemp(join(tmpdir(), 'glasskey-auditor-'));
  }

  get path(): string {
    return this.#path;
  }

  /** Opens the auditor, which looks at what `log` gives at the moment. */
  open(log: () => StaticLog, files?: FileSystem, signer: Signer = AUDITOR): Promise<Auditor> {
    const fetch = (url: string): Promise<Response> => log().fetch(url);
    return this.#open(
      'http://log.test',
      fetch,
      () => log().bundle,
      () => NOW_MS,
      files,
      signer,
    );
  }

  /** Opens the auditor of a log that is served. */
  openAt(server: string, bundle: TrustBundle, now: () => number): Promise<Auditor> {
    return this.#open(server, fetch, () => bundle, now);
  }

  #open(
    server: string,
    fetch: Fetch,
    bundle: () => TrustBundle,
    now: () => number,
    files?: FileSystem,
    signer: Signer = AUDITOR,
  ): Promise<Auditor> {
    const options = { server, fetch, bundle: async () => bundle(), now, onProgress: () => undefined };
    return Auditor.open({
      signer,
      record: new DurableFile(join(this.#path, 'record'), files),
      evidence: new DurableFile(join(this.#path, 'halted.json'), files),
      follow: (state) => followLog(options, state),
      isProof: isProven,
      describe: (error) => describeMisbehaviour(error, server, now()),
      observe: (event) => this.events.push(event),
    });
  }

  /** Codes of what failed so far. */
  get failures(): unknown[] {
    return this.events.flatMap((event) => (event.type === 'failed' ? [(event.error as { code?: unknown }).code] : []));
  }

  async remove(): Promise<void> {
    this.events.length = 0;
    if (this.#path !== '') await rm(this.#path, { recursive: true, force: true });
  }
}
