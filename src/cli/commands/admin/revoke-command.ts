import { type Command, Option } from 'commander';
import { REVOCATION_REASONS, type RevocationReason } from '../../../contract/bodies.ts';
import { ensure } from '../../../core/errors.ts';
import type { OpenServer } from '../../../server/open-server.ts';
import type { OperatorRevocation } from '../../../service/issuance/revoke-as-operator.ts';
import { printJson, printLines } from '../../output/print.ts';
import type { RunServer } from '../run-command.ts';
import { type AdminFlags, administrator, adminOptions, withOpenLog } from './admin-options.ts';
import { withService } from './with-service.ts';

interface RevokeFlags extends AdminFlags {
  readonly serial?: readonly string[];
  readonly key?: string;
  readonly all?: boolean;
  readonly reason: RevocationReason;
  readonly why: string;
  readonly cancelRecovery?: boolean;
}

/** `admin revoke`: an administrator's revocation, which the log shows to the owner and to every contact. */
export function adminRevokeCommand(admin: Command, run: RunServer): void {
  adminOptions(
    admin
      .command('revoke <identity>')
      .description('revoke certificates; the version in the log is marked `operator`, with your reason')
      .option('--serial <hex...>', 'serials of the certificates')
      .option('--key <hex>', 'all certificates of the key with this SHA-256, as `glasskey admin certificates` shows it')
      .option('--all', 'every certificate of the identity')
      .addOption(
        new Option('--reason <name>', 'reason on the CRL')
          .choices(Object.keys(REVOCATION_REASONS))
          .default('unspecified'),
      )
      .requiredOption('--why <text>', 'why, in words: 1 to 255 bytes; the record shows it to everybody')
      .option('--cancel-recovery', 'revoke although this cancels a recovery that is pending'),
    'glasskey admin revoke alice@example.com --all --why "phone was stolen" --data /srv/glasskey',
  ).action((identity: string, flags: RevokeFlags) =>
    run(() => {
      const which = chosen(flags);
      return withOpenLog(flags, (open) => revoke(open, identity, which, flags));
    }),
  );
}

async function revoke(
  open: OpenServer,
  identity: string,
  which: OperatorRevocation['which'],
  { reason: name, why, cancelRecovery: cancelsRecovery, json }: RevokeFlags,
): Promise<void> {
  const order = { identity, which, reason: REVOCATION_REASONS[name], why, cancelsRecovery, who: administrator() };
  const done = await withService(open, (service) => service.revokeAsOperator(order));
  if (json === true) return printJson(done);
  if (done.revoked.length === 0) {
    return printLines(`nothing to revoke: version ${done.version} of ${done.identity} holds none of them`);
  }
  printLines(
    `revoked ${done.revoked.join(' ')} of ${done.identity}: version ${done.version} (logged in entry ${done.position})`,
    '  The CRL and OCSP say so within seconds. The owner and every contact are warned that the operator did it',
  );
}

/** Returns the certificates to revoke. Throws `usage` unless exactly one of the three options names them. */
function chosen({ serial, key, all }: RevokeFlags): OperatorRevocation['which'] {
  const given = [serial, key, all].filter((one) => one !== undefined).length;
  ensure(given === 1, 'usage', 'say what to revoke: give one of --serial, --key and --all');
  if (serial !== undefined) {
    const serials = serial.map(plainHex);
    for (const one of serials) {
      ensure(/^(?:[0-9a-f]{2}){1,20}$/.test(one), 'usage', `${one} is not a serial: give it in hexadecimal`);
    }
    return { serials };
  }
  if (key === undefined) return 'all';
  const keySha256 = plainHex(key);
  ensure(/^[0-9a-f]{64}$/.test(keySha256), 'usage', '--key takes the SHA-256 of a key: 64 hexadecimal digits');
  return { keySha256 };
}

function plainHex(text: string): string {
  return text.toLowerCase().replaceAll(':', '');
}
