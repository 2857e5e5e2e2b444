import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import { ensure } from '../core/errors.ts';
import type { LogStore } from './ports.ts';
import type { StoreContext } from './rows.ts';
import { tokens } from './schema.ts';
import { present } from './stored-row.ts';
import { unlessTrailMoved, withTrail } from './trail-rows.ts';

type Part = 'reserveTokenId' | 'addToken' | 'findToken' | 'listTokens' | 'revokeToken';

const { tokenId, tokenHash, name, createdMs, revokedMs, mac } = tokens;
const TOKEN = { id: tokenId, tokenHash, name, createdMs, revokedMs };

/** Application tokens. */
export function tokenRows({ queries, logId, seals }: StoreContext): Pick<LogStore, Part> {
  const ofLog = eq(tokens.logId, logId);
  const find = queries.prepare(['hash'], (db, values) =>
    db
      .select({ ...TOKEN, mac })
      .from(tokens)
      .where(and(ofLog, eq(tokenHash, values.hash))),
  );
  return {
    async reserveTokenId() {
      const sequence = sql`pg_get_serial_sequence('${tokens}', '${sql.raw(tokenId.name)}')`;
      const [row] = await queries.run((db) =>
        db.select({ id: sql<number>`nextval(${sequence})` }).from(sql`(select 1) as one`),
      );
      ensure(row !== undefined, 'storage-failed', 'no number for the token');
      return row.id;
    },

    async addToken({ id, ...token }, trail) {
      const stored = queries.run((db) => {
        const row = { tokenId: id, tokenHash: token.tokenHash, name: token.name, createdMs: token.createdMs };
        const values = { logId, ...row, mac: seals?.seal(tokens, { ...row, revokedMs: undefined }) };
        const insert = db.insert(tokens).overridingSystemValue().values(values).returning(TOKEN);
        const added = db.$with('added').as(insert);
        return db
          .with(added, ...withTrail(db, 'added', logId, trail))
          .select()
          .from(added);
      });
      const [row] = await unlessTrailMoved(stored);
      ensure(row !== undefined, 'storage-failed', 'the token was not stored');
      return present(row);
    },

    async findToken(hash) {
      const [found] = await find({ hash });
      if (found === undefined) return undefined;
      const { mac: sealed, id, ...row } = found;
      seals?.assert(tokens, { tokenId: id, ...row }, sealed);
      return present({ id, ...row });
    },

    async listTokens() {
      const rows = await queries.run((db) => db.select(TOKEN).from(tokens).where(ofLog).orderBy(asc(tokenId)));
      return rows.map(present);
    },

    async revokeToken(id, revoked, trail) {
      const valid = and(ofLog, eq(tokenId, id), isNull(revokedMs));
      const [row] = await queries.run((db) =>
        db.select({ tokenId, tokenHash, name, createdMs }).from(tokens).where(valid),
      );
      if (row === undefined) return false;
      const before = { ...row, revokedMs: undefined };
      const set = { revokedMs: revoked, mac: seals?.reseal(tokens, before, { ...row, revokedMs: revoked }) };
      const changed = queries.run((db) => {
        const update = db.update(tokens).set(set).where(valid).returning({ tokenId });
        const source = db.$with('revoked').as(update);
        return db
          .with(source, ...withTrail(db, 'revoked', logId, trail))
          .select()
          .from(source);
      });
      return (await unlessTrailMoved(changed)).length === 1;
    },
  };
}
