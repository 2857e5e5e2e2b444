import { type Command, Option } from 'commander';
import type { CipherSuite } from '../../../core/crypto/cipher-suite.ts';
import type { SignerAlgorithm } from '../../../core/crypto/signer.ts';
import { EXIT } from '../../exit-code.ts';
import { printJson, printLines } from '../../output/print.ts';
import { DataFolder } from '../../../server/data-folder.ts';
import type { RunServer } from '../run-command.ts';

interface TokenFlags {
  readonly data: string;
  readonly caKey: SignerAlgorithm;
  readonly suite: CipherSuite['keyAlgorithm'];
  readonly json?: boolean;
}

/** `ca create-token-keys`: creates the keys of a future log in a PKCS #11 token. */
export function tokenKeysCommand(ca: Command, run: RunServer): void {
  ca.command('create-token-keys')
    .description(
      'create those keys of [pkcs11.keys] in glasskey.toml that the token does not hold yet; run it before init',
    )
    .requiredOption('--data <dir>', 'folder with glasskey.toml')
    .addOption(
      new Option('--ca-key <kind>', 'algorithm of the CA keys').choices(['p256', 'p384', 'ed25519']).default('p256'),
    )
    .addOption(new Option('--suite <name>', 'KEYTRANS cipher suite').choices(['ed25519', 'p256']).default('ed25519'))
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey ca create-token-keys --data /srv/glasskey')
    .action((flags: TokenFlags) =>
      run(async () => {
        const { createTokenKeys } = await import('../../../server/create-token-keys.ts');
        const keys = await createTokenKeys(new DataFolder(flags.data), flags);
        if (flags.json === true) printJson(keys);
        else
          printLines(
            ...keys.map((one) => `${one.made ? 'created' : 'found'} the ${one.purpose} key (${one.algorithm})`),
          );
        return EXIT.fine;
      }),
    );
}
