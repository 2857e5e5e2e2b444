import type { Command } from 'commander';
import { DATABASE_HELP, warnOfPassword } from '../database-option.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output/print.ts';
import { printTable } from '../output/table-output.ts';
import type { RunServer } from './run-command.ts';

interface DoctorFlags {
  readonly data: string;
  readonly database?: string;
  readonly listen: string;
  readonly auditor?: string;
  readonly json?: boolean;
}

/** `doctor`: checks what a server relies on, and says what to do. */
export function doctorCommand(program: Command, run: RunServer): void {
  program
    .command('doctor')
    .description('check what a server relies on, and say what to do; changes nothing, exits with 1 if a check fails')
    .requiredOption('--data <dir>', 'data folder')
    .option('--database <url>', DATABASE_HELP)
    .option('--listen <address>', 'address and port of the server', '127.0.0.1:8080')
    .option('--auditor <url>', 'URL of the third-party auditor; default: it is not asked')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey doctor --data /srv/glasskey')
    .action((flags: DoctorFlags) =>
      run(async () => {
        warnOfPassword(flags.database);
        const { examine } = await import('../../server/doctor/examine.ts');
        const findings = await examine(flags);
        const failed = findings.filter(({ state }) => state === 'FAIL').length;
        const warned = findings.filter(({ state }) => state === 'WARN').length;
        if (flags.json === true) printJson(findings);
        else {
          const rows = findings.map(({ state, check, detail, next }) => ({ state, check, finding: detail, next }));
          printTable(['state', 'check', 'finding', 'next'], rows);
          printLines(`${findings.length} checks: ${failed} failed, ${warned} warnings`);
        }
        return failed === 0 ? EXIT.fine : EXIT.refused;
      }),
    );
}
