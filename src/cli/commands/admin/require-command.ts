import { type Command, InvalidArgumentError } from 'commander';
import { type Requirement, REQUIREMENTS } from '../../../contract/requirements.ts';
import { DataFolder } from '../../../server/data-folder.ts';
import { EXIT } from '../../exit-code.ts';
import { printJson, printLines } from '../../output/print.ts';
import type { RunServer } from '../run-command.ts';

interface RequireFlags {
  readonly data: string;
  readonly json?: boolean;
}

/** `admin require`: signs the next trust bundle, so the bundle key must be in the folder. */
export function requireCommand(admin: Command, run: RunServer): void {
  admin
    .command('require')
    .argument('<what>', `what clients must understand: ${REQUIREMENTS.join(', ')}`, requirement)
    .description('require something new of every client, for ever: signs the next trust bundle; reload the server then')
    .requiredOption('--data <dir>', 'data folder, with keys/bundle.pem')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nClients and servers of an older version refuse the log from then on: update them first.\n' +
        '\nExample:\n  $ glasskey admin require ml-dsa --data /srv/glasskey',
    )
    .action((what: Requirement, flags: RequireFlags) =>
      run(async () => {
        const { addRequirement } = await import('../../../server/log-requirements.ts');
        const { bundle } = await addRequirement(new DataFolder(flags.data), what);
        const { origin, sequence, requires } = bundle;
        if (flags.json === true) printJson({ origin, sequence, requires });
        else printLines(`trust bundle ${sequence} of ${origin} requires ${what}. Next: reload each server of the log`);
        return EXIT.fine;
      }),
    );
}

function requirement(text: string): Requirement {
  const found = REQUIREMENTS.find((one) => one === text);
  if (found === undefined) throw new InvalidArgumentError(`give one of ${REQUIREMENTS.join(', ')}`);
  return found;
}
