import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { parseCredential } from '../../client/credential-text.ts';
import type { CredentialBinding, MadeCredential } from '../../client/key-directory.ts';
import { GivenFault, isGlasskeyError } from '../../core/errors.ts';
import type { ClientOptions } from '../client-options.ts';
import { openDirectory, openOffline } from '../open-directory.ts';
import { asUserInput, readInput } from '../../server/user-input.ts';
import { recordKnown } from '../evidence.ts';
import { EXIT } from '../exit-code.ts';
import { changeLine, firstLookLines } from '../output/binding-output.ts';
import { printJson, printLines } from '../output/print.ts';
import { alertJson, alertLines, certificateJson, provenanceJson } from '../output/record-output.ts';
import { clientCommand, type RunClient } from './run-command.ts';

interface CredentialOptions extends ClientOptions {
  readonly out?: string;
  readonly json?: boolean;
}

/** `credential make|verify`: passes keys from person to person together with their proof (KT §14). */
export function credentialCommand(program: Command, run: RunClient): void {
  const credential = program
    .command('credential')
    .description('pass keys to a contact with their proof, which can be verified offline');
  clientCommand(
    credential,
    'make <identity>',
    'make a credential of an identity, to send to a contact',
    'glasskey credential make alice@example.com --server https://keys.example --out alice.cred',
  )
    .option('--out <file>', 'file to write it to; default: standard output')
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: CredentialOptions) => run(options, () => make(identity, options)));
  clientCommand(
    credential,
    'verify <file>',
    'verify a credential from a contact without asking the server; `glasskey heads` and `glasskey monitor` keep the\n' +
      'state current for this',
    'glasskey credential verify alice.cred',
  )
    .option('--json', 'print the result as JSON')
    .action((file: string, options: CredentialOptions) => run(options, () => verify(file, options)));
}

async function make(identity: string, options: CredentialOptions): Promise<number> {
  const directory = await openDirectory(options);
  const made = await directory.credential(identity);
  if (options.out !== undefined) await writeFile(options.out, made.text);
  if (options.json === true) printJson({ ...made, alerts: made.alerts.map(alertJson) });
  else if (options.out === undefined) process.stdout.write(made.text);
  else
    printLines(
      `wrote a ${made.type} credential of ${made.identity}, version ${made.version}, to ${options.out}`,
      `Next: send it to a contact, who runs \`glasskey credential verify ${options.out}\``,
    );
  // The credential alone is on standard output.
  if (options.json !== true)
    process.stderr.write(
      madeLines(made)
        .map((line) => `${line}\n`)
        .join(''),
    );
  return EXIT.fine;
}

/** Returns what the lookup of a new credential found: the next lookup calls it unchanged. */
function madeLines({ change, alerts }: MadeCredential): string[] {
  const isNews = change.type !== 'unchanged';
  return [...(isNews ? [changeLine(change)] : []), ...firstLookLines(change), ...alertLines(alerts)];
}

async function verify(file: string, options: CredentialOptions): Promise<number> {
  const text = await readInput(file);
  const directory = await openOffline(options);
  const { bundle, config } = directory.trust;
  await asUserInput(file, () => parseCredential(text, bundle.origin, config));
  recordKnown({ credential: text });
  const binding = await directory.verifyCredential(text).catch((error: unknown): never => {
    // The log has signed both sides of a fork. Anybody can have made up a credential that does not hold.
    if (!isGlasskeyError(error) || error.code === 'log-forked') throw error;
    throw new GivenFault(error.code, error.message, { cause: error });
  });
  if (options.json === true) printJson(credentialJson(binding));
  else printLines(...credentialLines(binding));
  return EXIT.fine;
}

function credentialJson(binding: CredentialBinding): Record<string, unknown> {
  const { identity, version, change, asOfMs, final, checked, remaining } = binding;
  return {
    identity,
    version,
    certificates: binding.certificates.map(certificateJson),
    expired: binding.expired.map(certificateJson),
    change: change && { type: change.type, reason: change.reason },
    alerts: binding.alerts.map(alertJson),
    ...provenanceJson(binding),
    asOf: new Date(asOfMs).toISOString(),
    final,
    checked,
    remaining,
  };
}

function credentialLines(binding: CredentialBinding): string[] {
  const { identity, version, asOfMs, change, certificates, checked, remaining } = binding;
  return [
    `${identity}: version ${version}, the newest one at ${new Date(asOfMs).toISOString()}`,
    ...certificates.map(({ serial, spkiSha256 }) => `  ${serial}  key ${spkiSha256.slice(0, 16)}…`),
    ...(certificates.length > 0 ? [] : ['  no certificate: all are revoked or expired']),
    ...(change === undefined ? [] : [changeLine(change)]),
    ...alertLines(binding.alerts),
    ...checked.map((what) => `checked: ${what}`),
    ...remaining.map((what) => `still to do: ${what}`),
  ];
}
