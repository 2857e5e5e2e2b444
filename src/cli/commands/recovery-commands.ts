import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { KeyDirectory, Recovery } from '../../client/key-directory.ts';
import { csrKeys } from '../../ca/csr/csr-keys.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import type { ClientOptions } from '../client-options.ts';
import { openDirectory } from '../open-directory.ts';
import { readInput } from '../../server/user-input.ts';
import { CredentialFolder } from '../credentials/credentials.ts';
import {
  type EvidenceOptions,
  evidenceOptions,
  type GivenEvidence,
  prepareEvidence,
  readEvidence,
} from '../evidence-options.ts';
import { EXIT, exitCodeOf, reportFailure } from '../exit-code.ts';
import { bindingJson, bindingLines, printIssued } from '../output/binding-output.ts';
import { printJson, printLines } from '../output/print.ts';
import { clientCommand, type RunClient } from './run-command.ts';

/** Pauses of --wait, ms. */
const SHORTEST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 10 * 60_000;

interface RecoverOptions extends EvidenceOptions {
  readonly wait?: boolean;
}

/** `recover|veto`: recovers an identity whose keys are lost, or vetoes such a recovery. */
export function recoveryCommands(program: Command, run: RunClient): void {
  const recover = clientCommand(
    program,
    'recover <identity>',
    'recover an identity whose keys are all lost. Give evidence as for register; the new key then waits in the log\n' +
      'for the delay of the trust bundle, and any old key can veto it. Run it again without evidence to complete it',
    'glasskey recover alice@example.com --server https://keys.example --out new --email',
  );
  evidenceOptions(recover)
    .requiredOption('--out <dir>', 'folder for the new key.pem and certificate.pem')
    .option('--csr <file>', 'PKCS#10 request of a key that you keep yourself')
    .option('--wait', 'wait until the recovery is completed or vetoed')
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: RecoverOptions) => run(options, () => recoverIdentity(identity, options)));

  clientCommand(
    program,
    'veto <identity>',
    'veto a pending recovery of an identity, signed by one of its keys; all keys stay',
    'glasskey veto alice@example.com --server https://keys.example --credentials alice',
  )
    .requiredOption('--credentials <dir>', 'folder of a key of the identity')
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: VetoOptions) =>
      run(options, async () => {
        const key = await new CredentialFolder(options.credentials).key();
        const directory = await openDirectory(options);
        const binding = await directory.veto(identity, key);
        if (options.json === true) printJson(bindingJson(binding));
        else
          printLines(
            'vetoed: the recovery cannot take effect; the log keeps that it was requested',
            ...bindingLines(binding, 'tell the operator, who let somebody else prove your name'),
          );
        return EXIT.fine;
      }),
    );
}

interface VetoOptions extends ClientOptions {
  readonly credentials: string;
  readonly json?: boolean;
}

async function recoverIdentity(identity: string, options: RecoverOptions): Promise<number> {
  const prepared = await prepareEvidence(identity, options);
  if (prepared !== undefined) return prepared;
  const { tokenFile, oidcTokenFile, emailCode } = options;
  const ways = [tokenFile, oidcTokenFile, emailCode].filter((one) => one !== undefined);
  ensure(
    ways.length <= 1,
    'usage',
    'more than one kind of evidence: give one of --token-file, --oidc-token-file and --email-code',
  );
  const directory = await openDirectory(options);
  const folder = new CredentialFolder(options.out);
  const evidence = await readEvidence(options, folder);
  const csr =
    options.csr === undefined
      ? await folder.prepareRequest(
          directory.identity(identity),
          await folder.prepareKey(options.keyType),
          options.companion,
        )
      : await readInput(options.csr);
  const recovery = await directory.recover(identity, { csr, ...evidence });
  if (recovery.state === 'effective') return finish(recovery, folder, options);
  printRecovery(identity, recovery, formatHex(csrKeys(csr).keysSha256), options);
  return options.wait === true ? waitForIt(directory, identity, { csr, recovery, folder, options }) : EXIT.fine;
}

/** Asks again once the recovery can take effect, and then from time to time, until it has. */
async function waitForIt(
  directory: KeyDirectory,
  identity: string,
  from: { csr: string; recovery: Recovery; folder: CredentialFolder; options: RecoverOptions },
): Promise<number> {
  const { csr, folder, options } = from;
  let { recovery } = from;
  const none: GivenEvidence = { token: undefined, idToken: undefined, grant: undefined, email: undefined };
  while (recovery.state !== 'effective') {
    const dueMs = recovery.state === 'pending' ? recovery.effectiveAtMs - Date.now() : LONGEST_PAUSE_MS;
    await sleep(Math.min(Math.max(dueMs, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS));
    try {
      recovery = await directory.recover(identity, { csr, ...none });
    } catch (error) {
      const mayPass = isGlasskeyError(error) && (error.fault === 'network' || error.fault === 'overload');
      if (!mayPass || exitCodeOf(error) !== EXIT.refused) throw error;
      reportFailure(error);
    }
  }
  return finish(recovery, folder, options);
}

async function finish(
  { issued }: Extract<Recovery, { readonly state: 'effective' }>,
  folder: CredentialFolder,
  options: RecoverOptions,
): Promise<number> {
  await folder.writeCertificate(issued);
  return printIssued(issued.binding, folder, options);
}

function printRecovery(
  identity: string,
  recovery: Exclude<Recovery, { readonly state: 'effective' }>,
  key: string,
  { json }: RecoverOptions,
): void {
  if (recovery.state === 'undecided') {
    if (json === true) return printJson({ state: recovery.state, key });
    return printLines(
      `${identity}: vetoed too often, so the operator decides about your key ${key}`,
      'Next: tell the operator this key, by a way that shows who you are, then run this command again',
    );
  }
  const { binding, effectiveAtMs } = recovery;
  const effectiveAt = new Date(effectiveAtMs).toISOString();
  if (json === true) return printJson({ state: recovery.state, effectiveAt, ...bindingJson(binding) });
  printLines(
    ...bindingLines(binding),
    `your key is pending: unless it is vetoed, it takes effect after ${effectiveAt}`,
    'Next: run this command again then, without evidence, to get the certificate',
  );
}
