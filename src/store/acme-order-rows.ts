import { and, count, eq, lt, sql } from 'drizzle-orm';
import { formatHex } from '../core/encoding/bytes.ts';
import type { LogStore } from './ports.ts';
import type { StoreContext } from './rows.ts';
import { acmeAccounts, acmeNonces, acmeOrders } from './schema.ts';
import { columnsBut, given, givenAs } from './statement.ts';
import { present } from './stored-row.ts';

type Part = 'addAcmeOrder' | 'findAcmeOrder' | 'listAcmeOrders' | 'changeAcmeOrder' | 'useAcmeNonce' | 'pruneAcme';

const ROW = columnsBut(acmeOrders, 'logId');
const { orderId, accountId, labelKey, identity, state, proof, expiresMs, mac } = acmeOrders;
const { csr, certificate, errorCode, attestedKey } = acmeOrders;

/** Orders of ACME clients, and the nonces of their requests. */
export function acmeOrderRows({ queries, logId, seals }: StoreContext): Pick<LogStore, Part> {
  const ofLog = eq(acmeOrders.logId, logId);
  return {
    async addAcmeOrder(order, maximum) {
      // Simultaneous orders of one account would not see each other, and each would find room for itself.
      const key = `acme-order/${logId}/${formatHex(order.accountId)}`;
      const added = await queries.runAlone(key, (db) => {
        const others = db
          .select({ count: count() })
          .from(acmeOrders)
          .where(and(ofLog, eq(accountId, order.accountId)));
        const row = db
          .select({
            logId: givenAs(acmeOrders.logId, logId),
            orderId: givenAs(orderId, order.orderId),
            accountId: givenAs(accountId, order.accountId),
            labelKey: givenAs(labelKey, order.labelKey),
            identity: givenAs(identity, order.identity),
            state: givenAs(state, order.state),
            proof: givenAs(proof, order.proof),
            expiresMs: givenAs(expiresMs, order.expiresMs),
            csr: givenAs(csr, order.csr ?? null),
            certificate: givenAs(certificate, order.certificate ?? null),
            errorCode: givenAs(errorCode, order.errorCode ?? null),
            attestedKey: givenAs(attestedKey, order.attestedKey ?? null),
            mac: givenAs(mac, seals?.seal(acmeOrders, order) ?? null),
          })
          .from(sql`(select 1) as one`)
          .where(sql`(${others}) < ${maximum}::int8`);
        return db.insert(acmeOrders).select(row).returning({ orderId });
      });
      return added.length === 1;
    },

    async findAcmeOrder(id) {
      const [found] = await queries.run((db) =>
        db
          .select(ROW)
          .from(acmeOrders)
          .where(and(ofLog, eq(orderId, id))),
      );
      if (found === undefined) return undefined;
      const { mac: sealed, ...row } = found;
      seals?.assertSealed(acmeOrders, row, sealed);
      return present(row);
    },

    async listAcmeOrders(account, limit) {
      const rows = await queries.run((db) =>
        db
          .select({ orderId })
          .from(acmeOrders)
          .where(and(ofLog, eq(accountId, account)))
          .orderBy(orderId)
          .limit(limit),
      );
      return rows.map((row) => row.orderId);
    },

    async changeAcmeOrder(before, changes) {
      const resealed = seals?.seal(acmeOrders, { ...before, ...changes });
      const changed = await queries.run((db) =>
        db
          .update(acmeOrders)
          .set({ ...changes, mac: resealed === undefined ? null : given(mac, resealed) })
          .where(and(ofLog, eq(orderId, before.orderId), eq(state, before.state)))
          .returning({ orderId }),
      );
      return changed.length === 1;
    },

    async useAcmeNonce(nonce, expires) {
      const used = await queries.run((db) =>
        db
          .insert(acmeNonces)
          .values({ logId, nonce, expiresMs: expires })
          .onConflictDoNothing()
          .returning({ nonce: acmeNonces.nonce }),
      );
      return used.length === 1;
    },

    async pruneAcme(beforeMs) {
      for (const table of [acmeNonces, acmeOrders, acmeAccounts]) {
        const isOld = and(eq(table.logId, logId), lt(table.expiresMs, beforeMs));
        await queries.run((db) => db.delete(table).where(isOld));
      }
    },
  };
}
