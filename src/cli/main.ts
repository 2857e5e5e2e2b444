#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { installNativeSha256 } from '../service/native-sha256.ts';
import { type ClientOptions, stateFolder } from './client-options.ts';
import { auditCommand } from './commands/audit-command.ts';
import { issuingCommands, relyingCommands } from './commands/client-commands.ts';
import { serverCommands } from './commands/server-commands.ts';
import { EXIT, reportFailure } from './exit-code.ts';

/** Runs work and ends the process with its exit code. */
async function finish(work: () => Promise<number>, evidenceFolder: () => string): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    process.exitCode = await reportFailure(error, evidenceFolder);
  }
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

const program = new Command('glasskey')
  .description('A certificate authority you can see through')
  .version(version())
  .showHelpAfterError('(see --help)')
  .configureOutput({ outputError: (text, write) => write(`glasskey: ${text.replace(/^error: /, '')}`) })
  .exitOverride()
  .addHelpText(
    'after',
    '\nExit codes: 0 fine; 1 usage, network, clock, or refused by the server; 2 verification failed or misbehaviour;\n' +
      '3 proved not to exist.\n\nExample:\n  $ glasskey serve --dev --data ./glasskey-data',
  );

serverCommands(program, (work) => finish(work, () => process.cwd()));
const runClient = (options: ClientOptions, work: () => Promise<number>): Promise<void> =>
  finish(work, () => stateFolder(options));
issuingCommands(program, runClient);
relyingCommands(program, runClient);
auditCommand(program, runClient);
inherit(program);

/** Subcommands throw instead of ending the process, as the program does. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.exitOverride().configureOutput(command.configureOutput()).showHelpAfterError('(see --help)');
    inherit(child);
  }
}

installNativeSha256();
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.refused;
}
