import { createHash, webcrypto } from 'node:crypto';
import { deviceProofText, LIMITS } from '../shared/protocol.ts';
import { allow } from './refusal.ts';

/** An inbox belongs to the holder of a key: its id is the lower-case hex SHA-256 of the SubjectPublicKeyInfo. */
export interface DeviceProof {
  readonly spki: Uint8Array;
  /** Signature of `deviceProofText`. */
  readonly signature: Uint8Array;
}

/**
 * The devices that have an inbox here, with their accounts. A sender does not take this list, but the keys in the log:
 * a device that the backend makes up gets no message.
 */
export class Devices {
  readonly #accountOf = new Map<string, string>();

  /** Gives an inbox to a device of an account. Refuses a sender who does not hold the key. Returns the device's id. */
  async add(account: string, { spki, signature }: DeviceProof): Promise<string> {
    allow(await isSigned(account, spki, signature), 403, 'bad-proof', 'The device did not show that it has this key.');
    const id = createHash('sha256').update(spki).digest('hex');
    const holder = this.#accountOf.get(id);
    allow(holder === undefined || holder === account, 409, 'device-taken', 'Another account has this device.');
    if (holder === undefined) {
      const count = [...this.#accountOf.values()].filter((one) => one === account).length;
      allow(count < LIMITS.devicesOfAccount, 409, 'too-many-devices', 'An account has ten devices at most.');
    }
    this.#accountOf.set(id, account);
    return id;
  }

  /** Refuses a device of another account, and one that has no inbox. */
  assertOwn(account: string, id: string): void {
    allow(this.#accountOf.get(id) === account, 403, 'not-your-device', 'This is not a device of your account.');
  }

  /** Returns the account of a device; undefined if it has no inbox. */
  accountOf(id: string): string | undefined {
    return this.#accountOf.get(id);
  }
}

async function isSigned(account: string, spki: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const { subtle } = webcrypto;
  try {
    const key = await subtle.importKey('spki', spki, 'Ed25519', false, ['verify']);
    return await subtle.verify('Ed25519', key, signature, new TextEncoder().encode(deviceProofText(account)));
  } catch {
    return false; // no Ed25519 key
  }
}
