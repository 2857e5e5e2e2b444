import { createPrivateKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createIssuingCa, createRoot, type Issuer, openIssuer } from '../ca/authority.ts';
import { readKeyFile } from '../ca/keys/key-file.ts';
import { readMlDsaKeyFile, writeMlDsaKeyFile } from '../ca/keys/ml-dsa-key-file.ts';
import { formatPem, parsePem } from '../ca/der/pem.ts';
import {
  type CipherSuite,
  cipherSuite,
  KT_128_SHA256_ED25519,
  KT_128_SHA256_P256,
} from '../core/crypto/cipher-suite.ts';
import type { MlDsaSigner } from '../core/crypto/ml-dsa.ts';
import { ML_DSA_SEED_LENGTH } from '../core/crypto/ml-dsa-sets.ts';
import type { Signer, SignerAlgorithm } from '../core/crypto/signer.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import type { LogKeys } from '../service/log/log-context.ts';
import { threadedVrfProver } from '../service/threads/threaded-vrf-prover.ts';
import { createFileOnce } from './create-key-file.ts';
import { type DataFolder, KEY_NAMES, type KeyName } from './data-folder.ts';
import { KeyRing } from './key-ring.ts';
import { type LaterCa, readLaterCas } from './later-cas.ts';
import type { TokenPurpose } from './settings/pkcs11.ts';

/** The keys of a running server. It needs neither the root key nor the bundle key: these can be offline. */
export interface ServerKeys {
  readonly log: LogKeys;
  /** The issuing CAs after the first, without URLs. */
  readonly laterCas: readonly LaterCa[];
  /** The root certificate, DER. */
  readonly root: Uint8Array;
  /** Ends the VRF thread, and logs out of the token. */
  close(): Promise<void>;
}

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

/** Algorithms of the keys for which `init` has an option. The others are Ed25519, the OCSP key P-256. */
export interface KeyKinds {
  readonly caKey: SignerAlgorithm;
  readonly suite: CipherSuite['keyAlgorithm'];
}

/** The option of `init` that decides the algorithm of a key. */
const KIND_OPTIONS: Readonly<Partial<Record<KeyName, keyof KeyKinds>>> = {
  root: 'caKey',
  issuer: 'caKey',
  'tree-head': 'suite',
  vrf: 'suite',
};

/** Returns the algorithm of the key for a purpose. */
export function kindOf(name: KeyName | TokenPurpose, kinds: KeyKinds): SignerAlgorithm {
  if (name === 'ocsp') return 'p256';
  const option = KIND_OPTIONS[name];
  return option === undefined ? 'ed25519' : kinds[option];
}

/**
 * Creates the missing key files: encrypted PKCS#8, mode 0600. Keys that the settings place in a token must be there.
 * Throws `usage` if an existing key has another algorithm, `hsm-refused`, `hsm-unavailable`.
 */
export async function createKeyFiles(
  folder: DataFolder,
  passphrase: string,
  keys: KeyRing,
  kinds: KeyKinds,
): Promise<void> {
  await Promise.all(
    KEY_NAMES.map(async (name) => {
      const kind = kindOf(name, kinds);
      const isMissing = keys.inToken(name) === undefined && !existsSync(folder.key(name));
      if (isMissing) return keys.create(name, passphrase, kind);
      const { algorithm } = await keys.signer(name);
      const flag = KIND_OPTIONS[name] === 'caKey' ? '--ca-key' : '--suite';
      ensure(algorithm === kind, 'usage', `this folder already has keys for ${flag} ${algorithm}`);
    }),
  );
}

/** Creates the ML-DSA-44 key of checkpoints if it is missing. */
export async function createMlDsaKey(folder: DataFolder, passphrase: string): Promise<void> {
  await createFileOnce(folder.mlDsaKey, (path) => writeMlDsaKeyFile(path, random(ML_DSA_SEED_LENGTH), passphrase));
}

/** Reads the ML-DSA-44 key of checkpoints; undefined if the log has none. Throws `bad-key-file`. */
export async function readMlDsaKey(folder: DataFolder, passphrase: string): Promise<MlDsaSigner | undefined> {
  return existsSync(folder.mlDsaKey) ? readMlDsaKeyFile(folder.mlDsaKey, passphrase, random) : undefined;
}

/** Creates the certificates of root and issuing CA if they are missing. */
export async function createCaCertificates(
  folder: DataFolder,
  keys: KeyRing,
  origin: string,
  nowMs: number,
): Promise<void> {
  const rootSigner = await keys.signer('root');
  const rootPem = await folder.readOrCreate(folder.certificate('root'), async () => {
    const root = await createRoot({ signer: rootSigner, commonName: commonName(origin, 'Root CA'), nowMs, random });
    return formatPem('CERTIFICATE', root.certificate.der);
  });
  await folder.readOrCreate(folder.certificate('issuer'), async () => {
    const root = openIssuer(parsePem('CERTIFICATE', rootPem), [], rootSigner);
    const signer = await keys.signer('issuer');
    const name = commonName(origin, 'Issuing CA');
    const issuer = await createIssuingCa({ signer, commonName: name, nowMs, random, root });
    return formatPem('CERTIFICATE', issuer.certificate.der);
  });
}

/** Returns a common name of at most 64 characters (RFC 5280 appendix A.1). */
function commonName(origin: string, role: string): string {
  return `${origin.slice(0, 50)} ${role}`;
}

/** Opens the keys of a running server. Throws `usage`, `bad-key-file`, `hsm-refused`, `hsm-unavailable`. */
export async function openServerKeys(folder: DataFolder, passphrase: string): Promise<ServerKeys> {
  const keys = await KeyRing.of(folder);
  try {
    return await openLogKeys(folder, passphrase, keys);
  } catch (error) {
    await keys.close();
    throw error;
  }
}

async function openLogKeys(folder: DataFolder, passphrase: string, keys: KeyRing): Promise<ServerKeys> {
  const [issuerSigner, treeHead, checkpoint, ocsp, checkpointMlDsa, vrfKey] = await Promise.all([
    keys.signer('issuer'),
    keys.signer('tree-head'),
    keys.signer('checkpoint'),
    keys.tokenSigner('ocsp'),
    readMlDsaKey(folder, passphrase),
    readKeyFile(folder.key('vrf'), passphrase),
  ]);
  const root = parsePem('CERTIFICATE', await readCertificate(folder, 'root'));
  const certificate = parsePem('CERTIFICATE', await readCertificate(folder, 'issuer'));
  const issuer: Issuer = openIssuer(certificate, [root], issuerSigner);
  const laterCas = await readLaterCas(folder, keys, root);
  const vrfSecret = secretKeyOf(vrfKey);
  const vrf = threadedVrfProver(suiteOf(treeHead).id, vrfSecret);
  const rowSeal = rowSealKey(vrfSecret);
  const close = async (): Promise<void> => {
    await Promise.all([vrf.close(), keys.close()]);
  };
  return { log: { treeHead, checkpoint, checkpointMlDsa, vrf, rowSeal, issuer, ocsp }, laterCas, root, close };
}

async function readCertificate(folder: DataFolder, name: 'root' | 'issuer'): Promise<string> {
  const pem = await folder.read(folder.certificate(name));
  ensure(pem !== undefined, 'bad-key-file', `${folder.certificate(name)} is missing`);
  return pem;
}

/** Returns the cipher suite that signs tree heads with such a key. Throws `bad-key-file` for P-384. */
export function suiteOf(treeHead: Signer): CipherSuite {
  const id = { ed25519: KT_128_SHA256_ED25519, p256: KT_128_SHA256_P256, p384: undefined }[treeHead.algorithm];
  if (id === undefined) throw new GlasskeyError('bad-key-file', 'no cipher suite signs tree heads with P-384');
  return cipherSuite(id);
}

/**
 * Derives the key that seals rows (docs/spec.md#sealed-rows). The VRF key is in a file of every server of the log, the
 * same for the log's whole life: so the derived key needs no file, no backup and no rotation of its own.
 */
function rowSealKey(vrfSecret: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', vrfSecret, new Uint8Array(0), 'glasskey row seal key v1', 32));
}

/** Returns the 32-byte secret of an Ed25519 or P-256 key, for the VRF. */
function secretKeyOf(key: KeyObject): Uint8Array {
  const { d } = createPrivateKey({ key: key.export({ format: 'pem', type: 'pkcs8' }) }).export({ format: 'jwk' });
  ensure(typeof d === 'string', 'bad-key-file', 'the VRF key must be an Ed25519 or a P-256 key');
  return new Uint8Array(Buffer.from(d, 'base64url'));
}
