import type { Command } from 'commander';
import { parseEvidence } from '../../client/evidence/evidence-text.ts';
import { type ProvenMisbehaviour, verifyEvidence } from '../../client/evidence/verify-evidence.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { readInput } from '../../server/user-input.ts';
import { readBundleFile } from '../open-directory.ts';
import { EXIT } from '../exit-code.ts';
import { oneLine, printJson, printLines } from '../output/print.ts';
import type { RunServer } from './run-command.ts';

/** `evidence verify`: checks a finding of somebody else; it asks no server. */
export function evidenceCommand(program: Command, run: RunServer): void {
  const evidence = program.command('evidence').description('check evidence of misbehaviour that others have found');
  evidence
    .command('verify <file>')
    .description(
      'verify offline whether an evidence file proves misbehaviour of the log or a witness (exit 2), or not (exit 1)',
    )
    .requiredOption('--trust <file>', 'trust bundle of the accused log')
    .option('--json', 'print the verdict as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey evidence verify evidence.json --trust trust.json')
    .action((file: string, options: { trust: string; json?: boolean }) => run(() => verify(file, options)));
}

async function verify(file: string, { trust, json }: { trust: string; json?: boolean }): Promise<number> {
  const { bundle } = await readBundleFile(trust);
  const text = await readInput(file);
  try {
    const proven = verifyEvidence(parseEvidence(text), bundle);
    if (json === true) printJson({ proven: true, ...proven });
    else printLines(...provenLines(proven));
    return EXIT.misbehaviour;
  } catch (error) {
    if (json === true && isGlasskeyError(error)) printJson({ proven: false, code: error.code, message: error.message });
    throw error;
  }
}

function provenLines({ origin, code, message, parties }: ProvenMisbehaviour): string[] {
  return [
    `PROVEN: misbehaviour in the log ${origin} (${code})`,
    ...parties.map((party) => `  ${oneLine(party)} ${oneLine(message)}`),
    '  only the holder of its key can have produced this evidence',
  ];
}
