import { and, asc, desc, eq, getTableColumns, gt, or, type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { CertificateRow, ListedCertificate, LogStore } from './ports.ts';
import type { QueryBuilder } from './queries.ts';
import { serialBytes, serialText, type StoreContext } from './rows.ts';
import { certificates, labels, revocations } from './schema.ts';
import { present } from './stored-row.ts';
import { columnsBut, matchesSearch } from './statement.ts';

type Part = 'findCertificateByRequest' | 'findCertificate' | 'listCertificates' | 'listCertificatesOf';

const REVOCATION = { revokedMs: revocations.revokedMs, revocationReason: revocations.reason };
const CERTIFICATE = { ...columnsBut(certificates, 'logId'), ...REVOCATION };

const NO_SERIAL = new Uint8Array(0);

/** Certificates. */
export function certificateRows({ queries, logId }: StoreContext): Pick<LogStore, Part> {
  const ofLog = eq(certificates.logId, logId);
  const findBySerial = queries.prepare(['serial'], (db, { serial }) =>
    withRevocations(db).where(and(ofLog, eq(certificates.serial, serial))),
  );
  const findByRequest = queries.prepare(['labelKey', 'requestHash'], (db, { labelKey, requestHash }) =>
    withRevocations(db)
      .where(and(ofLog, eq(certificates.labelKey, labelKey), eq(certificates.requestHash, requestHash)))
      .orderBy(desc(certificates.version))
      .limit(1),
  );
  return {
    async findCertificateByRequest(labelKey, requestHash) {
      const [row] = await findByRequest({ labelKey, requestHash });
      return row && toCertificate(row);
    },

    async findCertificate(serial) {
      const [row] = await findBySerial({ serial: serialBytes(serial) });
      return row && toCertificate(row);
    },

    async listCertificates({ after, limit, search }) {
      const from = after === undefined ? NO_SERIAL : serialBytes(after);
      const rows = await queries.run((db) => listCertificates(db, logId, from, limit, search));
      const last = rows.at(-1);
      const next = last === undefined ? undefined : serialText(last.serial);
      return { rows: rows.flatMap(({ matches, ...row }) => (matches ? [toListed(row)] : [])), next };
    },

    async listCertificatesOf(labelKey, limit) {
      const rows = await queries.run((db) =>
        db
          .select({ ...CERTIFICATE, label: labels.label, isLogged: isLogged(certificates.version) })
          .from(certificates)
          .leftJoin(
            revocations,
            and(eq(revocations.logId, certificates.logId), eq(revocations.serial, certificates.serial)),
          )
          .leftJoin(labels, and(eq(labels.logId, certificates.logId), eq(labels.labelKey, certificates.labelKey)))
          .where(and(ofLog, eq(certificates.labelKey, labelKey)))
          .orderBy(asc(certificates.notBeforeMs), asc(certificates.serial))
          .limit(limit),
      );
      return rows.map(toListed);
    },
  };
}

function withRevocations(db: QueryBuilder) {
  const sameSerial = and(eq(revocations.logId, certificates.logId), eq(revocations.serial, certificates.serial));
  return db.select(CERTIFICATE).from(certificates).leftJoin(revocations, sameSerial);
}

/** A window of the certificates. As with labels, it includes its last row even if that does not match. */
function listCertificates(
  db: QueryBuilder,
  logId: number,
  after: Uint8Array,
  limit: number,
  search: Uint8Array | undefined,
) {
  const window = db
    .select(getTableColumns(certificates))
    .from(certificates)
    .where(and(eq(certificates.logId, logId), gt(certificates.serial, after)))
    .orderBy(asc(certificates.serial))
    .limit(limit);
  const lookedAt = db.$with('looked_at').as(window);
  const last = db.select({ serial: lookedAt.serial }).from(lookedAt).orderBy(desc(lookedAt.serial)).limit(1);
  const { serial, labelKey, version, content, spkiSha256, requestHash, notBeforeMs, notAfterMs } = lookedAt;
  const certificate = { serial, labelKey, version, content, spkiSha256, requestHash, notBeforeMs, notAfterMs };
  const matches = matchesSearch(labels.label, search);
  return db
    .with(lookedAt)
    .select({ ...certificate, ...REVOCATION, label: labels.label, isLogged: isLogged(version), matches })
    .from(lookedAt)
    .leftJoin(revocations, and(eq(revocations.logId, lookedAt.logId), eq(revocations.serial, serial)))
    .leftJoin(labels, and(eq(labels.logId, lookedAt.logId), eq(labels.labelKey, labelKey)))
    .where(or(matches, eq(serial, last)))
    .orderBy(asc(serial));
}

function isLogged(version: PgColumn): SQL<boolean> {
  return sql<boolean>`coalesce(${version} <= ${labels.greatestVersion}, false)`;
}

type StoredCertificate = Omit<typeof certificates.$inferSelect, 'logId'> & {
  readonly revokedMs: number | null;
  readonly revocationReason: number | null;
};

function toListed(
  row: StoredCertificate & { readonly label: Uint8Array | null; readonly isLogged: boolean },
): ListedCertificate {
  return { ...present(row), serial: serialText(row.serial) };
}

function toCertificate(row: StoredCertificate): CertificateRow {
  return { ...present(row), serial: serialText(row.serial) };
}
