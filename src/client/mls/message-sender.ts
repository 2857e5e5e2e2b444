import type { CiphersuiteImpl, ClientState, MlsPrivateMessage, MlsPublicMessage, RatchetTree } from 'ts-mls';
import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import type { CredentialJudge } from './credential-judge.ts';
import { leavesOf } from './group-leaves.ts';

/** The device that sent an application message. */
export interface GroupSender {
  /** Its leaf in the epoch of the message. It may have left the group since, and the leaf may be another's. */
  readonly leafIndex: number;
  /** Canonical. */
  readonly identity: string;
  /** Serial number of its certificate, lower-case hex. */
  readonly serial: string;
}

/** The keys whose signatures verified while a message was processed. */
export class VerifyingKeys {
  readonly #keys: Uint8Array[] = [];

  /** Returns the suite, which notes the keys from now on. */
  of(suite: CiphersuiteImpl): CiphersuiteImpl {
    const { signature } = suite;
    const verify: typeof signature.verify = async (publicKey, message, bytes) => {
      const isValid = await signature.verify(publicKey, message, bytes);
      if (isValid) this.#keys.push(publicKey);
      return isValid;
    };
    return { ...suite, signature: { ...signature, verify } };
  }

  /** Returns the key, if a single one verified. Throws `bad-message`. */
  get only(): Uint8Array {
    const [key, ...more] = this.#keys;
    ensure(key !== undefined && more.length === 0, 'bad-message', 'the message has not a single signature');
    return key;
  }
}

/**
 * Returns the sender of an application message: the leaf whose key verified the signature, in the epoch of the message
 * (RFC 9420 §6.1). ts-mls 1.x verifies and does not say who it was. The keys of a group's leaves differ (§7.3). Throws
 * `bad-message` if not exactly one leaf has the key, and `bad-certificate` for a leaf without a Glasskey certificate.
 */
export async function senderOf(
  judge: CredentialJudge,
  message: MlsPrivateMessage | MlsPublicMessage,
  before: ClientState,
  key: Uint8Array,
): Promise<GroupSender> {
  const [found, ...more] = [...leavesOf(treeOf(message, before))].filter(([, leaf]) =>
    equalBytes(leaf.signatureKey, key),
  );
  ensure(found !== undefined && more.length === 0, 'bad-message', 'the sender of the message is not a single member');
  const [leafIndex, claim] = found;
  const { identity, serial } = await judge.read(claim);
  return { leafIndex, identity, serial };
}

/** Returns the tree of the epoch that a message is of, which may be one before. */
function treeOf(message: MlsPrivateMessage | MlsPublicMessage, state: ClientState): RatchetTree {
  const { epoch } = 'privateMessage' in message ? message.privateMessage : message.publicMessage.content;
  if (epoch === state.groupContext.epoch) return state.ratchetTree;
  const earlier = state.historicalReceiverData.get(epoch);
  ensure(earlier !== undefined, 'bad-message', 'the message is of an epoch that this device does not know');
  return earlier.ratchetTree;
}
