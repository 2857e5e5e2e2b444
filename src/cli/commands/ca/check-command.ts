import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { PurposeOid } from '../../../ca/der/oids.ts';
import { parseOcspRequest } from '../../../ca/ocsp/ocsp-request.ts';
import { validatePath } from '../../../ca/path/build-path.ts';
import { checkOcsp } from '../../../ca/path/check-ocsp.ts';
import { checkRevocation } from '../../../ca/path/check-revocation.ts';
import type { PathCertificate, PathProfile } from '../../../ca/path/path-certificate.ts';
import type { PeerNames } from '../../../ca/path/peer-checks.ts';
import { MAX_ANCHORS, parseAnchors, type TrustAnchors } from '../../../ca/path/trust-anchors.ts';
import { parsePemBlocks } from '../../../ca/der/pem.ts';
import { decodeUtf8 } from '../../../core/encoding/bytes.ts';
import { ensure } from '../../../core/errors.ts';
import { asUserInput, readInput } from '../../../server/user-input.ts';
import { EXIT, exitCodeOf, reportFailure } from '../../exit-code.ts';
import { oneLine, printJson, printLines } from '../../output/print.ts';
import type { RunServer } from '../run-command.ts';

interface Flags extends PeerNames {
  readonly root: string;
  readonly chain?: string;
  readonly crl?: readonly string[];
  readonly ocsp?: readonly string[];
  readonly ocspRequest?: string;
  readonly purpose?: keyof typeof PurposeOid;
  readonly profile?: PathProfile;
  readonly at?: number;
  readonly json?: boolean;
}

const PURPOSES = ['clientAuth', 'serverAuth', 'emailProtection', 'imUri'] as const;

/** `ca check`: validates a certificate as a program does that knows X.509 but no log. */
export function checkCommand(ca: Command, run: RunServer): void {
  ca.command('check <certificate>')
    .description('validate the path of a certificate to a root, and its revocation if you give CRLs or OCSP responses')
    .requiredOption('--root <file>', 'trusted root certificates, PEM')
    .option('--chain <file>', 'certificates of the intermediate CAs, PEM')
    .option('--crl <files...>', 'CRLs and delta CRLs, PEM or DER: one must cover the certificate and not list it')
    .option('--ocsp <files...>', 'OCSP responses, DER: one must cover the certificate and call it good')
    .option('--ocsp-request <file>', 'OCSP request, DER: the responses must repeat its nonce')
    .option('--purpose <name>', `required purpose: ${PURPOSES.join(', ')}`, parsePurpose)
    .option('--host <name>', 'domain name that the certificate must be for')
    .option('--ip <address>', 'IP address that the certificate must be for')
    .option('--email <address>', 'mail address that the certificate must be for')
    .option('--uri <uri>', 'URI that the certificate must be for')
    .addOption(profileOption())
    .option('--at <time>', 'time to validate at, such as 2026-11-23T12:00:00Z; default: now', parseTime)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ glasskey ca check alice.pem --root root.pem --chain issuer.pem --crl issuer.crl',
    )
    .action((file: string, flags: Flags) => run(() => judge(file, flags)));
}

/** The option that chooses the rules of a path. */
export function profileOption(): Option {
  return new Option('--profile <name>', 'strict: as Glasskey issues; rfc5280: what RFC 5280 makes a validator check')
    .choices(['strict', 'rfc5280'])
    .default('strict');
}

/** Exits with 2 if the certificate does not validate, like every command that verifies; a missing file exits with 1. */
async function judge(file: string, flags: Flags): Promise<number> {
  try {
    return await check(file, flags);
  } catch (error) {
    if (exitCodeOf(error) !== EXIT.misbehaviour) throw error;
    reportFailure(error);
    return EXIT.misbehaviour;
  }
}

async function check(file: string, flags: Flags): Promise<number> {
  const [leaf] = await certificates(file);
  ensure(leaf !== undefined, 'usage', `${file} holds no certificate in PEM`);
  const isAsked = flags.ocspRequest === undefined || flags.ocsp !== undefined;
  ensure(isAsked, 'usage', '--ocsp-request needs --ocsp: give the responses as well');
  const [crls, responses] = [await readAll(flags.crl, 'X509 CRL'), await readAll(flags.ocsp)];
  const nonce = flags.ocspRequest === undefined ? undefined : await nonceOf(flags.ocspRequest);
  const atMs = flags.at ?? Date.now();
  const intermediates = flags.chain === undefined ? [] : await certificates(flags.chain);
  const accept = async (path: readonly PathCertificate[]): Promise<void> => {
    if (crls.length > 0)
      await checkRevocation(path, crls, atMs, { certificates: intermediates, profile: flags.profile });
    if (responses.length > 0) await checkOcsp(path, responses, { atMs, nonce });
  };
  const { path } = await validatePath({
    leaf,
    anchors: await readRoots(flags.root),
    intermediates,
    atMs,
    purpose: flags.purpose && PurposeOid[flags.purpose],
    profile: flags.profile,
    host: flags.host,
    ip: flags.ip,
    email: flags.email,
    uri: flags.uri,
    accept,
  });
  const serials = path.map(({ contents }) => contents.serial);
  const revocation = [...(crls.length > 0 ? ['crl'] : []), ...(responses.length > 0 ? ['ocsp'] : [])];
  if (flags.json === true) printJson({ path: serials, revocation, at: new Date(atMs).toISOString() });
  else printLines(...lines(file, serials, revocation));
  return EXIT.fine;
}

function lines(file: string, serials: readonly string[], revocation: readonly string[]): string[] {
  const looked =
    revocation.length > 0
      ? `not revoked by ${revocation.join(' and ')}`
      : 'revocation was not checked (give --crl or --ocsp)';
  return [`${oneLine(file)} is valid, ${looked}`, ...serials.map((serial) => `  ${serial}`)];
}

async function nonceOf(file: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(await readFile(file));
  const { nonce } = await asUserInput(file, () => parseOcspRequest(bytes));
  ensure(nonce !== undefined, 'usage', `the OCSP request in ${file} has no nonce: leave out --ocsp-request`);
  return nonce;
}

/** Reads the file of trusted roots, and warns of each that cannot be read. */
async function readRoots(file: string): Promise<TrustAnchors> {
  const text = await readInput(file);
  const roots = await asUserInput(file, () => parseAnchors(parsePemBlocks('CERTIFICATE', text, MAX_ANCHORS)));
  for (const { index, error } of roots.unreadable) {
    process.stderr.write(`warning: root ${index + 1} in ${oneLine(file)} is not used: ${error.message}\n`);
  }
  return roots;
}

async function certificates(file: string): Promise<Uint8Array[]> {
  const text = await readInput(file);
  return asUserInput(file, () => parsePemBlocks('CERTIFICATE', text));
}

/** Reads files that hold DER, or PEM blocks with `label`. */
async function readAll(files: readonly string[] = [], label?: string): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for (const file of files) {
    const bytes = new Uint8Array(await readFile(file));
    const isPem = label !== undefined && bytes[0] === '-'.charCodeAt(0);
    all.push(...(isPem ? await asUserInput(file, () => parsePemBlocks(label, decodeUtf8(bytes))) : [bytes]));
  }
  return all;
}

function parsePurpose(text: string): keyof typeof PurposeOid {
  const purpose = PURPOSES.find((one) => one === text);
  if (purpose === undefined) throw new InvalidArgumentError(`give one of ${PURPOSES.join(', ')}`);
  return purpose;
}

function parseTime(text: string): number {
  const timeMs = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(timeMs)) throw new InvalidArgumentError('give a time such as 2026-11-23T12:00:00Z');
  return timeMs;
}
