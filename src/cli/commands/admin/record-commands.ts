import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { parseTrustBundle } from '../../../contract/parse-trust-bundle.ts';
import { ensure, isGlasskeyError } from '../../../core/errors.ts';
import { writeFileDurably } from '../../../client/node.ts';
import type { LogContext } from '../../../service/log/log-context.ts';
import type { OpenServer } from '../../../server/open-server.ts';
import type { TrailEntry } from '../../../service/admin/read-trail.ts';
import { asUserInput, readInput } from '../../../server/user-input.ts';
import { EXIT, reportFailure } from '../../exit-code.ts';
import { printJson, printLines } from '../../output/print.ts';
import { type TableFormat, writeTable } from '../../output/table-output.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, administrator, adminOptions, readOpenLog, withOpenLog } from './admin-options.ts';
import { withService } from './with-service.ts';

const loadTrail = () => import('../../../service/admin/read-trail.ts');
const loadReceipt = () => import('../../../service/admin/erasure-receipt.ts');

const COLUMNS = [
  'record',
  'at',
  'act',
  'who',
  'request',
  'identity',
  'version',
  'position',
  'serial',
  'removed',
  'detail',
] as const;

interface TrailFlags extends AdminFlags {
  readonly csv?: boolean;
  readonly since?: string;
  readonly verify?: boolean;
  readonly anchor?: string;
}

/** `admin trail|erase|receipt`: shows the audit trail, and erases a person's data. */
export function recordCommands(admin: Command, run: RunServer): void {
  const trail = admin
    .command('trail')
    .description('show the audit trail (who did what, and when), and verify that nobody changed it');
  adminOptions(trail, 'glasskey admin trail --verify --since 2026-01-01 --data /srv/glasskey')
    .option('--csv', 'print CSV')
    .option('--since <time>', 'only acts at or after this time (ISO 8601)')
    .option('--verify', 'verify the trail and print where it ends instead of the acts; exit 2 if it was tampered with')
    .option('--anchor <file>', 'with --verify: require the end that this file notes, then note the new one')
    .action((flags: TrailFlags) => run(() => showTrail(flags)));

  const erase = admin.command('erase <identity>').description("delete a person's data; the log keeps only commitments");
  adminOptions(erase, 'glasskey admin erase alice@example.com --out receipt.txt --data /srv/glasskey')
    .requiredOption('--out <file>', 'file to write the signed receipt to')
    .action((identity: string, flags: AdminFlags & { readonly out: string }) =>
      run(() => withOpenLog(flags, (open) => erasePerson(open, identity, flags))),
    );

  admin
    .command('receipt <file>')
    .description('verify the receipt of an erasure')
    .requiredOption('--trust <file>', 'trust bundle of the log')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey admin receipt receipt.txt --trust trust.json')
    .action((file: string, flags: { readonly trust: string; readonly json?: boolean }) =>
      run(async () => {
        const text = await readInput(flags.trust);
        const { bundle } = await asUserInput(flags.trust, () => parseTrustBundle(text));
        const { verifyErasureReceipt } = await loadReceipt();
        const receipt = await readInput(file);
        return misbehaviourIs(['bad-signature', 'untrusted-issuer'], async () => {
          const lines = await verifyErasureReceipt(receipt, bundle.issuers);
          ensure(
            lines.log === bundle.origin,
            'untrusted-issuer',
            `the receipt is from another log than ${bundle.origin}: give the trust bundle of its log`,
          );
          if (flags.json === true) printJson({ verified: true, ...lines });
          else printLines(`verified: ${lines.identity} was erased on ${lines.erased}`);
        });
      }),
    );
}

/** Runs `work`; failures with one of `codes` show that somebody changed something, and exit with 2. */
async function misbehaviourIs(codes: readonly string[], work: () => Promise<void>): Promise<number> {
  try {
    await work();
    return EXIT.fine;
  } catch (error) {
    if (!isGlasskeyError(error) || !codes.includes(error.code)) throw error;
    reportFailure(error);
    return EXIT.misbehaviour;
  }
}

async function showTrail(flags: TrailFlags): Promise<number> {
  const sinceMs = flags.since === undefined ? undefined : Date.parse(flags.since);
  ensure(!Number.isNaN(sinceMs), 'usage', '--since takes a time in ISO 8601, such as 2026-01-31');
  const verify = flags.verify === true || flags.anchor !== undefined;
  return misbehaviourIs(['trail-broken'], async () => {
    await readOpenLog(flags, async ({ context }) => {
      const { readTrail } = await loadTrail();
      if (verify) return verifyTrail(context, flags);
      const format: TableFormat = flags.csv === true ? 'csv' : flags.json === true ? 'json' : 'text';
      await writeTable(format, COLUMNS, cells(readTrail(context, { sinceMs })));
    });
  });
}

async function verifyTrail(context: LogContext, flags: TrailFlags): Promise<void> {
  const { formatTrailHead, parseTrailHead, readTrail } = await loadTrail();
  const noted = flags.anchor === undefined || !existsSync(flags.anchor) ? undefined : await readInput(flags.anchor);
  const anchor = noted === undefined ? undefined : await asUserInput(`${flags.anchor}`, () => parseTrailHead(noted));
  const acts = readTrail(context, { anchor });
  let count = 0;
  let step = await acts.next();
  for (; step.done !== true; step = await acts.next()) count++;
  const end = formatTrailHead(step.value);
  if (flags.anchor !== undefined) await writeFileDurably(flags.anchor, `${end}\n`);
  const [records = '', hash = ''] = end.split(' ');
  if (flags.json === true) printJson({ verified: true, acts: count, records: Number(records), hash });
  else printLines(`verified: ${count} acts in ${records} records, up to ${hash}`);
}

async function* cells(entries: AsyncIterable<TrailEntry>) {
  for await (const entry of entries) {
    const { record, at, act, who, request, identity, version, position, serial, removed, ...rest } = entry;
    const details = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    const detail = details.length === 0 ? undefined : details.join(' ');
    const gone = removed?.join(' ');
    const row = { record, at: new Date(at), act, who, request, identity, version, position, serial };
    yield { ...row, removed: gone, detail };
  }
}

async function erasePerson(
  open: OpenServer,
  identity: string,
  flags: AdminFlags & { readonly out: string },
): Promise<void> {
  const { context } = open;
  const { signErasureReceipt } = await loadReceipt();
  await withService(open, async (service) => {
    const erasure = await service.erase({ identity, who: administrator() });
    const { issuer } = context.reloadable.issuingCas.signing(Date.now());
    const receipt = await signErasureReceipt(context.origin, issuer, erasure);
    await writeFileDurably(flags.out, receipt);
    const { version, position, deleted } = erasure;
    if (flags.json === true) printJson({ identity: erasure.identity, version, position, deleted, receipt: flags.out });
    else
      printLines(
        `erased ${erasure.identity}: ${deleted.versions} versions and ${deleted.certificates} certificates deleted`,
        `  receipt: ${flags.out}. Next: hand it over and keep no copy, because it contains the name`,
      );
  });
}
