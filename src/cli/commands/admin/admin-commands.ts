import type { Command } from 'commander';
import type { RunServer } from '../run-command.ts';
import { adminAuditorCommand } from './auditor-command.ts';
import { distributeCommand } from './distribute-command.ts';
import { importCommand } from './import-command.ts';
import { listCommands } from './list-commands.ts';
import { adminLogCommand } from './log-command.ts';
import { moveDatabaseCommand } from './move-database-command.ts';
import { recordCommands } from './record-commands.ts';
import { adminRecoveryCommands } from './recovery-commands.ts';
import { adminRevokeCommand } from './revoke-command.ts';
import { requireCommand } from './require-command.ts';
import { sealRowsCommand } from './seal-rows-command.ts';
import { statusCommand } from './status-command.ts';
import { tokenCommands } from './token-commands.ts';
import { upgradeCommand } from './upgrade-command.ts';
import { witnessPolicyCommand } from './witness-policy-command.ts';

/** `admin …`: the commands of a log's administrator, in the order of --help. */
export function adminCommands(program: Command, run: RunServer): void {
  const admin = program.command('admin').description('administer a log');
  statusCommand(admin, run);
  tokenCommands(admin, run);
  listCommands(admin, run);
  adminRevokeCommand(admin, run);
  recordCommands(admin, run);
  importCommand(admin, run);
  adminAuditorCommand(admin, run);
  adminRecoveryCommands(admin, run);
  sealRowsCommand(admin, run);
  upgradeCommand(admin, run);
  moveDatabaseCommand(admin, run);
  distributeCommand(admin, run);
  witnessPolicyCommand(admin, run);
  requireCommand(admin, run);
  adminLogCommand(admin, run);
}
