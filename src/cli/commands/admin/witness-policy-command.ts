import type { Command } from 'commander';
import { DataFolder } from '../../../server/data-folder.ts';
import { readInput } from '../../../server/user-input.ts';
import { EXIT } from '../../exit-code.ts';
import { printJson, printLines } from '../../output/print.ts';
import type { RunServer } from '../run-command.ts';

/** `admin witness-policy`: signs the next trust bundle, so the bundle key must be in the folder. */
export function witnessPolicyCommand(admin: Command, run: RunServer): void {
  admin
    .command('witness-policy <file>')
    .description('set or replace the witness policy: signs the next trust bundle; restart the server afterwards')
    .requiredOption('--data <dir>', 'data folder, with keys/bundle.pem')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey admin witness-policy policy.txt --data /srv/glasskey')
    .action((file: string, flags: { readonly data: string; readonly json?: boolean }) =>
      run(async () => {
        const text = await readInput(file);
        const { replaceWitnessPolicy } = await import('../../../server/witness-policy.ts');
        const { bundle } = await replaceWitnessPolicy(new DataFolder(flags.data), text);
        if (flags.json === true) printJson({ origin: bundle.origin, sequence: bundle.sequence });
        else printLines(`trust bundle ${bundle.sequence} of ${bundle.origin} has the policy. Next: restart the server`);
        return EXIT.fine;
      }),
    );
}
