import { type Command, Option } from 'commander';
import type { KeyDirectory } from '../../client/key-directory.ts';
import { REVOCATION_REASONS, type RevocationReason } from '../../contract/bodies.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import type { ClientOptions } from '../client-options.ts';
import { openDirectory } from '../open-directory.ts';
import { CredentialFolder } from '../credentials/credentials.ts';
import { EXIT } from '../exit-code.ts';
import { bindingJson, bindingLines, MONITOR_OWN } from '../output/binding-output.ts';
import { printJson, printLines } from '../output/print.ts';
import { clientCommand, type RunClient } from './run-command.ts';

interface RevokeOptions extends ClientOptions {
  readonly json?: boolean;
  readonly credentials: string;
  readonly serial?: string;
  readonly all?: boolean;
  readonly reason: RevocationReason;
}

/** `revoke`: revokes certificates, signed by a key of the identity. */
export function revokeCommand(program: Command, run: RunClient): void {
  clientCommand(
    program,
    'revoke <identity>',
    'revoke a certificate of an identity; one of its keys signs the change',
    'glasskey revoke alice@example.com --server https://keys.example --credentials alice --reason keyCompromise',
  )
    .requiredOption('--credentials <dir>', 'folder of a key of the identity')
    .option('--serial <hex>', 'serial of the certificate; default: that of the certificate in --credentials')
    .option('--all', 'revoke every certificate of the identity')
    .addOption(
      new Option('--reason <name>', 'reason of the revocation')
        .choices(Object.keys(REVOCATION_REASONS))
        .default('unspecified'),
    )
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: RevokeOptions) => run(options, () => revoke(identity, options)));
}

async function revoke(identity: string, options: RevokeOptions): Promise<number> {
  const folder = new CredentialFolder(options.credentials);
  const key = await folder.key();
  ensure(
    options.all !== true || options.serial === undefined,
    'usage',
    '--all and --serial exclude each other: leave one out',
  );
  const serial = (options.serial ?? (await folder.serial())).toLowerCase().replaceAll(':', '');
  ensure(/^(?:[0-9a-f]{2}){1,20}$/.test(serial), 'usage', `${options.serial} is not a serial: give it in hexadecimal`);
  const directory = await openDirectory(options);
  const serials = options.all === true ? await serialsOf(directory, identity) : [serial];
  const binding = await directory.revoke(identity, key, { serials, reason: options.reason });
  if (options.json === true) printJson({ revoked: serials, ...bindingJson(binding) });
  else printLines(`revoked ${serials.join(' ')}`, ...bindingLines(binding, MONITOR_OWN));
  return EXIT.fine;
}

/** Returns the serials of all certificates of the current record. Throws `identity-not-found`. */
async function serialsOf(directory: KeyDirectory, identity: string): Promise<readonly string[]> {
  const result = await directory.lookup(identity);
  if (!result.found) throw new GlasskeyError('identity-not-found', `${identity} is not registered: nothing to revoke`);
  return [...result.binding.certificates, ...result.binding.expired].map(({ serial }) => serial);
}
