import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { adminCommands } from './commands/admin/admin-commands.ts';
import { auditCommand } from './commands/audit-command.ts';
import { auditorCommand } from './commands/auditor-command.ts';
import { caCommand } from './commands/ca/ca-command.ts';
import { configCommand } from './commands/config-command.ts';
import { credentialCommand } from './commands/credential-command.ts';
import { devicesCommand } from './commands/devices-command.ts';
import { evidenceCommand } from './commands/evidence-command.ts';
import { headsCommand } from './commands/heads-command.ts';
import { historyCommand } from './commands/history-command.ts';
import { initCommand } from './commands/init-command.ts';
import { issueCommands } from './commands/issue-commands.ts';
import { lookupCommand } from './commands/lookup-command.ts';
import { monitorCommand } from './commands/monitor-command.ts';
import { publishCommand } from './commands/publish-command.ts';
import { recoveryCommands } from './commands/recovery-commands.ts';
import { revokeCommand } from './commands/revoke-command.ts';
import { runClient, runServer } from './commands/run-command.ts';
import { serveCommand } from './commands/serve-command.ts';
import { stateCommand } from './commands/state-command.ts';
import { trustCommand } from './commands/trust-command.ts';
import { verifyCommand } from './commands/verify-command.ts';
import { witnessCommand } from './commands/witness-command.ts';
import { oneLine } from './output/print.ts';

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Builds the program `glasskey` with every command; `parseAsync` runs it. */
export function createProgram(): Command {
  // Subcommands inherit these settings, so they must come before the subcommands are added.
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
      '\nExit codes:\n  0  success\n  1  usage error, network or clock trouble, or refused by the server\n' +
        '  2  something does not verify: misbehaviour\n  3  proved not to exist\n\n' +
        'Example:\n  $ glasskey serve --dev --data ./glasskey-data',
    );

  initCommand(program, runServer);
  serveCommand(program, runServer);
  adminCommands(program, runServer);
  configCommand(program, runServer);
  trustCommand(program, runClient);
  issueCommands(program, runClient);
  revokeCommand(program, runClient);
  recoveryCommands(program, runClient);
  lookupCommand(program, runClient);
  verifyCommand(program, runClient);
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
  return program;
}
