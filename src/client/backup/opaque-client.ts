import { parseBase64Url } from '../../core/encoding/bytes.ts';
import { ensure, GlasskeyError } from '../../core/errors.ts';

/** The two parties: both names go into OPAQUE, so that a record is worth nothing elsewhere (RFC 9807 §3). */
export interface OpaqueParties {
  /** The user's name, canonical. */
  readonly client: string;
  /** The vault's name, canonical. */
  readonly server: string;
}

/** The outcome of OPAQUE for the right password. */
export interface OpaqueResult {
  /** The last message to the server: the record at registration, the proof at login. */
  readonly message: string;
  /** 64 bytes that follow from password and vault, and that the vault never sees. */
  readonly exportKey: Uint8Array;
  /** The static public key of the server, 32 bytes. */
  readonly serverKey: Uint8Array;
}

/** The first message of a run, and what answers the server's reply to it. */
export interface OpaqueRun {
  readonly request: string;
  /** Takes the server's untrusted reply. Returns undefined for a wrong password, or a server that does not know it. */
  readonly finish: (reply: string) => OpaqueResult | undefined;
}

/**
 * Argon2id inside of OPAQUE: the second recommendation of RFC 9106 §4, with 64 MiB, 3 passes and 4 lanes. It is part of
 * the format: another cost gives another export key.
 */
export const PASSWORD_STRETCHING = { memory: 65_536, iterations: 3, parallelism: 4 } as const;

const keyStretching = { 'argon2id-custom': PASSWORD_STRETCHING };
/** Characters of a message of OPAQUE at most: the longest has 427. */
const MAX_MESSAGE = 1_024;

/** Begins to register a password. Throws `platform-unsupported` if the library is not installed. */
export async function beginRegistration(password: string, identifiers: OpaqueParties): Promise<OpaqueRun> {
  const { client } = await loadOpaque();
  const { clientRegistrationState, registrationRequest } = client.startRegistration({ password });
  return {
    request: registrationRequest,
    finish: (reply) => {
      const answer = checkedReply(reply);
      const finished = answered(() =>
        client.finishRegistration({
          password,
          clientRegistrationState,
          registrationResponse: answer,
          identifiers,
          keyStretching,
        }),
      );
      return resultOf(finished.registrationRecord, finished);
    },
  };
}

/** Begins to log in with a password. Throws `platform-unsupported` if the library is not installed. */
export async function beginLogin(password: string, identifiers: OpaqueParties): Promise<OpaqueRun> {
  const { client } = await loadOpaque();
  const { clientLoginState, startLoginRequest } = client.startLogin({ password });
  return {
    request: startLoginRequest,
    finish: (reply) => {
      const loginResponse = checkedReply(reply);
      const finished = answered(() =>
        client.finishLogin({ password, clientLoginState, loginResponse, identifiers, keyStretching }),
      );
      return finished && resultOf(finished.finishLoginRequest, finished);
    },
  };
}

/** Loads the library when it is first needed: it brings 0.4 MB of WebAssembly. */
async function loadOpaque() {
  try {
    const library = await import('@serenity-kit/opaque');
    await library.ready;
    return library;
  } catch (cause) {
    const message = 'passwords need the package @serenity-kit/opaque, and WebAssembly. Next: npm install it';
    throw new GlasskeyError('platform-unsupported', message, { cause });
  }
}

function checkedReply(reply: string): string {
  const isMessage = typeof reply === 'string' && reply.length <= MAX_MESSAGE && /^[\w-]+$/.test(reply);
  ensure(isMessage, 'bad-response', 'the vault sent something else than a message of OPAQUE');
  return reply;
}

/** Runs a step of the library, which throws strings of its own for messages that it cannot read. */
function answered<T>(step: () => T): T {
  try {
    return step();
  } catch (cause) {
    throw new GlasskeyError('bad-response', 'the vault sent a message of OPAQUE that cannot be read', { cause });
  }
}

function resultOf(
  message: string,
  { exportKey, serverStaticPublicKey }: { readonly exportKey: string; readonly serverStaticPublicKey: string },
): OpaqueResult {
  return { message, exportKey: parseBase64Url(exportKey), serverKey: parseBase64Url(serverStaticPublicKey) };
}
