import { type Command, Option } from 'commander';
import { formatPem } from '../../../ca/der/pem.ts';
import type { CertificateInfo, CertificateStatus } from '../../../service/admin/list-certificates.ts';
import { printJson, printLines } from '../../output/print.ts';
import { type TableFormat, writeTable } from '../../output/table-output.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, adminOptions, readOpenLog } from './admin-options.ts';

const loadCertificates = () => import('../../../service/admin/list-certificates.ts');
const loadIdentities = () => import('../../../service/admin/list-identities.ts');

const CERTIFICATE_COLUMNS = [
  'serial',
  'status',
  'identity',
  'version',
  'notBefore',
  'notAfter',
  'revoked',
  'reason',
  'spkiSha256',
] as const;
const IDENTITY_COLUMNS = ['identity', 'versions', 'labelKey'] as const;

interface ListFlags extends AdminFlags {
  readonly csv?: boolean;
  readonly search?: string;
}

interface CertificateFlags extends ListFlags {
  readonly identity?: string;
  readonly status?: CertificateStatus;
}

/** `admin certificates|certificate|identities`: lists the contents of the log for its administrator. */
export function listCommands(admin: Command, run: RunServer): void {
  const certificates = admin.command('certificates').description('list, search and export certificates');
  adminOptions(certificates, 'glasskey admin certificates --search @example.com --csv --data /srv/glasskey')
    .option('--csv', 'print CSV')
    .option('--search <text>', 'only identities that contain this text')
    .option('--identity <identity>', 'only this identity')
    .addOption(
      new Option('--status <status>', 'only certificates in this state').choices([
        'valid',
        'expired',
        'revoked',
        'pending',
      ]),
    )
    .action((flags: CertificateFlags) =>
      run(() =>
        readOpenLog(flags, async ({ context }) => {
          const { listCertificates } = await loadCertificates();
          await writeTable(formatOf(flags), CERTIFICATE_COLUMNS, mapEach(listCertificates(context, flags), cellsOf));
        }),
      ),
    );

  const certificate = admin.command('certificate <serial>').description('show the certificate with this serial');
  adminOptions(certificate, 'glasskey admin certificate 1b5e… --data /srv/glasskey').action(
    (serial: string, flags: AdminFlags) => run(() => readOpenLog(flags, ({ context }) => show(context, serial, flags))),
  );

  const identities = admin.command('identities').description('list, search and export identities');
  adminOptions(identities, 'glasskey admin identities --search @example.com --json --data /srv/glasskey')
    .option('--csv', 'print CSV')
    .option('--search <text>', 'only identities that contain this text')
    .action((flags: ListFlags) =>
      run(() =>
        readOpenLog(flags, async ({ context }) => {
          const { listIdentities } = await loadIdentities();
          const found = listIdentities(context, { search: flags.search });
          const rows = mapEach(found, ({ identity, greatestVersion, labelKey }) => {
            return { identity, versions: greatestVersion + 1, labelKey };
          });
          await writeTable(formatOf(flags), IDENTITY_COLUMNS, rows);
        }),
      ),
    );
}

async function show(
  context: Parameters<Awaited<ReturnType<typeof loadCertificates>>['findCertificate']>[0],
  serial: string,
  flags: AdminFlags,
): Promise<void> {
  const { findCertificate } = await loadCertificates();
  const { info, der } = await findCertificate(context, serial.toLowerCase().replaceAll(':', ''));
  const pem = der && formatPem('CERTIFICATE', der);
  const cells = cellsOf(info);
  if (flags.json === true) return printJson({ ...cells, pem });
  const lines = CERTIFICATE_COLUMNS.flatMap((name) => {
    const cell = cells[name];
    return cell === undefined ? [] : [`${name}: ${cell instanceof Date ? cell.toISOString() : cell}`];
  });
  printLines(...lines, pem?.trimEnd() ?? 'the certificate is not in the log');
}

function formatOf({ csv, json }: ListFlags): TableFormat {
  if (csv === true) return 'csv';
  return json === true ? 'json' : 'text';
}

function cellsOf(info: CertificateInfo) {
  const { notBeforeMs, notAfterMs, revokedMs, ...same } = info;
  return {
    ...same,
    notBefore: new Date(notBeforeMs),
    notAfter: new Date(notAfterMs),
    revoked: revokedMs === undefined ? undefined : new Date(revokedMs),
  };
}

async function* mapEach<A, B>(items: AsyncIterable<A>, map: (item: A) => B): AsyncGenerator<B> {
  for await (const item of items) yield map(item);
}
