import type { Command } from 'commander';
import { parseCertificate } from '../../ca/certificate.ts';
import { parsePemBlocks } from '../../ca/der/pem.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import type { ClientOptions } from '../client-options.ts';
import { openDirectory } from '../open-directory.ts';
import { asUserInput, readInput } from '../../server/user-input.ts';
import { recordKnown } from '../evidence.ts';
import { CertificateIsOver, EXIT } from '../exit-code.ts';
import { bindingJson, bindingLines } from '../output/binding-output.ts';
import { printJson, printLines } from '../output/print.ts';
import { clientCommand, type RunClient } from './run-command.ts';

/** `verify`: compares a certificate with the current record of its identity. */
export function verifyCommand(program: Command, run: RunClient): void {
  clientCommand(
    program,
    'verify <certificate>',
    'verify that a certificate (PEM file) is in the current record of its identity',
    'glasskey verify bob.pem --server https://keys.example',
  )
    .option('--json', 'print the result as JSON')
    .action((file: string, options: ClientOptions & { readonly json?: boolean }) =>
      run(options, async () => {
        const pem = await readInput(file);
        const blocks = await asUserInput(file, () => parsePemBlocks('CERTIFICATE', pem));
        const [first] = blocks;
        ensure(first !== undefined, 'usage', `${file} holds no certificate in PEM`);
        await asUserInput(file, () => parseCertificate(first));
        recordKnown({ certificate: pem });
        const directory = await openDirectory(options);
        const binding = await directory.verifyCertificate(pem).catch(async (error: unknown) => {
          if (!isGlasskeyError(error, 'certificate-expired') || !isOver(first)) throw error;
          // Throws if the log shows that the clock here is wrong: then nothing is known of the certificate.
          await directory.heads();
          throw new CertificateIsOver(error);
        });
        if (options.json === true) printJson({ verified: true, ...bindingJson(binding) });
        else printLines('verified: the certificate is in the current record', ...bindingLines(binding));
        return EXIT.fine;
      }),
    );
}

/** Returns true for an expired certificate, but not for one that is not valid yet: a slow clock shows that as well. */
function isOver(der: Uint8Array): boolean {
  return parseCertificate(der).notAfterMs < Date.now();
}
