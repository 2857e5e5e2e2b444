import type { Command } from 'commander';
import { ensure } from '../../../core/errors.ts';
import { EXIT } from '../../exit-code.ts';
import { printJson, printLines } from '../../output/print.ts';
import type { LogFlags } from '../../../server/log-settings.ts';
import type { RunServer } from '../run-command.ts';

interface AdminAuditorFlags extends LogFlags {
  readonly data: string;
  readonly json?: boolean;
}

/** `admin auditor`: signs the next trust bundle, so the bundle key must be in the folder. */
export function adminAuditorCommand(admin: Command, run: RunServer): void {
  admin
    .command('auditor')
    .description('appoint or replace the third-party auditor: signs the next trust bundle; stop the servers first')
    .requiredOption('--data <dir>', 'data folder, with keys/bundle.pem')
    .requiredOption('--auditor-key <base64>', 'public key of the auditor, as `glasskey auditor key` prints it')
    .option('--auditor-lag <duration>', 'longest time that the auditor may lag behind the log; default: 10m')
    .option('--auditor-start <position>', 'first log entry that the auditor verifies; default: 0')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey admin auditor --auditor-key 4rV0…= --data /srv/glasskey')
    .action((flags: AdminAuditorFlags) =>
      run(async () => {
        const [{ auditorSettings }, { DataFolder }, { replaceAuditor }] = await Promise.all([
          import('../../../server/log-settings.ts'),
          import('../../../server/data-folder.ts'),
          import('../../../server/replace-auditor.ts'),
        ]);
        const auditor = auditorSettings(flags);
        ensure(auditor !== undefined, 'usage', 'no auditor given: name its public key with --auditor-key');
        const { origin, sequence } = await replaceAuditor(new DataFolder(flags.data), auditor);
        if (flags.json === true) printJson({ origin, sequence });
        else printLines(`trust bundle ${sequence} of ${origin} names the auditor. Next: start the servers again`);
        return EXIT.fine;
      }),
    );
}
