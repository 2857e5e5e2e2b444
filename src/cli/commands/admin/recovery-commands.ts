import type { Command } from 'commander';
import type { ListedRecovery } from '../../../service/recovery/decide.ts';
import { printJson, printLines } from '../../output/print.ts';
import { type TableFormat, writeTable } from '../../output/table-output.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, administrator, adminOptions, withOpenLog } from './admin-options.ts';

const loadDecide = () => import('../../../service/recovery/decide.ts');

const COLUMNS = ['identity', 'state', 'effective', 'requested', 'notified', 'evidence', 'key'] as const;

interface DecideFlags extends AdminFlags {
  readonly reason: string;
}

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
        withOpenLog(flags, async ({ context }) => {
          const { listRecoveries } = await loadDecide();
          const format: TableFormat = flags.csv === true ? 'csv' : flags.json === true ? 'json' : 'text';
          await writeTable(format, COLUMNS, cells(listRecoveries(context)));
        }),
      ),
    );
  const decide = (name: 'grant' | 'deny', summary: string): void => {
    const command = recovery.command(`${name} <identity>`).description(summary);
    adminOptions(command, `glasskey admin recovery ${name} alice@example.com --reason "…" --data /srv/glasskey`)
      .requiredOption('--reason <text>', name === 'grant' ? 'why; the record shows it to everybody' : 'why')
      .action((identity: string, flags: DecideFlags) =>
        run(() => withOpenLog(flags, (open) => settle(open.context, name, identity, flags))),
      );
  };
  decide(
    'grant',
    'grant a recovery that was vetoed too often; the running server makes its version, marked `operator`',
  );
  decide('deny', 'deny a recovery that was vetoed too often; it is deleted');
}

async function settle(
  context: Parameters<Awaited<ReturnType<typeof loadDecide>>['grantRecovery']>[0],
  name: 'grant' | 'deny',
  identity: string,
  { reason, json }: DecideFlags,
): Promise<void> {
  const { denyRecovery, grantRecovery } = await loadDecide();
  const decide = name === 'grant' ? grantRecovery : denyRecovery;
  const claim = await decide(context, { identity, reason, who: administrator() });
  const decision = name === 'grant' ? 'granted' : 'denied';
  if (json === true) printJson({ identity: claim.identity, decision });
  else if (name === 'deny') printLines(`${claim.identity}: recovery denied`);
  else printLines(`${claim.identity}: recovery granted; the running server makes the version within 30 seconds`);
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
