import type { Command } from 'commander';
import { DataFolder } from '../../../server/data-folder.ts';
import { readInput } from '../../../server/user-input.ts';
import { EXIT } from '../../exit-code.ts';
import { printJson, printLines } from '../../output/print.ts';
import { ALLOW_DISJOINT_HELP, type RunServer } from '../run-command.ts';

interface WitnessPolicyFlags {
  readonly data: string;
  readonly allowDisjointQuorums?: boolean;
  readonly json?: boolean;
}

/** `admin witness-policy`: signs the next trust bundle, so the bundle key must be in the folder. */
export function witnessPolicyCommand(admin: Command, run: RunServer): void {
  admin
    .command('witness-policy <file>')
    .description('set or replace the witness policy: signs the next trust bundle; restart the server afterwards')
    .requiredOption('--data <dir>', 'data folder, with keys/bundle.pem')
    .option('--allow-disjoint-quorums', ALLOW_DISJOINT_HELP)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey admin witness-policy policy.txt --data /srv/glasskey')
    .action((file: string, flags: WitnessPolicyFlags) =>
      run(async () => {
        const text = await readInput(file);
        const { replaceWitnessPolicy } = await import('../../../server/witness-policy.ts');
        const { bundle } = await replaceWitnessPolicy(new DataFolder(flags.data), text, {
          allowsDisjointQuorums: flags.allowDisjointQuorums,
        });
        if (flags.json === true) printJson({ origin: bundle.origin, sequence: bundle.sequence });
        else printLines(`trust bundle ${bundle.sequence} of ${bundle.origin} has the policy. Next: restart the server`);
        return EXIT.fine;
      }),
    );
}
