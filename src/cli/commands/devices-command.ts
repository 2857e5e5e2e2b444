import type { Command } from 'commander';
import { ensure } from '../../core/errors.ts';
import type { BoundCertificate } from '../../client/binding/binding.ts';
import { type ClientOptions, openDirectory, stateFolder } from '../client-options.ts';
import { DeviceNames } from '../credentials/device-names.ts';
import { EXIT } from '../exit-code.ts';
import { oneLine, printJson, printLines } from '../output.ts';
import type { RunClient } from './run-command.ts';

interface DevicesOptions extends ClientOptions {
  readonly name?: string;
  readonly key?: string;
  readonly json?: boolean;
}

/** `devices`: the keys of an identity, with the names that their owner gave them. */
export function devicesCommand(program: Command, run: RunClient): void {
  program
    .command('devices <identity>')
    .description('list the keys of an identity, and name them; the names stay here')
    .requiredOption('--server <url>', 'URL of the server')
    .option('--trust <file>', 'trust bundle to hold the server to; default: the pinned one')
    .option('--state <dir>', 'folder for what this client knows')
    .option('--key <hex>', 'begin of the key (SHA-256) or of the serial that --name is for')
    .option('--name <name>', 'name to give to the device of --key')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ glasskey devices alice@example.com --key 3f9a --name laptop --server https://keys.example',
    )
    .action((identity: string, options: DevicesOptions) => run(options, () => devices(identity, options)));
}

async function devices(identity: string, options: DevicesOptions): Promise<number> {
  ensure((options.key === undefined) === (options.name === undefined), 'usage', '--key and --name go together');
  const directory = await openDirectory(options);
  const result = await directory.lookup(identity);
  if (!result.found) {
    process.stderr.write(`glasskey: ${oneLine(result.identity)} is proved not to exist\n`);
    return EXIT.absent;
  }
  const { certificates, expired } = result.binding;
  const all = [...certificates, ...expired];
  const names = new DeviceNames(stateFolder(options));
  if (options.key !== undefined && options.name !== undefined) {
    await names.set(keyOf(all, options.key.toLowerCase()), options.name);
  }
  const known = await names.read();
  const rows = all.map((certificate) => {
    const { serial, spkiSha256, notAfterMs } = certificate;
    const until = new Date(notAfterMs).toISOString();
    return { name: known.get(spkiSha256), serial, spkiSha256, notAfter: until, expired: expired.includes(certificate) };
  });
  if (options.json === true) printJson({ identity: result.binding.identity, devices: rows });
  else printLines(...(rows.length === 0 ? ['no device'] : rows.map(line)));
  return EXIT.fine;
}

/** The one key that a beginning names. Throws `usage`. */
function keyOf(certificates: readonly BoundCertificate[], beginning: string): string {
  const matching = certificates.filter(
    ({ spkiSha256, serial }) => spkiSha256.startsWith(beginning) || serial.startsWith(beginning),
  );
  const [key, ...others] = new Set(matching.map(({ spkiSha256 }) => spkiSha256));
  ensure(key !== undefined && others.length === 0, 'usage', '--key does not name one of the keys');
  return key;
}

function line(row: {
  name: string | undefined;
  serial: string;
  spkiSha256: string;
  notAfter: string;
  expired: boolean;
}): string {
  const state = row.expired ? 'expired' : 'until';
  return `${row.serial}  key ${row.spkiSha256.slice(0, 16)}…  ${state} ${row.notAfter}  ${row.name ?? '-'}`;
}
