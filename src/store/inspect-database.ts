import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { ensure } from '../core/errors.ts';
import { lockFolder } from './folder-lock.ts';
import { connectPlain, DEFAULT_POSTGRES_LIMITS } from './postgres-pool.ts';
import type { ReadTexts, TextRow } from './schema-versions.ts';
import { toStorageError } from './sql-error.ts';

/** A database that is looked at as it is: nothing is migrated, created or locked against servers. */
export interface InspectedDatabase {
  readonly kind: 'postgres' | 'pglite';
  /** Runs a statement that reads, with `$1…` parameters. Throws `storage-failed`. */
  readonly read: ReadTexts;
  close(): Promise<void>;
}

/**
 * Opens a database to look at it. PostgreSQL runs every statement in a read-only transaction. Throws `storage-failed`,
 * `not-found` if the folder holds no embedded database, and `storage-locked` while a server uses it.
 */
export async function inspectDatabase(target: string | { readonly dataDir: string }): Promise<InspectedDatabase> {
  return typeof target === 'string' ? inspectPostgres(target) : inspectFolder(target.dataDir);
}

function inspectPostgres(url: string): InspectedDatabase {
  const sql = connectPlain(url, DEFAULT_POSTGRES_LIMITS);
  const limit = `set local statement_timeout = ${DEFAULT_POSTGRES_LIMITS.statementTimeoutMs}`;
  return {
    kind: 'postgres',
    // Settings of the session would leak to others behind a pooler of transactions.
    read: async (text, parameters = []) => {
      try {
        return await sql.begin('read only', async (transaction) => {
          await transaction.unsafe(limit);
          return transaction.unsafe<TextRow[]>(text, [...parameters]);
        });
      } catch (error) {
        throw toStorageError(error);
      }
    },
    close: () => sql.end({ timeout: 1 }).catch(() => {}),
  };
}

async function inspectFolder(dataDir: string): Promise<InspectedDatabase> {
  const place = join(dataDir, 'database');
  ensure(existsSync(place), 'not-found', `${dataDir} holds no embedded database`);
  const lock = await lockFolder(dataDir);
  try {
    const database = await PGlite.create(place);
    return {
      kind: 'pglite',
      read: async (text, parameters = []) => (await database.query<TextRow>(text, [...parameters])).rows,
      close: async () => {
        await database.close();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw toStorageError(error);
  }
}
