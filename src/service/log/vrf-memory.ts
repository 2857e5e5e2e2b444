import { timingSafeEqual } from 'node:crypto';
import { hmacSha256 } from '../../core/crypto/hmac-sha256.ts';
import type { VrfResult } from '../../core/crypto/vrf-prover.ts';
import { VRF_OUTPUT_LENGTH } from '../../core/crypto/vrf-ed25519.ts';
import { concatBytes, encodeUtf8 } from '../../core/encoding/bytes.ts';
import { encode, uint32 } from '../../core/encoding/codec.ts';
import { baseBinaryLadder } from '../../core/keytrans/binary-ladder.ts';
import type { LabelRow, LogStore, RememberedVrf } from '../../store/ports.ts';
import type { LabelVrf } from './label-vrf.ts';

/** HMAC-SHA-256, cut: also the length of a label's hash. */
const MAC_LENGTH = 16;
const LABEL_HASH = encodeUtf8('glasskey label hash v1\0');
const VRF_MEMORY = encodeUtf8('glasskey vrf memory v1\0');

/** Rows of an older program that are given their columns at once: a lookup never waits for it. */
const FILLED_AT_ONCE = 4;

/** The parts of a log that fill a row. */
interface FillingParts {
  readonly vrf: Pick<LabelVrf, 'evaluate'>;
  readonly store: Pick<LogStore, 'rememberVrf'>;
}

/** A label as its row has it, apart from its name. */
type LabelPlace = Pick<LabelRow, 'labelKey' | 'greatestVersion'>;

/**
 * The part of a label's row that saves evaluations of the VRF (docs/spec.md#vrf-memory), for names that this process
 * has not met: a keyed hash to find the row by, and the VRF results of the absent versions that an answer shows. The
 * database is not trusted: a MAC by a key of the data folder binds the results and the label's key to the label.
 */
export class VrfMemory {
  readonly #hmac: (message: Uint8Array) => Uint8Array;
  readonly #origin: Uint8Array;
  #filling = 0;

  /** `key` is 32 secret bytes, the same on every server of the log. */
  constructor(key: Uint8Array, origin: string) {
    this.#hmac = hmacSha256(key);
    this.#origin = encodeUtf8(origin);
  }

  /** Returns the hash under which a label's row is found: 16 bytes. */
  hashOf(label: Uint8Array): Uint8Array {
    return this.#mac(LABEL_HASH, [label]);
  }

  /** Returns the columns of a label's row. `results` are those of {@link absentVersions}, in their order. */
  columns(label: Uint8Array, place: LabelPlace, results: readonly VrfResult[]): RememberedVrf {
    const content = concatBytes(...results.flatMap(({ output, proof }) => [output, proof]));
    return { labelHash: this.hashOf(label), vrfMemory: concatBytes(this.#seal(label, place, content), content) };
  }

  /**
   * Returns the VRF results that the row found for a label holds, by version; undefined unless this log wrote them, for
   * this label and with this key.
   */
  open(
    label: Uint8Array,
    place: LabelPlace,
    vrfMemory: Uint8Array | undefined,
  ): ReadonlyMap<number, VrfResult> | undefined {
    if (vrfMemory === undefined) return undefined;
    const content = vrfMemory.subarray(MAC_LENGTH);
    const mac = vrfMemory.subarray(0, MAC_LENGTH);
    if (mac.length !== MAC_LENGTH || !timingSafeEqual(mac, this.#seal(label, place, content))) return undefined;
    const versions = absentVersions(place.greatestVersion);
    const length = content.length / versions.length;
    const result = (i: number): VrfResult => {
      const bytes = content.slice(i * length, (i + 1) * length);
      return { output: bytes.slice(0, VRF_OUTPUT_LENGTH), proof: bytes.slice(VRF_OUTPUT_LENGTH) };
    };
    return new Map(versions.map((version, i) => [version, result(i)]));
  }

  /**
   * Writes the columns of a label's row that an older program left out, in the background. Does nothing for an erased
   * label, or while enough rows are being filled: a later lookup tries again.
   */
  fill({ vrf, store }: FillingParts, label: Uint8Array, row: LabelRow): void {
    if (row.label === undefined || this.#filling >= FILLED_AT_ONCE) return;
    this.#filling++;
    const fill = async (): Promise<void> => {
      const results = await vrf.evaluate(label, absentVersions(row.greatestVersion));
      await store.rememberVrf(row, this.columns(label, row, results));
    };
    void fill()
      .catch(() => undefined)
      .finally(() => this.#filling--);
  }

  #seal(label: Uint8Array, { labelKey, greatestVersion }: LabelPlace, content: Uint8Array): Uint8Array {
    const version = encodeUtf8(String(greatestVersion));
    return this.#mac(VRF_MEMORY, [label, labelKey, version, content]);
  }

  #mac(purpose: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
    const framed = [this.#origin, ...parts].flatMap((part) => [encode(uint32, part.length), part]);
    return this.#hmac(concatBytes(purpose, ...framed)).subarray(0, MAC_LENGTH);
  }
}

/** Returns the versions that an answer about a label shows as absent, by the label's greatest version. */
export function absentVersions(greatestVersion: number): number[] {
  return baseBinaryLadder(greatestVersion).filter((version) => version > greatestVersion);
}
