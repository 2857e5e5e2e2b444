import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { distributionPointsOf } from '../../src/ca/path/crl-coverage.ts';
import { nameKey } from '../../src/ca/path/general-name.ts';
import { checkRevocation, parseAnchors, parsePemBlocks, validatePath } from '../../src/ca/path/index.ts';
import { parseCrl } from '../../src/ca/path/parse-crl.ts';
import { parsePathCertificate } from '../../src/ca/path/path-certificate.ts';
import type { RelativeNames } from '../../src/ca/path/relative-names.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { PKITS_SETTINGS, type PkitsSettings } from './pkits-settings.ts';
import { packageFolder, pythonWithPackages } from './python-packages.ts';

/** Valid paths that the validator refuses, and why. */
const MISSES: Readonly<Record<string, string>> = {
  ValidDSASignaturesTest4: 'DSA is not verified: no platform of WebCrypto has it',
  ValidDSAParameterInheritanceTest5: 'DSA is not verified: no platform of WebCrypto has it',
  ValidcRLIssuerTest30:
    "only the CRL issuer's own CRL says that its certificate is not revoked: whoever stole the key says so",
};

const AT_MS = Date.UTC(2011, 3, 15);
const ANY_POLICY = '2.5.29.32.0';
const folder = mkdtempSync(join(tmpdir(), 'glasskey-pkits-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Known<T> {
  readonly der: Uint8Array;
  readonly read: T;
}

/** The files of a folder that can be read, without end entities. */
function readAll<T>(place: string, parse: (der: Uint8Array) => T): Known<T>[] {
  return readdirSync(place)
    .filter((name) => !name.endsWith('EE.crt'))
    .flatMap((name) => {
      const der = new Uint8Array(readFileSync(join(place, name)));
      try {
        return [{ der, read: parse(der) }];
      } catch (error) {
        if (isGlasskeyError(error)) return [];
        throw error;
      }
    });
}

const keyOf = (value: RelativeNames): string => nameKey({ kind: 'directory', value });
const readCertificate = (der: Uint8Array) => parsePathCertificate(der, 'rfc5280');

/** The directory: what has to do with an end entity, from its issuer's name upwards. */
class Directory {
  readonly #place: string;
  readonly #cas;
  readonly #crls;

  constructor(place: string) {
    this.#place = place;
    this.#cas = readAll(join(place, 'certs'), readCertificate);
    this.#crls = readAll(join(place, 'crls'), parseCrl);
  }

  certificate(name: string): Uint8Array {
    return new Uint8Array(readFileSync(join(this.#place, 'certs', `${name}.crt`)));
  }

  endEntities(): readonly string[] {
    const names = readdirSync(join(this.#place, 'certs')).filter((name) => name.endsWith('EE.crt'));
    return names.map((name) => name.slice(0, -'EE.crt'.length));
  }

  /** The CAs and CRLs above an end entity; none for one that cannot be read. */
  above(leaf: Uint8Array): { certificates: readonly Uint8Array[]; crls: readonly Uint8Array[] } {
    const names = new Set<string>();
    const found = new Set<Uint8Array>();
    let open = [{ der: leaf, read: tryRead(leaf) }];
    while (open.length > 0) {
      for (const { read } of open) for (const name of read === undefined ? [] : issuersOf(read)) names.add(name);
      open = this.#cas.filter(({ der, read }) => names.has(keyOf(read.subject)) && !found.has(der));
      for (const { der } of open) found.add(der);
    }
    const crls = this.#crls.filter(({ read }) => names.has(keyOf(read.issuer)));
    return { certificates: [...found], crls: crls.map(({ der }) => der) };
  }
}

type Certificate = ReturnType<typeof readCertificate>;

/** The names of a certificate's issuer and of those of its CRLs. */
function issuersOf(certificate: Certificate): readonly string[] {
  const others = distributionPointsOf(certificate).flatMap(({ crlIssuers = [] }) => crlIssuers);
  return [certificate.issuer, ...others].map(keyOf);
}

function tryRead(der: Uint8Array): Certificate | undefined {
  try {
    return readCertificate(der);
  } catch {
    return undefined;
  }
}

async function isAccepted(directory: Directory, name: string, settings: PkitsSettings): Promise<boolean> {
  const leaf = directory.certificate(`${name}EE`);
  const { certificates, crls } = directory.above(leaf);
  const { valid: _, policies = [], ...more } = settings;
  const accepted = policies.length === 0 ? [ANY_POLICY] : policies.map((n) => `2.16.840.1.101.3.2.1.48.${n}`);
  try {
    await validatePath({
      leaf,
      anchors: [directory.certificate('TrustAnchorRootCertificate')],
      intermediates: certificates,
      atMs: AT_MS,
      profile: 'rfc5280',
      policies: new Set(accepted),
      ...more,
      accept: (path) => checkRevocation(path, crls, AT_MS, { certificates, profile: 'rfc5280' }),
    });
    return true;
  } catch (error) {
    if (isGlasskeyError(error)) return false;
    throw error;
  }
}

let python: string | undefined;
try {
  python = pythonWithPackages(folder);
} catch (error) {
  if (process.env['CI'] !== undefined) throw error;
}

describe.skipIf(python === undefined)("other people's certificates, from PyPI", () => {
  it(
    'PKITS by NIST: at least 246 of 249 tests agree, and nothing invalid is accepted',
    { timeout: 300_000 },
    async () => {
      const place = join(packageFolder(python ?? '', 'cryptography_vectors'), 'x509/PKITS_data');
      const directory = new Directory(place);
      const [missed, wrong]: [string[], string[]] = [[], []];
      let count = 0;
      for (const name of directory.endEntities()) {
        for (const settings of PKITS_SETTINGS[name] ?? [{ valid: name.startsWith('Valid') }]) {
          count += 1;
          // eslint-disable-next-line no-await-in-loop -- one validation at a time
          const accepted = await isAccepted(directory, name, settings);
          if (accepted && !settings.valid) wrong.push(name);
          if (!accepted && settings.valid) missed.push(name);
        }
      }
      expect(count).toBe(249);
      expect(wrong).toEqual([]);
      expect(missed.toSorted()).toEqual(Object.keys(MISSES).toSorted());
    },
  );

  it("Mozilla's roots in certifi are all readable as anchors", () => {
    const text = readFileSync(join(packageFolder(python ?? '', 'certifi'), 'cacert.pem'), 'utf8');
    const { readable, unreadable } = parseAnchors(parsePemBlocks('CERTIFICATE', text, 1_024));
    expect(unreadable).toEqual([]);
    expect(readable.length).toBeGreaterThan(100);
    expect(readable.filter(({ flaw }) => flaw !== undefined)).toEqual([]);
  });
});
