import { and, asc, desc, eq, gt, inArray, sql } from 'drizzle-orm';
import { formatHex } from '../../core/encoding/bytes.ts';
import type { CertificateRow, ListedCertificate, LogStore, Revocation } from '../ports.ts';
import { serialBytes, serialText, type StoreContext } from '../rows.ts';
import { revokeUnstoredIn } from '../revocation-rows.ts';
import { certificates, labels, revocations } from '../schema.ts';
import { columnsBut } from '../statement.ts';
import { present } from '../stored-row.ts';

type Part =
  | 'findCertificate'
  | 'findCertificateByRequest'
  | 'listCertificates'
  | 'listCertificatesOf'
  | 'findStatus'
  | 'revokeUnstored';

const CERTIFICATE = columnsBut(certificates, 'logId');
const NO_SERIAL = new Uint8Array(0);

type StoredCertificate = Omit<typeof certificates.$inferSelect, 'logId'>;

/** Certificates that are distributed by serial. Their revocations and labels are read by statements of their own. */
export function distributedCertificateRows(context: StoreContext): Pick<LogStore, Part> {
  const { queries, logId } = context;
  const ofLog = eq(certificates.logId, logId);
  const findRevocation = async (serial: Uint8Array): Promise<Revocation | undefined> =>
    (await readRevocations(context, [serial])).get(formatHex(serial));
  const one = async (row: StoredCertificate | undefined): Promise<CertificateRow | undefined> =>
    row && certificateOf(row, await findRevocation(row.serial));
  const findBySerial = queries.prepare(['serial'], (db, { serial }) =>
    db
      .select(CERTIFICATE)
      .from(certificates)
      .where(and(ofLog, eq(certificates.serial, serial))),
  );
  return {
    async findCertificate(serial) {
      return one((await findBySerial({ serial: serialBytes(serial) }))[0]);
    },

    async findCertificateByRequest(labelKey, requestHash) {
      const isOf = and(ofLog, eq(certificates.labelKey, labelKey), eq(certificates.requestHash, requestHash));
      const rows = await queries.run((db) =>
        db.select(CERTIFICATE).from(certificates).where(isOf).orderBy(desc(certificates.version)).limit(1),
      );
      return one(rows[0]);
    },

    async listCertificates({ after, limit, search }) {
      const from = after === undefined ? NO_SERIAL : serialBytes(after);
      const isLater = and(ofLog, gt(certificates.serial, from));
      const rows = await queries.run((db) =>
        db.select(CERTIFICATE).from(certificates).where(isLater).orderBy(asc(certificates.serial)).limit(limit),
      );
      const last = rows.at(-1);
      const listed = await listedOf(context, rows);
      const matching = listed.filter(({ label }) => search === undefined || contains(label, search));
      return { rows: matching, next: last && serialText(last.serial) };
    },

    async listCertificatesOf(labelKey, limit) {
      const { notBeforeMs, serial } = certificates;
      const isOf = and(ofLog, eq(certificates.labelKey, labelKey));
      const rows = await queries.run((db) =>
        db.select(CERTIFICATE).from(certificates).where(isOf).orderBy(asc(notBeforeMs), asc(serial)).limit(limit),
      );
      return listedOf(context, rows);
    },

    async findStatus(serial) {
      const bytes = serialBytes(serial);
      const [[stored], revocation] = await Promise.all([
        queries.run((db) =>
          db
            .select({ one: sql`1` })
            .from(certificates)
            .where(and(ofLog, eq(certificates.serial, bytes))),
        ),
        findRevocation(bytes),
      ]);
      return { issued: stored !== undefined, revocation };
    },

    async revokeUnstored(revocation, trail) {
      const [stored] = await findBySerial({ serial: serialBytes(revocation.serial) });
      return stored === undefined && revokeUnstoredIn(context, revocation, trail, []);
    },
  };
}

async function readRevocations(
  { queries, logId }: StoreContext,
  serials: readonly Uint8Array[],
): Promise<ReadonlyMap<string, Revocation>> {
  if (serials.length === 0) return new Map();
  const { serial, revokedMs, reason } = revocations;
  const isOf = and(eq(revocations.logId, logId), inArray(serial, [...serials]));
  const rows = await queries.run((db) => db.select({ serial, revokedMs, reason }).from(revocations).where(isOf));
  return new Map(rows.map((row) => [formatHex(row.serial), { ...row, serial: serialText(row.serial) }]));
}

/** Adds the revocations and labels of certificates, whose order stays. */
async function listedOf(context: StoreContext, rows: readonly StoredCertificate[]): Promise<ListedCertificate[]> {
  if (rows.length === 0) return [];
  const { queries, logId } = context;
  const { labelKey, label, greatestVersion } = labels;
  const keys = rows.map((row) => row.labelKey);
  const isOf = and(eq(labels.logId, logId), inArray(labelKey, keys));
  const [revoked, named] = await Promise.all([
    readRevocations(
      context,
      rows.map(({ serial }) => serial),
    ),
    queries.run((db) => db.select({ labelKey, label, greatestVersion }).from(labels).where(isOf)),
  ]);
  const labelOf = new Map(named.map((row) => [formatHex(row.labelKey), row]));
  return rows.map((row) => {
    const found = labelOf.get(formatHex(row.labelKey));
    const isLogged = found !== undefined && row.version <= found.greatestVersion;
    const certificate = certificateOf(row, revoked.get(serialText(row.serial)));
    return { ...certificate, label: found?.label ?? undefined, isLogged };
  });
}

function certificateOf(row: StoredCertificate, revocation: Revocation | undefined): CertificateRow {
  const { revokedMs, reason: revocationReason } = revocation ?? {};
  return { ...present(row), serial: serialText(row.serial), revokedMs, revocationReason };
}

function contains(label: Uint8Array | undefined, search: Uint8Array): boolean {
  return label !== undefined && formatHex(label).includes(formatHex(search));
}
