import { concatBytes, encodeUtf8 } from '../../core/encoding/bytes.ts';
import {
  bytes,
  type Codec,
  decode,
  encode,
  enumeration,
  fixedBytes,
  struct,
  uint32,
} from '../../core/encoding/codec.ts';
import { shortText } from '../../identity/text-codec.ts';
import type { ClientKey } from '../client-key.ts';
import type { CertifiedClaim } from '../certified-signature.ts';

/** A claim about one log. */
export interface LogClaim extends CertifiedClaim {
  /** The log's origin. */
  readonly origin: string;
}

/** A statement of a certified key, with its signature. Untrusted until `verifyCertified` has judged it. */
export interface SignedStatement<T extends LogClaim> {
  readonly statement: T;
  readonly signature: Uint8Array;
}

/** The fields of a {@link LogClaim}, for the codec of a statement. */
export const logClaimFields = {
  origin: shortText,
  identity: shortText,
  version: uint32,
  commitment: fixedBytes(32),
  keySha256: fixedBytes(32),
};

/** One kind of signed statement: its context keeps a signature from passing for one of another kind. */
export class StatementKind<T extends LogClaim> {
  readonly #context: Uint8Array;
  readonly #codec: Codec<T>;
  /** The encoding of a statement with its signature. */
  readonly codec: Codec<SignedStatement<T>>;

  constructor(context: string, codec: Codec<T>) {
    this.#context = encodeUtf8(`${context}\0`);
    this.#codec = codec;
    const signed = struct({ format: enumeration([1]), statement: codec, signature: bytes(1, 1024) });
    this.codec = {
      write: (writer, value) => signed.write(writer, { format: 1, ...value }),
      read: (reader) => {
        const { statement, signature } = signed.read(reader);
        return { statement, signature };
      },
    };
  }

  /** Returns the bytes that the key signs. */
  message(statement: T): Uint8Array {
    return concatBytes(this.#context, encode(this.#codec, statement));
  }

  /** Signs a statement. */
  async sign(key: ClientKey, statement: T): Promise<Uint8Array> {
    return encode(this.codec, { statement, signature: await key.sign(this.message(statement)) });
  }

  /** Reads untrusted bytes of {@link sign}; verifies nothing. Throws `malformed-encoding`. */
  read(signed: Uint8Array): SignedStatement<T> {
    return decode(this.codec, signed);
  }
}
