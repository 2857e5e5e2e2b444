import { resolve } from 'node:path';
import type { Command } from 'commander';
import { assertFingerprint, readFingerprint } from '../../client/pinned-log.ts';
import { serverBase, Transport } from '../../client/transport.ts';
import { fetchBundle } from '../../client/trust.ts';
import { fingerprint as fingerprintOf } from '../../contract/bundle-signature.ts';
import { formatTrustBundle, parseTrustBundle } from '../../contract/parse-trust-bundle.ts';
import type { TrustBundle } from '../../contract/trust-bundle.ts';
import { witnessingOf } from '../../core/audit/disjoint-quorums.ts';
import { parsePolicy } from '../../core/audit/policy.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';
import { settledState, stateFolder } from '../client-options.ts';
import { recordingFetch } from '../evidence.ts';
import { EXIT } from '../exit-code.ts';
import { openDirectory } from '../open-directory.ts';
import { printJson, printLines } from '../output/print.ts';
import { witnessingLine } from '../output/witnessing-output.ts';
import { readRemembered, rememberedFile, type RememberedServer, writeRemembered } from '../remembered-server.ts';
import type { RunClient } from './run-command.ts';

interface BootstrapOptions {
  readonly fingerprint?: string;
  readonly state?: string;
  readonly replace?: boolean;
  readonly json?: boolean;
}

/** The server and state to remember. */
interface Place {
  readonly server: string;
  readonly state?: string;
}

/** `bootstrap`: pins a server's trust bundle by its fingerprint, and remembers the server for other commands. */
export function bootstrapCommand(program: Command, run: RunClient): void {
  program
    .command('bootstrap <url>')
    .description(
      'pin the trust bundle of a server that has a fingerprint, and remember the server: other commands then need no\n' +
        '--server. Without --fingerprint, show what the server has, and trust nothing',
    )
    .option('--fingerprint <hex>', 'fingerprint that the operator published or told you by another way')
    .option('--state <dir>', 'folder for the state of this client; default: $GLASSKEY_STATE, else one for each server')
    .option('--replace', 'forget the server or log that is remembered now')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `\nExample:\n  $ glasskey bootstrap https://keys.example --fingerprint ${'8d0ad1fc'.repeat(8)}`,
    )
    .action((url: string, options: BootstrapOptions) => {
      const state = settledState(options.state);
      const place: Place = { server: url, ...(state === undefined ? {} : { state: resolve(state) }) };
      return run(place, () => bootstrap(place, options));
    });
}

async function bootstrap(place: Place, options: BootstrapOptions): Promise<number> {
  const { fingerprint } = options;
  const wanted = fingerprint === undefined ? undefined : readFingerprint(fingerprint);
  const transport = new Transport({ server: place.server, fetch: recordingFetch, timeoutMs: 30_000 });
  const signed = await fetchBundle(transport);
  const { bundle } = signed;
  if (wanted === undefined) return showOnly(place.server, bundle, options);
  const asked = { ...place, server: serverBase(place.server) };
  assertFingerprint(wanted, bundle, [], undefined);
  if (options.replace !== true) assertSame(await readRemembered(), asked, bundle);
  await openDirectory(place, { fingerprint: wanted });
  await writeRemembered({ ...asked, fingerprint: wanted, bundle: formatTrustBundle(signed) });
  report(asked, bundle, options);
  return EXIT.fine;
}

/** Throws `usage` if another server, state or log is remembered. */
function assertSame(remembered: RememberedServer | undefined, asked: Place, bundle: TrustBundle): void {
  if (remembered === undefined) return;
  const { origin } = parseTrustBundle(remembered.bundle).bundle;
  const isSame = remembered.server === asked.server && remembered.state === asked.state && origin === bundle.origin;
  ensure(
    isSame,
    'usage',
    `${rememberedFile()} remembers ${remembered.server} with the log ${origin} and the state in ` +
      `${stateFolder(remembered as Place)}. Next: keep it and give --server and --state, or repeat this with --replace`,
  );
}

/** Shows what the server has. Throws `usage`: nothing is trusted until the user has compared the fingerprint. */
function showOnly(server: string, bundle: TrustBundle, { json }: BootstrapOptions): never {
  const fingerprint = fingerprintOf(bundle);
  if (json === true) printJson({ origin: bundle.origin, fingerprint, trusted: false });
  else
    printLines(
      `${server} shows the log ${bundle.origin}`,
      `  fingerprint of its trust bundle: ${fingerprint}`,
      `  ${witnessingLine(witnessingOf(parsePolicy(bundle.witnessPolicy)))}`,
    );
  throw new GlasskeyError(
    'usage',
    'nothing is trusted yet. Next: compare the fingerprint with the one that the operator publishes elsewhere, or that ' +
      '`glasskey serve` printed at its start, and repeat this with --fingerprint <hex>',
  );
}

function report(place: Place, bundle: TrustBundle, { json }: BootstrapOptions): void {
  const folder = stateFolder(place);
  const { server } = place;
  if (json === true) printJson({ origin: bundle.origin, server, state: folder, trusted: true });
  else
    printLines(
      `${bundle.origin}: trusted, by its fingerprint`,
      `  server, from now on for every command without --server: ${server}`,
      `  what this client learns: ${folder}`,
      `  ${witnessingLine(witnessingOf(parsePolicy(bundle.witnessPolicy)))}`,
      'Next: `glasskey register` a name of yours, or `glasskey lookup` somebody',
    );
}
