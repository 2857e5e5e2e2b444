import type { Command } from 'commander';
import { ensure } from '../../core/errors.ts';
import type { BoundCertificate } from '../../client/binding/binding.ts';
import { type ClientOptions, stateFolder } from '../client-options.ts';
import { openDirectory } from '../open-directory.ts';
import { DeviceNames } from '../credentials/device-names.ts';
import { EXIT } from '../exit-code.ts';
import { oneLine, printJson, printLines } from '../output/print.ts';
import { clientCommand, type RunClient } from './run-command.ts';

interface DevicesOptions extends ClientOptions {
  readonly name?: string;
  readonly key?: string;
  readonly json?: boolean;
}

/** `devices`: lists the keys of an identity with the names that their owner gave them. */
export function devicesCommand(program: Command, run: RunClient): void {
  clientCommand(
    program,
    'devices <identity>',
    'list the keys of an identity, and name the devices that hold them; the names never leave this computer',
    'glasskey devices alice@example.com --key 3f9a --name laptop --server https://keys.example',
  )
    .option('--key <hex>', 'key to name: the first digits of its SHA-256 or of the serial')
    .option('--name <name>', 'name for the device that holds --key')
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: DevicesOptions) => run(options, () => devices(identity, options)));
}

async function devices(identity: string, options: DevicesOptions): Promise<number> {
  ensure(
    (options.key === undefined) === (options.name === undefined),
    'usage',
    '--key and --name need each other: give both, or neither',
  );
  const directory = await openDirectory(options);
  const result = await directory.lookup(identity);
  if (!result.found) {
    process.stderr.write(`glasskey: ${oneLine(result.identity)} is not registered, as the log proves\n`);
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
  else
    printLines(...(rows.length === 0 ? ['no keys: all certificates were revoked'] : rows.map(line)), ...unnamed(rows));
  return EXIT.fine;
}

/** Returns how to name a device that has no name yet. */
function unnamed(rows: readonly { readonly name: string | undefined; readonly spkiSha256: string }[]): string[] {
  const key = rows.find(({ name }) => name === undefined)?.spkiSha256.slice(0, 8);
  return key === undefined ? [] : [`Next: name the device that holds a key: --key ${key} --name <name>`];
}

/** Returns the only key whose hash or serial starts with `beginning`. Throws `usage` for none or several. */
function keyOf(certificates: readonly BoundCertificate[], beginning: string): string {
  const matching = certificates.filter(
    ({ spkiSha256, serial }) => spkiSha256.startsWith(beginning) || serial.startsWith(beginning),
  );
  const [key, ...others] = new Set(matching.map(({ spkiSha256 }) => spkiSha256));
  ensure(key !== undefined, 'usage', `no key or serial starts with ${beginning}: list them without --key and --name`);
  ensure(others.length === 0, 'usage', `several keys start with ${beginning}: give more digits with --key`);
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
