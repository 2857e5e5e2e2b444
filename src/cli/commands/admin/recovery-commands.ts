import type { Command } from 'commander';
import { formatHex, parseHex } from '../../../core/encoding/bytes.ts';
import { ensure } from '../../../core/errors.ts';
import type { OpenServer } from '../../../server/open-server.ts';
import type { ListedRecovery } from '../../../service/recovery/decide.ts';
import { printJson, printLines } from '../../output/print.ts';
import { type TableFormat, writeTable } from '../../output/table-output.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, administrator, adminOptions, readOpenLog, withOpenLog } from './admin-options.ts';

const loadDecide = () => import('../../../service/recovery/decide.ts');

const COLUMNS = ['identity', 'state', 'effective', 'requested', 'notified', 'evidence', 'key'] as const;

interface DenyFlags extends AdminFlags {
  readonly reason: string;
  readonly key?: string;
}

type GrantFlags = DenyFlags & { readonly key: string };

/** `admin recovery list|grant|deny`: lists pending recoveries, and decides those that were vetoed too often. */
export function adminRecoveryCommands(admin: Command, run: RunServer): void {
  const recovery = admin
    .command('recovery')
    .description('list and decide recoveries of identities whose keys are lost');
  adminOptions(
    recovery.command('list').description('list recoveries that wait for their delay or for your decision'),
    'glasskey admin recovery list --data /srv/glasskey',
  )
    .option('--csv', 'print CSV')
    .action((flags: AdminFlags & { readonly csv?: boolean }) =>
      run(() =>
        readOpenLog(flags, async ({ context }) => {
          const { listRecoveries } = await loadDecide();
          const format: TableFormat = flags.csv === true ? 'csv' : flags.json === true ? 'json' : 'text';
          await writeTable(format, COLUMNS, cells(listRecoveries(context)));
        }),
      ),
    );
  const reason = '--reason <text>';
  adminOptions(
    recovery
      .command('grant <identity>')
      .description(
        'grant a recovery that was vetoed too often; the running server makes its version, marked `operator`',
      )
      .requiredOption(
        '--key <sha256>',
        'the key that gets the name, as its owner tells you and `recovery list` shows it',
      )
      .requiredOption(reason, 'why; the record shows it to everybody'),
    'glasskey admin recovery grant alice@example.com --key 5d41402a… --reason "…" --data /srv/glasskey',
  ).action((identity: string, flags: GrantFlags) =>
    run(() => withOpenLog(flags, (open) => grant(open, identity, flags))),
  );
  adminOptions(
    recovery
      .command('deny <identity>')
      .description('deny a recovery that was vetoed too often; it is deleted')
      .option('--key <sha256>', 'deny it only if this key asked for it')
      .requiredOption(reason, 'why'),
    'glasskey admin recovery deny alice@example.com --reason "…" --data /srv/glasskey',
  ).action((identity: string, flags: DenyFlags) =>
    run(() => withOpenLog(flags, (open) => deny(open, identity, flags))),
  );
}

async function grant({ context }: OpenServer, identity: string, { key, reason, json }: GrantFlags): Promise<void> {
  const { grantRecovery } = await loadDecide();
  const decision = { identity, spkiSha256: keyHash(key), reason, who: administrator() };
  const claim = await grantRecovery(context, decision);
  if (json === true) printJson({ identity: claim.identity, decision: 'granted', key: formatHex(claim.spkiSha256) });
  else printLines(`${claim.identity}: recovery granted; the running server makes the version within 30 seconds`);
}

async function deny({ context }: OpenServer, identity: string, { key, reason, json }: DenyFlags): Promise<void> {
  const { denyRecovery } = await loadDecide();
  const spkiSha256 = key === undefined ? undefined : keyHash(key);
  const claim = await denyRecovery(context, { identity, spkiSha256, reason, who: administrator() });
  if (json === true) printJson({ identity: claim.identity, decision: 'denied', key: formatHex(claim.spkiSha256) });
  else printLines(`${claim.identity}: recovery denied`);
}

/** Reads a key's SHA-256 as a person types or pastes it: either case, with or without colons and spaces. */
function keyHash(typed: string): Uint8Array {
  const hex = typed.replaceAll(/[\s:]/g, '');
  ensure(/^[0-9a-f]{64}$/i.test(hex), 'usage', '--key is the whole SHA-256 of the key: 64 hexadecimal digits');
  return parseHex(hex);
}

async function* cells(all: AsyncIterable<ListedRecovery>) {
  for await (const { identity, state, spkiSha256, evidence, ...times } of all) {
    const time = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms));
    yield {
      identity,
      state,
      effective: time(times.effectiveMs),
      requested: new Date(times.requestedMs),
      notified: time(times.notifiedMs),
      evidence: evidence.type === 'oidc' ? `oidc:${evidence.issuer}` : evidence.type,
      key: spkiSha256,
    };
  }
}
