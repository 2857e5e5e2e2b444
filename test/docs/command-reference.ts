import type { Command, Option } from 'commander';
import { createProgram } from '../../src/cli/program.ts';

const HEAD = `# Commands

Every command of \`glasskey\` and its options, as its own \`--help\` has them. [The program](program.md) says what to do with them.
A test writes this page: \`GLASSKEY_UPDATE_README=1 npx vitest run test/docs/command-reference.test.ts\`.

Exit codes are 0 for success; 1 for usage, network, a clock or a refusal; 2 if something does not verify; 3 for what is proved not to exist.
[Error codes](errors.md) has that of each error.
`;

/** Returns the reference page of all commands, made from the program itself. */
export async function commandReference(): Promise<string> {
  const program = await createProgram();
  return [HEAD, ...program.commands.flatMap((command) => sections(command, 'glasskey'))].join('\n');
}

function sections(command: Command, parent: string): string[] {
  const name = `${parent} ${command.name()}`;
  if (command.commands.length > 0) return command.commands.flatMap((one) => sections(one, name));
  const usage = `${name} ${command.usage()}`.trim();
  const text = sentence(command.description().replaceAll(/\s+/g, ' '));
  const options = command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help');
  const table = options.length === 0 ? [] : ['| option | |', '|---|---|', ...options.map(row), ''];
  return [`## ${name}`, '', text, '', '```', usage, '```', '', ...table];
}

function row({ flags, description, mandatory, defaultValue }: Option): string {
  const isShown = typeof defaultValue === 'string' || typeof defaultValue === 'number';
  const more = mandatory
    ? '; required'
    : isShown && !description.includes('default')
      ? `; default: ${defaultValue}`
      : '';
  const text = `${description}${more}`.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
  return `| \`${flags.replaceAll('|', '\\|')}\` | ${text.replaceAll('<', '&lt;')} |`;
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
