import type { Command } from 'commander';
import { fingerprint } from '../../contract/bundle-signature.ts';
import { formatTrustBundle } from '../../contract/parse-trust-bundle.ts';
import { witnessingOf } from '../../core/audit/disjoint-quorums.ts';
import { parsePolicy } from '../../core/audit/policy.ts';
import { writeFileDurably } from '../../client/node.ts';
import { Transport } from '../../client/transport.ts';
import { fetchBundle } from '../../client/trust.ts';
import { type ClientOptions, serverOption } from '../client-options.ts';
import { recordingFetch } from '../evidence.ts';
import { EXIT } from '../exit-code.ts';
import { printLines } from '../output/print.ts';
import { witnessingLine } from '../output/witnessing-output.ts';
import type { RunClient } from './run-command.ts';

/** `trust`: shows the trust bundle of a server, and pins nothing. */
export function trustCommand(program: Command, run: RunClient): void {
  const trust = program
    .command('trust')
    .description('fetch the trust bundle of a server and show its fingerprint; nothing is pinned');
  serverOption(trust)
    .option('--out <file>', 'write the bundle to this file')
    .addHelpText('after', '\nExample:\n  $ glasskey trust --server https://keys.example --out trust.json')
    .action((options: ClientOptions & { out?: string }) =>
      run(options, async () => {
        const transport = new Transport({ server: options.server, fetch: recordingFetch, timeoutMs: 30_000 });
        const signed = await fetchBundle(transport);
        const text = formatTrustBundle(signed);
        if (options.out === undefined) printLines(text.trimEnd());
        else await writeFileDurably(options.out, text);
        process.stderr.write(
          `${signed.bundle.origin}: fingerprint ${fingerprint(signed.bundle)}\n` +
            'Next: compare it with the one that the operator publishes elsewhere; then --trust holds other commands to the file\n' +
            `${witnessingLine(witnessingOf(parsePolicy(signed.bundle.witnessPolicy)))}\n`,
        );
        return EXIT.fine;
      }),
    );
}
