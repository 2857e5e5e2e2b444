import { formatPem } from '../../../src/ca/der/pem.ts';
import { noteSigner } from '../../../src/core/audit/note.ts';
import { formatVkey } from '../../../src/core/audit/vkey.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import type { Signer } from '../../../src/core/crypto/signer.ts';
import { encodeUtf8, formatBase64 } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import { bundleMessage, canonicalBundle } from '../../../src/contract/bundle-signature.ts';
import { formatTrustBundle } from '../../../src/contract/parse-trust-bundle.ts';
import type { SignedTrustBundle, TrustBundle } from '../../../src/contract/trust-bundle.ts';
import { managedConfiguration, referenceConfiguration } from '../../support/reference-log.ts';
import type { History } from './history.ts';
import { ORIGIN, seededSigner } from './keys.ts';
import { hex, type OwnCase, type OwnFile, refused } from './own-file.ts';

const FIRST = seededSigner(41);
const SECOND = seededSigner(42);

function makeBundle({ issuer }: History): TrustBundle {
  return {
    format: 1,
    sequence: 1,
    origin: ORIGIN,
    publicUrl: 'https://keys.example',
    roots: issuer.chain.slice(-1).map((der) => formatPem('CERTIFICATE', der)),
    issuers: [formatPem('CERTIFICATE', issuer.certificate.der)],
    keytransConfiguration: formatBase64(encode(configurationCodec, referenceConfiguration(21_600_000))),
    auditLogVkeys: [formatVkey(noteSigner(ORIGIN, seededSigner(32)).vkey)],
    witnessPolicy: 'quorum none',
    recoveryDelayMs: 604_800_000,
    identityRules: { localPart: 'fold-lower-case', uriSchemes: ['https'] },
    bundleKey: formatBase64(FIRST.publicKey),
  };
}

/** A bundle with the signatures of `signers`, whatever they are worth. */
async function sign(bundle: TrustBundle, ...signers: readonly Signer[]): Promise<SignedTrustBundle> {
  const signatures = signers.map(async (signer) => ({
    key: formatBase64(signer.publicKey),
    signature: formatBase64(await signer.sign(bundleMessage(bundle))),
  }));
  return { bundle, signatures: await Promise.all(signatures) };
}

/** Trust bundles as they are served. */
export async function makeTrustBundles(history: History): Promise<OwnFile> {
  const bundle = makeBundle(history);
  const { publicUrl: _, ...withoutUrl } = bundle;
  const good = await sign(bundle, FIRST);
  const text = formatTrustBundle(good);
  const both = await sign({ ...bundle, bundleKey: formatBase64(SECOND.publicKey) }, SECOND, FIRST);
  const accepted = (name: string, { bundle: of, signatures }: SignedTrustBundle): OwnCase => {
    const canonical = canonicalBundle(of);
    const fingerprint = hex(sha256(encodeUtf8(canonical)));
    return { name, input: { text: formatTrustBundle({ bundle: of, signatures }) }, expect: { canonical, fingerprint } };
  };
  const bad = (name: string, changed: string): OwnCase => refused(name, { text: changed }, 'bad-bundle');
  const made = async (name: string, change: object, ...signers: readonly Signer[]): Promise<OwnCase> =>
    bad(name, formatTrustBundle(await sign({ ...bundle, ...change }, ...(signers.length > 0 ? signers : [FIRST]))));
  return {
    primitive: 'trust-bundle',
    notes: [
      'input.text: what /.well-known/glasskey serves. expect.canonical: the RFC 8785 JSON that is signed after',
      '"glasskey bundle v1" || 0x00; expect.fingerprint: its SHA-256, hex. Accepted means whole, not trusted.',
    ],
    cases: [
      accepted('signed by its own key', good),
      accepted('without a public URL', await sign(withoutUrl, FIRST)),
      accepted('signed by its own key and by the one before it', both),
      bad('with another root, signatures as they were', text.replace('604800000', '604800001')),
      await made('signed by another key only', {}, SECOND),
      await made('signed twice by one key', {}, FIRST, FIRST),
      bad('without a signature', formatTrustBundle({ bundle, signatures: [] })),
      await made('with a member that is not known', { expires: 1 }),
      await made('of format 2', { format: 2 }),
      await made('with a space in its origin', { origin: 'log example' }),
      await made('with a public URL that ends in a slash', { publicUrl: 'https://keys.example/' }),
      await made('without a root', { roots: [] }),
      await made('with a Configuration that is none', { keytransConfiguration: formatBase64(new Uint8Array(9)) }),
      await made('with a vkey that is none', { auditLogVkeys: ['log.example'] }),
      await made('with schemes that do not ascend', {
        identityRules: { localPart: 'fold-lower-case', uriSchemes: ['urn', 'https'] },
      }),
      bad('that is no JSON', text.slice(0, -3)),
    ],
  };
}

/** Whether a client that pinned one bundle accepts another. */
export async function makeBundleSuccessors(history: History): Promise<OwnFile> {
  const bundle = makeBundle(history);
  const pinned = await sign(bundle, FIRST);
  const next: TrustBundle = { ...bundle, sequence: 2, publicUrl: 'https://log.example' };
  const replaced: TrustBundle = { ...next, bundleKey: formatBase64(SECOND.publicKey) };
  const other = formatBase64(encode(configurationCodec, managedConfiguration(21_600_000)));
  const input = (of: SignedTrustBundle): OwnCase['input'] => {
    return { pinned: formatTrustBundle(pinned), next: formatTrustBundle(of) };
  };
  const accepted = (name: string, of: SignedTrustBundle): OwnCase => {
    return { name, input: input(of), expect: { sequence: of.bundle.sequence } };
  };
  const changed = async (name: string, of: TrustBundle, ...signers: readonly Signer[]): Promise<OwnCase> =>
    refused(name, input(await sign(of, ...(signers.length > 0 ? signers : [FIRST]))), 'bundle-changed');
  return {
    primitive: 'bundle-successor',
    notes: ['input.pinned: the bundle that a client holds; input.next: the one that the server gives now.'],
    cases: [
      accepted('the same', pinned),
      accepted('the next, signed by the pinned key', await sign(next, FIRST)),
      accepted('with another bundle key, signed by both', await sign(replaced, SECOND, FIRST)),
      await changed('with another bundle key, signed by that alone', replaced, SECOND),
      await changed('changed, with the same sequence number', { ...next, sequence: 1 }),
      await changed('older', { ...next, sequence: 0 }),
      await changed('of another log', { ...next, origin: 'log.example/other' }),
      await changed('with other rules of identities', {
        ...next,
        identityRules: { ...bundle.identityRules, uriSchemes: [] },
      }),
      await changed('with another Configuration', { ...next, keytransConfiguration: other }),
    ],
  };
}
