import {
  type Capabilities,
  type CiphersuiteImpl,
  type CredentialX509,
  type Extension,
  generateKeyPackageWithKey,
  type KeyPackage,
  type Lifetime,
  type PrivateKeyPackage,
} from 'ts-mls';
import { parseCertificate } from '../../ca/certificate.ts';
import { parsePemBlocks } from '../../ca/der/pem.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { IssuedCertificate } from '../binding/issued-certificate.ts';
import type { ClientKey } from '../client-key.ts';
import { deviceSuite, NO_PRIVATE_KEY } from './device-suite.ts';

/** A certificate with its chain, both PEM, as `register`, `rotate` and `renew` return them. */
export type DeviceCertificate = Pick<IssuedCertificate, 'certificate' | 'chain'>;

/** A device, as MLS needs it. */
export interface MlsDevice {
  readonly key: ClientKey;
  readonly issued: DeviceCertificate;
}

/** The contents of a KeyPackage beside the credential. */
export interface KeyPackageOptions {
  /** Default: MLS 1.0, this cipher suite, X.509 credentials, no extensions. */
  readonly capabilities?: Partial<Capabilities> | undefined;
  /** Seconds since the epoch. Default: the validity of the certificate. */
  readonly lifetime?: Lifetime | undefined;
  readonly extensions?: readonly Extension[] | undefined;
  readonly leafExtensions?: readonly Extension[] | undefined;
}

/** A KeyPackage to publish, and the private keys that a Welcome for it needs. Keep these secret. */
export interface NewKeyPackage {
  readonly publicPackage: KeyPackage;
  /** Its `signaturePrivateKey` is empty: `deviceSuite` signs. */
  readonly privatePackage: PrivateKeyPackage;
}

/**
 * Returns the X.509 credential of a certificate (RFC 9420 §5.3): the leaf and its issuer, without the root. Throws
 * `malformed-encoding` for other text than PEM, and `usage` without a certificate in it.
 */
export function credentialOf({ certificate, chain }: DeviceCertificate): CredentialX509 {
  const [leaf] = parsePemBlocks('CERTIFICATE', certificate);
  ensure(leaf !== undefined, 'usage', 'no CERTIFICATE in the PEM text');
  const issuers = chain.slice(0, -1).flatMap((pem) => parsePemBlocks('CERTIFICATE', pem).slice(0, 1));
  return { credentialType: 'x509', certificates: [leaf, ...issuers.slice(0, 1)] };
}

/** Returns the public key of a device as MLS writes it (RFC 9420 §5.1.1). Throws `usage` if it is not certified. */
export function signatureKeyOf({ key, issued }: MlsDevice): Uint8Array {
  const [leaf] = credentialOf(issued).certificates;
  const { spki, publicKey } = parseCertificate(leaf as Uint8Array);
  ensure(equalBytes(spki, key.spki), 'usage', 'the certificate is for another key');
  return publicKey.keyBits;
}

/**
 * Makes a KeyPackage of a device (RFC 9420 §10): leaf and issuer make most of its 1.2 to 1.4 KB, and companion keys in
 * the certificate add their length. The device's key signs it, and its private half is not in it. Throws `usage` for a
 * key that the certificate or the cipher suite does not fit, and what {@link credentialOf} throws.
 */
export async function makeKeyPackage(
  device: MlsDevice,
  cipherSuite: CiphersuiteImpl,
  options: KeyPackageOptions = {},
): Promise<NewKeyPackage> {
  const { capabilities, lifetime = lifetimeOf(device.issued), extensions = [], leafExtensions = [] } = options;
  const suite = deviceSuite(cipherSuite, device.key);
  return generateKeyPackageWithKey(
    credentialOf(device.issued),
    { ...leastCapabilities(cipherSuite), ...capabilities },
    lifetime,
    [...extensions],
    { signKey: NO_PRIVATE_KEY, publicKey: signatureKeyOf(device) },
    suite,
    [...leafExtensions],
  );
}

/** Members that know X.509 credentials alone keep every other kind out of the group (RFC 9420 §7.3). */
function leastCapabilities({ name }: CiphersuiteImpl): Capabilities {
  return { versions: ['mls10'], ciphersuites: [name], extensions: [], proposals: [], credentials: ['x509'] };
}

function lifetimeOf(issued: DeviceCertificate): Lifetime {
  const [leaf] = credentialOf(issued).certificates;
  const { notBeforeMs, notAfterMs } = parseCertificate(leaf as Uint8Array);
  return { notBefore: BigInt(Math.floor(notBeforeMs / 1000)), notAfter: BigInt(Math.floor(notAfterMs / 1000)) };
}
