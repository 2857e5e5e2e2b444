import type { Command } from 'commander';
import { parseEvidence } from '../../client/evidence/evidence-text.ts';
import { type ProvenMisbehaviour, verifyEvidence } from '../../client/evidence/verify-evidence.ts';
import { parseTrustBundle } from '../../contract/parse-trust-bundle.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { asUserInput, readInput } from '../client-options.ts';
import { EXIT } from '../exit-code.ts';
import { oneLine, printJson, printLines } from '../output.ts';

/** Runs a command that asks nobody: what fails is its own input. */
export type RunHere = (work: () => Promise<number>) => Promise<void>;

/** `glasskey evidence`: what other people's findings are worth. */
export function evidenceCommand(program: Command, run: RunHere): void {
  const evidence = program.command('evidence').description('check what others have found');
  evidence
    .command('verify <file>')
    .description(
      'does an evidence file prove that the log (or a witness) misbehaved? asks nobody; exit 2: it does, exit 1: it does not',
    )
    .requiredOption('--trust <file>', 'trust bundle of the log that is accused')
    .option('--json', 'print the verdict as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey evidence verify evidence.json --trust trust.json')
    .action((file: string, options: { trust: string; json?: boolean }) => run(() => verify(file, options)));
}

async function verify(file: string, { trust, json }: { trust: string; json?: boolean }): Promise<number> {
  const { bundle } = await asUserInput(trust, async () => parseTrustBundle(await readInput(trust)));
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
    '  nobody without its key can have made this evidence',
  ];
}
