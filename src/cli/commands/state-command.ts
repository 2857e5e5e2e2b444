import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { ClientState, StateStore } from '../../client/state/client-state.ts';
import { FolderState, writeFileDurably } from '../../client/node.ts';
import { exportState, importState } from '../../client/state/state-transfer.ts';
import { parseTrustBundle } from '../../contract/parse-trust-bundle.ts';
import { ensure, GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { settledState, settleOptions, stateFolder } from '../client-options.ts';
import { readInput } from '../../server/user-input.ts';
import { EXIT } from '../exit-code.ts';
import { oneLine, printJson, printLines } from '../output/print.ts';
import { readPassphrase } from '../read-passphrase.ts';
import type { RunClient } from './run-command.ts';

interface StateOptions {
  readonly server?: string;
  readonly state?: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
  readonly overwrite?: boolean;
}

/** `state export|import`: carries a client's state to another device, or keeps it, sealed with a passphrase. */
export function stateCommand(program: Command, run: RunClient): void {
  const state = program
    .command('state')
    .description('carry the state of this client to another device, sealed with a passphrase')
    .addHelpText('after', '\nExample:\n  $ glasskey state export alice.sealed --server https://keys.example');
  withOptions(state.command('export <file>'), 'export alice.sealed')
    .description('seal the state into a new file; it contains no private keys')
    .action((file: string, options: StateOptions) => runHere(run, options, (folder) => seal(file, folder, options)));
  withOptions(state.command('import <file>'), 'import alice.sealed')
    .description('restore a sealed state; refused if the folder has a state that knows more')
    .option('--overwrite', 'replace a state that knows more, and list what is lost')
    .action((file: string, options: StateOptions) => runHere(run, options, (folder) => unseal(file, folder, options)));
}

function withOptions(command: Command, example: string): Command {
  return command
    .option('--server <url>', 'URL of the server that the state is about; default: as for other commands')
    .option('--state <dir>', 'folder of the state; default: that of the server')
    .option('--passphrase-file <file>', 'file whose first line is the passphrase; default: ask on the terminal')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `\nExample:\n  $ glasskey state ${example} --server https://keys.example`);
}

/** Runs `work` on the state folder that the options name, else on that of the server. Throws `usage` for neither. */
async function runHere(
  run: RunClient,
  options: StateOptions,
  work: (folder: string) => Promise<number>,
): Promise<void> {
  const { server = '' } = options;
  const state = settledState(options.state);
  const named = state === undefined ? await settleOptions({ server: options.server }) : { server, state };
  return run(named, () => work(stateFolder(named)));
}

async function seal(file: string, folder: string, options: StateOptions): Promise<number> {
  ensure(existsSync(join(folder, 'state.json')), 'usage', `no state in ${folder}: name another folder with --state`);
  ensure(!existsSync(file), 'usage', `${file} already exists: name a new file`);
  const passphrase = await readPassphrase({ file: options.passphraseFile, confirm: true });
  const store = new FolderState(folder);
  await writeFileDurably(file, await exportState(store, passphrase));
  const known = await read(store);
  if (options.json === true) printJson({ file, ...summary(known) });
  else printLines(`sealed into ${file}: ${summaryLine(known)}`, `Next: \`glasskey state import ${file}\` elsewhere`);
  return EXIT.fine;
}

async function unseal(file: string, folder: string, options: StateOptions): Promise<number> {
  const text = await readInput(file);
  const passphrase = await readPassphrase({ file: options.passphraseFile, confirm: false });
  const store = new FolderState(folder);
  const { overwrite } = options;
  const { lost } = await importState(store, text, passphrase, { overwrite }).catch((error: unknown): never => {
    // The file is the user's own: a malformed one is a usage error. What its contents show stays as it is.
    if (!isGlasskeyError(error, 'malformed-encoding')) throw error;
    throw new GlasskeyError(
      'usage',
      `${file} is not a sealed state: give a file that \`glasskey state export\` wrote`,
      { cause: error },
    );
  });
  const known = await read(store);
  if (options.json === true) printJson({ folder, ...summary(known), lost });
  else printLines(`restored to ${folder}: ${summaryLine(known)}`, 'Next: `glasskey monitor`');
  for (const sentence of lost) process.stderr.write(`lost: ${oneLine(sentence)}\n`);
  return EXIT.fine;
}

function read(store: StateStore): Promise<ClientState> {
  return store.transact(async (state) => ({ result: state }));
}

function summary({ bundle, view, contacts, owners, alerts }: ClientState) {
  return {
    origin: bundle === undefined ? undefined : parseTrustBundle(bundle).bundle.origin,
    treeSize: view?.size,
    contacts: contacts.size,
    owned: owners.size,
    warnings: alerts.length,
  };
}

function summaryLine(state: ClientState): string {
  const { origin = 'no log', treeSize = 0, contacts, owned, warnings } = summary(state);
  const warned = warnings > 0 ? `, ${warnings} warning(s)` : '';
  return `${origin} at size ${treeSize}, ${contacts} contact(s), ${owned} own identity(s)${warned}`;
}
