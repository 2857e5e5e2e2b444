import { createRequire } from 'node:module';
import { GlasskeyError } from '../../core/errors.ts';

/** The module's name for a slot, a session or an object of a token. */
export type Handle = Buffer;

/** An attribute of an object (PKCS #11 v2.40 §4). */
export interface Attribute {
  readonly type: number;
  readonly value?: number | boolean | string | Buffer;
}

interface Mechanism {
  readonly mechanism: number;
}

/**
 * The PKCS #11 functions (PKCS #11 v2.40 §5) that Glasskey calls, as pkcs11js declares them. The `code` of an error is
 * its return value (CKR).
 */
export interface Cryptoki {
  C_Initialize(options: { readonly flags: number }): void;
  C_Finalize(): void;
  C_GetSlotList(withToken: boolean): Handle[];
  C_GetTokenInfo(slot: Handle): { readonly label: string; readonly flags: number };
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_CloseSession(session: Handle): void;
  C_Login(session: Handle, user: number, pin: string): void;
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void;
  C_FindObjects(session: Handle, maximum: number): Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(session: Handle, object: Handle, template: readonly Attribute[]): { readonly value: Buffer }[];
  C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void;
  /** Runs in a thread of Node's pool. */
  C_SignAsync(session: Handle, data: Buffer, room: Buffer): Promise<Buffer>;
  C_GenerateKeyPairAsync(
    session: Handle,
    mechanism: Mechanism,
    publicTemplate: readonly Attribute[],
    privateTemplate: readonly Attribute[],
  ): Promise<unknown>;
}

/** Numbers of PKCS #11 v2.40 and, for Edwards curves, v3.0. */
export const CK = {
  osLockingOk: 0x2,
  serialSession: 0x4,
  readWriteSession: 0x2,
  user: 1,
  tokenInitialized: 0x400,
  publicKey: 2,
  privateKey: 3,
  class: 0x0,
  token: 0x1,
  private: 0x2,
  label: 0x3,
  keyType: 0x100,
  id: 0x102,
  sensitive: 0x103,
  sign: 0x108,
  verify: 0x10a,
  extractable: 0x162,
  ecParameters: 0x180,
  ecPoint: 0x181,
  alwaysAuthenticate: 0x202,
  generateEc: 0x1040,
  ecdsa: 0x1041,
  generateEdwards: 0x1055,
  eddsa: 0x1057,
} as const;

const USER_ALREADY_LOGGED_IN = 0x100;
/** PIN incorrect, invalid, of a bad length, expired, locked: another attempt may lock the token. */
const PIN_FAILURES: readonly number[] = [0xa0, 0xa1, 0xa2, 0xa3, 0xa4];

/** Returns true if another session of this process has already logged the user in. */
export function isLoggedIn(error: unknown): boolean {
  return codeOf(error) === USER_ALREADY_LOGGED_IN;
}

/** Returns true if the token refused the PIN. */
export function isPinRefused(error: unknown): boolean {
  return PIN_FAILURES.includes(codeOf(error) ?? -1);
}

function codeOf(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}

/**
 * Loads a PKCS #11 module: a library that runs in this process and is trusted like it. Throws `hsm-refused` if the
 * optional dependency pkcs11js is not installed, or if the file is not a module.
 */
export function loadCryptoki(path: string): Cryptoki {
  const { PKCS11 } = loadBinding();
  try {
    return new PKCS11(path);
  } catch (cause) {
    throw new GlasskeyError('hsm-refused', `cannot load ${path} as a PKCS #11 module`, { cause });
  }
}

/** Loaded on demand, because installing it takes a compiler. It has our own types for the same reason. */
function loadBinding(): { readonly PKCS11: new (path: string) => Cryptoki } {
  try {
    const require = createRequire(import.meta.url);
    return require('pkcs11js') as ReturnType<typeof loadBinding>;
  } catch (cause) {
    const advice = 'run "npm install pkcs11js", which needs a C++ compiler';
    throw new GlasskeyError('hsm-refused', `keys in a token need pkcs11js, which is not installed: ${advice}`, {
      cause,
    });
  }
}
