import type { Command } from 'commander';
import type { PastVersion } from '../../client/key-directory.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import { type ClientOptions, openDirectory } from '../client-options.ts';
import { EXIT } from '../exit-code.ts';
import { printJson, printLines } from '../output/print.ts';
import { authorizationJson, authorizationText, certificateJson } from '../output/record-output.ts';
import { clientCommand, type RunClient } from './run-command.ts';

/** `history`: shows every version of an identity. */
export function historyCommand(program: Command, run: RunClient): void {
  clientCommand(
    program,
    'history <identity>',
    'show every version of an identity: its certificates, and who authorised it',
    'glasskey history alice@example.com --server https://keys.example',
  )
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: ClientOptions & { readonly json?: boolean }) =>
      run(options, async () => {
        const directory = await openDirectory(options);
        const { versions, treeSize, identity: canonical } = await directory.history(identity);
        if (options.json === true) printJson({ identity: canonical, treeSize, versions: versions.map(versionJson) });
        else
          printLines(
            `${canonical}: ${versions.length} ${versions.length === 1 ? 'version' : 'versions'}`,
            ...versions.flatMap(versionLines),
          );
        return EXIT.fine;
      }),
    );
}

function versionJson({ version, commitment, authorization, certificates, origin }: PastVersion): object {
  return {
    version,
    commitment: formatHex(commitment),
    authorization: authorizationJson(authorization),
    origin,
    certificates: certificates.map(certificateJson),
  };
}

/** The origins of an own version, for people. */
const ORIGINS: Readonly<Record<NonNullable<PastVersion['origin']>, string>> = {
  made: 'made by you',
  adopted: 'adopted as yours without a check',
  maintenance: 'maintenance of your certificates',
  unexpected: 'NOT made by you',
  acknowledged: 'not made by you, and acknowledged',
};

function versionLines({ version, authorization, certificates, origin }: PastVersion): string[] {
  const known = origin === undefined ? '' : `; ${ORIGINS[origin]}`;
  return [
    `version ${version}: ${authorizationText(authorization)}${known}`,
    ...certificates.map(({ serial, spkiSha256 }) => `  ${serial}  key ${spkiSha256.slice(0, 16)}…`),
  ];
}
