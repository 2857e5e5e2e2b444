#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { installNativeSha256 } from '../service/threads/native-sha256.ts';
import { type ClientOptions, stateFolder } from './client-options.ts';
import { auditCommand } from './commands/audit-command.ts';
import { auditorCommand } from './commands/auditor-command.ts';
import { caCommand } from './commands/ca-command.ts';
import { issuingCommands, relyingCommands } from './commands/client-commands.ts';
import { lookupCommand } from './commands/lookup-command.ts';
import { credentialCommand } from './commands/credential-command.ts';
import { evidenceCommand } from './commands/evidence-command.ts';
import { devicesCommand } from './commands/devices-command.ts';
import { headsCommand } from './commands/heads-command.ts';
import { historyCommand } from './commands/history-command.ts';
import { monitorCommand } from './commands/monitor-command.ts';
import { recoveryCommands } from './commands/recovery-commands.ts';
import { publishCommand } from './commands/publish-command.ts';
import { serverCommands } from './commands/server-commands.ts';
import { stateCommand } from './commands/state-command.ts';
import { witnessCommand } from './commands/witness-command.ts';
import { EXIT, exitCodeOf, reportFailure } from './exit-code.ts';
import { writeEvidence } from './evidence.ts';
import { ignoreClosedPipe, oneLine } from './output.ts';

/** Runs a command of a client: what does not verify leaves evidence in the folder of its state, and exit code 2. */
async function runClient(options: ClientOptions, work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    reportFailure(error);
    process.exitCode = exitCodeOf(error);
    if (process.exitCode === EXIT.misbehaviour) await writeEvidence(error, stateFolder(options));
  }
}

/** Runs a command of an operator: what fails is its own folder, database or clock, and nobody's lie. */
async function runServer(work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    reportFailure(error);
    process.exitCode = EXIT.refused;
  }
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

// Subcommands inherit these settings, so they come before any of them is added.
const program = new Command('glasskey')
  .enablePositionalOptions()
  .description('A certificate authority you can see through')
  .version(version())
  .configureOutput({
    outputError: (text, write) => write(`glasskey: ${oneLine(text.trim().replace(/^error: /, ''))} (usage)\n`),
  })
  .exitOverride()
  .addHelpText(
    'after',
    '\nExit codes: 0 fine; 1 usage, network, clock, or refused by the server; 2 verification failed or misbehaviour;\n' +
      '3 proved not to exist.\n\nExample:\n  $ glasskey serve --dev --data ./glasskey-data',
  );

serverCommands(program, runServer);
issuingCommands(program, runClient);
recoveryCommands(program, runClient);
lookupCommand(program, runClient);
relyingCommands(program, runClient);
devicesCommand(program, runClient);
monitorCommand(program, runClient);
historyCommand(program, runClient);
credentialCommand(program, runClient);
headsCommand(program, runClient);
stateCommand(program, runClient);
publishCommand(program, runClient);
caCommand(program, runServer);
witnessCommand(program, runServer);
auditorCommand(program, runServer);
auditCommand(program, runClient);
evidenceCommand(program, runServer);

ignoreClosedPipe(process.stdout);
ignoreClosedPipe(process.stderr);
installNativeSha256();
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) reportFailure(error);
  process.exitCode = error instanceof CommanderError && error.exitCode === 0 ? EXIT.fine : EXIT.refused;
}
