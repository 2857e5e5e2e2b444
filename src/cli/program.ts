import { Command } from 'commander';
import { oneLine } from './output/print.ts';
import { programVersion } from './program-version.ts';

/** Adds commands to the program. */
type AddCommands = (program: Command) => void;

/** The names of commands, and what loads their modules and gives the function that adds them. */
export type CommandModule = readonly [names: readonly string[], load: () => Promise<AddCommands>];

const runners = () => import('./commands/run-command.ts');

/** Every command, in the order of the help. Loading all of them takes several times as long as a lookup does. */
export const COMMAND_MODULES: readonly CommandModule[] = [
  [['init'], server(async () => (await import('./commands/init-command.ts')).initCommand)],
  [['serve'], server(async () => (await import('./commands/serve-command.ts')).serveCommand)],
  [['admin'], server(async () => (await import('./commands/admin/admin-commands.ts')).adminCommands)],
  [['doctor'], server(async () => (await import('./commands/doctor-command.ts')).doctorCommand)],
  [['config'], server(async () => (await import('./commands/config-command.ts')).configCommand)],
  [['bootstrap'], client(async () => (await import('./commands/bootstrap-command.ts')).bootstrapCommand)],
  [['trust'], client(async () => (await import('./commands/trust-command.ts')).trustCommand)],
  [['register', 'rotate', 'renew'], client(async () => (await import('./commands/issue-commands.ts')).issueCommands)],
  [['revoke'], client(async () => (await import('./commands/revoke-command.ts')).revokeCommand)],
  [['recover', 'veto'], client(async () => (await import('./commands/recovery-commands.ts')).recoveryCommands)],
  [['notify'], client(async () => (await import('./commands/notify-command.ts')).notifyCommand)],
  [['lookup'], client(async () => (await import('./commands/lookup-command.ts')).lookupCommand)],
  [['verify'], client(async () => (await import('./commands/verify-command.ts')).verifyCommand)],
  [['devices'], client(async () => (await import('./commands/devices-command.ts')).devicesCommand)],
  [['monitor'], client(async () => (await import('./commands/monitor-command.ts')).monitorCommand)],
  [['history'], client(async () => (await import('./commands/history-command.ts')).historyCommand)],
  [['credential'], client(async () => (await import('./commands/credential-command.ts')).credentialCommand)],
  [['heads'], client(async () => (await import('./commands/heads-command.ts')).headsCommand)],
  [['mandate'], client(async () => (await import('./commands/mandate-command.ts')).mandateCommand)],
  [['state'], client(async () => (await import('./commands/state-command.ts')).stateCommand)],
  [['publish'], client(async () => (await import('./commands/publish-command.ts')).publishCommand)],
  [['ca'], server(async () => (await import('./commands/ca/ca-command.ts')).caCommand)],
  [['witness'], server(async () => (await import('./commands/witness-command.ts')).witnessCommand)],
  [['auditor'], server(async () => (await import('./commands/auditor-command.ts')).auditorCommand)],
  [['watch'], server(async () => (await import('./commands/watch-command.ts')).watchCommand)],
  [['audit'], client(async () => (await import('./commands/audit-command.ts')).auditCommand)],
  [['audit-akd'], server(async () => (await import('./commands/audit-akd-command.ts')).auditAkdCommand)],
  [['evidence'], server(async () => (await import('./commands/evidence-command.ts')).evidenceCommand)],
];

type Runners = Awaited<ReturnType<typeof runners>>;

function server(load: () => Promise<(program: Command, run: Runners['runServer']) => void>) {
  return async (): Promise<AddCommands> => {
    const [add, { runServer }] = await Promise.all([load(), runners()]);
    return (program) => add(program, runServer);
  };
}

function client(load: () => Promise<(program: Command, run: Runners['runClient']) => void>) {
  return async (): Promise<AddCommands> => {
    const [add, { runClient }] = await Promise.all([load(), runners()]);
    return (program) => add(program, runClient);
  };
}

/** The modules that these arguments need: the command's own, none for `--version`, else all. */
function modulesFor([name]: readonly string[]): readonly CommandModule[] {
  if (name === '--version' || name === '-V') return [];
  const own = COMMAND_MODULES.filter(([names]) => names.includes(name ?? ''));
  return own.length === 0 ? COMMAND_MODULES : own;
}

/**
 * Builds the program `glasskey` with the command that `args` names, or with every command; `parseAsync` runs it.
 */
export async function createProgram(args: readonly string[] = []): Promise<Command> {
  // Subcommands inherit these settings, so they must come before the subcommands are added.
  const program = new Command('glasskey')
    .enablePositionalOptions()
    .description('A certificate authority you can see through')
    .version(programVersion())
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
  for (const add of await Promise.all(modulesFor(args).map(([, load]) => load()))) add(program);
  return program;
}
