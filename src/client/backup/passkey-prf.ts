import { encodeUtf8, formatBase64Url } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';

/**
 * The input of the passkey's PRF, the same for every backup: one prompt both logs in at a vault and opens the backup.
 * Each lock has a salt of its own. Browsers hash it with a context of WebAuthn (WebAuthn level 3, `prf`).
 */
export const PASSKEY_PRF_INPUT: Uint8Array = encodeUtf8('glasskey backup passkey v1');

/** The part of `navigator.credentials` that a passkey needs. */
export interface CredentialSource {
  get(options: object): Promise<unknown>;
}

/** For {@link askPasskey}. */
export interface PasskeyRequest {
  /** From the server that verifies the assertion: 16 bytes or more. */
  readonly challenge: Uint8Array;
  /** Ids of the passkeys to choose from. Empty: those that the device knows for this site. */
  readonly credentialIds: readonly Uint8Array[];
  /** The relying party's domain. Default: the page's. */
  readonly rpId?: string | undefined;
  /** Default: `navigator.credentials`. */
  readonly credentials?: CredentialSource | undefined;
}

/** A passkey's answer. */
export interface PasskeyAnswer {
  /** 32 bytes that open the backup. They never leave the device. */
  readonly prf: Uint8Array;
  readonly credentialId: Uint8Array;
  /**
   * The assertion for the server, as JSON (WebAuthn level 3, AuthenticationResponseJSON). It is without the results of
   * extensions: `credential.toJSON()` holds the PRF's output, and would hand the key to whoever keeps the backup.
   */
  readonly assertion: PasskeyAssertion;
}

/** An assertion without the results of extensions. Byte strings are base64url. */
export interface PasskeyAssertion {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly clientExtensionResults: Readonly<Record<string, never>>;
  readonly response: {
    readonly clientDataJSON: string;
    readonly authenticatorData: string;
    readonly signature: string;
    readonly userHandle?: string;
  };
}

/**
 * Asks the user for a passkey, with verification of the user, and for the output of its PRF. Throws
 * `platform-unsupported` where browser or passkey has no PRF, and what the browser throws, such as for a user who said
 * no.
 */
export async function askPasskey({
  challenge,
  credentialIds,
  rpId,
  credentials,
}: PasskeyRequest): Promise<PasskeyAnswer> {
  const source = credentials ?? platformCredentials();
  const allowCredentials = credentialIds.map((id) => ({ type: 'public-key', id: new Uint8Array(id) }));
  const found = await source.get({
    publicKey: {
      challenge: new Uint8Array(challenge),
      allowCredentials,
      userVerification: 'required',
      ...(rpId === undefined ? {} : { rpId }),
      extensions: { prf: { eval: { first: new Uint8Array(PASSKEY_PRF_INPUT) } } },
    },
  });
  return answerOf(found as BrowserCredential | null);
}

interface BrowserCredential {
  readonly rawId: ArrayBuffer;
  readonly response: Readonly<
    Record<'clientDataJSON' | 'authenticatorData' | 'signature', ArrayBuffer> & { userHandle?: ArrayBuffer | null }
  >;
  getClientExtensionResults(): { readonly prf?: { readonly results?: { readonly first?: ArrayBuffer } } };
}

function answerOf(found: BrowserCredential | null): PasskeyAnswer {
  const first = found?.getClientExtensionResults().prf?.results?.first;
  if (found === null || first === undefined || new Uint8Array(first).length !== 32) {
    const message = 'this browser or passkey has no PRF. Next: use another passkey, or a recovery code';
    throw new GlasskeyError('platform-unsupported', message);
  }
  const id = base64Url(found.rawId);
  const { clientDataJSON, authenticatorData, signature, userHandle } = found.response;
  const response = {
    clientDataJSON: base64Url(clientDataJSON),
    authenticatorData: base64Url(authenticatorData),
    signature: base64Url(signature),
    ...(userHandle ? { userHandle: base64Url(userHandle) } : {}),
  };
  return {
    prf: new Uint8Array(first),
    credentialId: new Uint8Array(found.rawId),
    assertion: { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response },
  };
}

function platformCredentials(): CredentialSource {
  const { navigator } = globalThis as { navigator?: { credentials?: CredentialSource } };
  const source = navigator?.credentials;
  const message = 'this platform has no passkeys. Next: serve the page over https, or give `credentials`';
  ensure(source !== undefined, 'platform-unsupported', message);
  return source;
}

function base64Url(buffer: ArrayBuffer): string {
  return formatBase64Url(new Uint8Array(buffer));
}
