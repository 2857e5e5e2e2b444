import type { Command } from 'commander';
import type { PastVersion } from '../../client/key-directory.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import type { ClientOptions } from '../client-options.ts';
import { openDirectory } from '../open-directory.ts';
import { EXIT } from '../exit-code.ts';
import { oneLine, printJson, printLines } from '../output/print.ts';
import { certificateJson, provenanceJson, provenanceText } from '../output/record-output.ts';
import { clientCommand, type RunClient } from './run-command.ts';

/** `history`: shows every version of an identity. */
export function historyCommand(program: Command, run: RunClient): void {
  clientCommand(
    program,
    'history <identity>',
    'show every version of an identity: its certificates, and who made it, as far as the log proves it',
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

function versionJson(past: PastVersion): object {
  const { version, commitment, fault, certificates, origin } = past;
  return {
    version,
    commitment: formatHex(commitment),
    ...provenanceJson(past),
    fault: fault?.message,
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

function versionLines(past: PastVersion): string[] {
  const { version, fault, certificates, origin } = past;
  const known = origin === undefined ? '' : `; ${ORIGINS[origin]}`;
  return [
    `version ${version}: ${provenanceText(past)}${known}`,
    ...(fault === undefined
      ? []
      : [`  WARNING: it does not follow from the version before: ${oneLine(fault.message)}`]),
    ...certificates.map(({ serial, spkiSha256 }) => `  ${serial}  key ${spkiSha256.slice(0, 16)}…`),
  ];
}
