import { and, count, eq, type SQL, sql } from 'drizzle-orm';
import { formatHex } from '../core/encoding/bytes.ts';
import type { AcmeAccountRow, LogStore } from './ports.ts';
import type { StoreContext } from './rows.ts';
import { acmeAccounts } from './schema.ts';
import { isUniqueViolation } from './sql-error.ts';
import { columnsBut, given, givenAs } from './statement.ts';
import { present } from './stored-row.ts';

type Part = 'addAcmeAccount' | 'findAcmeAccount' | 'changeAcmeAccount';

const ROW = columnsBut(acmeAccounts, 'logId');
const { accountId, thumbprint, jwk, tokenHash, scope, labelKey, bindingHash, state, expiresMs, mac } = acmeAccounts;

/** Accounts of ACME clients. */
export function acmeAccountRows({ queries, logId, seals }: StoreContext): Pick<LogStore, Part> {
  const ofLog = eq(acmeAccounts.logId, logId);
  return {
    async addAcmeAccount(account, maximum) {
      // Simultaneous accounts of one application would not see each other, and each would find room for itself.
      const key = `acme-account/${logId}/${formatHex(account.tokenHash)}`;
      const added = await queries.runAlone(key, (db) => {
        const others = db
          .select({ count: count() })
          .from(acmeAccounts)
          .where(and(ofLog, eq(tokenHash, account.tokenHash)));
        const row = db
          .select({
            logId: givenAs(acmeAccounts.logId, logId),
            accountId: givenAs(accountId, account.accountId),
            thumbprint: givenAs(thumbprint, account.thumbprint),
            jwk: givenAs(jwk, account.jwk),
            tokenHash: givenAs(tokenHash, account.tokenHash),
            scope: givenAs(scope, account.scope),
            labelKey: givenAs(labelKey, account.labelKey ?? null),
            bindingHash: givenAs(bindingHash, account.bindingHash),
            state: givenAs(state, account.state),
            expiresMs: givenAs(expiresMs, account.expiresMs),
            mac: givenAs(mac, seals?.seal(acmeAccounts, account) ?? null),
          })
          .from(sql`(select 1) as one`)
          .where(sql`(${others}) < ${maximum}::int8`);
        return db.insert(acmeAccounts).select(row).onConflictDoNothing().returning({ accountId });
      });
      return added.length === 1;
    },

    async findAcmeAccount(by) {
      const isThis = 'accountId' in by ? eq(accountId, by.accountId) : eq(thumbprint, by.thumbprint);
      const [found] = await queries.run((db) => db.select(ROW).from(acmeAccounts).where(and(ofLog, isThis)));
      if (found === undefined) return undefined;
      const { mac: sealed, ...row } = found;
      seals?.assertSealed(acmeAccounts, row, sealed);
      return present(row);
    },

    async changeAcmeAccount(before, changes) {
      const resealed = seals?.seal(acmeAccounts, { ...before, ...changes });
      try {
        const changed = await queries.run((db) =>
          db
            .update(acmeAccounts)
            .set({ ...changes, mac: resealed === undefined ? null : given(mac, resealed) })
            .where(and(ofLog, isAsRead(before)))
            .returning({ accountId }),
        );
        return changed.length === 1;
      } catch (error) {
        // Another account has the new key.
        if (isUniqueViolation(error)) return false;
        throw error;
      }
    },
  };
}

/** The new seal is one of what was read, so nothing of it may have changed since. */
function isAsRead(before: AcmeAccountRow): SQL | undefined {
  return and(
    eq(accountId, before.accountId),
    eq(thumbprint, before.thumbprint),
    eq(state, before.state),
    eq(expiresMs, before.expiresMs),
  );
}
