import { parseCredential } from '../../../src/client/credential-text.ts';
import { equalBytes, formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import { ensure } from '../../../src/core/errors.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import { type KnownHead, knownHead } from '../../../src/core/keytrans/known-head.ts';
import { verifyCredential } from '../../../src/core/keytrans/verify-credential.ts';
import type { OwnChecker } from './checker.ts';

/** Cases of `credential-text.json`. */
export const checkCredentialText: OwnChecker = ({ origin, configuration, heads, nowMs, text }) => {
  const config = decode(configurationCodec, parseHex(configuration));
  const known = (heads as readonly HeadJson[]).map(headOf);
  const verified = verifyCredential({ config, heads: known, nowMs }, parseCredential(text, origin, config));
  const { label, version, value, commitment, head, asOfMs, unsettled } = verified;
  return {
    label: formatHex(label),
    version,
    value: formatHex(value),
    commitment: formatHex(commitment),
    position: head.position,
    asOfMs,
    final: unsettled === undefined,
  };
};

interface HeadJson {
  readonly position: number;
  readonly logRoot: string;
  readonly fullSubtrees: readonly string[];
  readonly frontier: readonly {
    readonly position: number;
    readonly timestampMs: number;
    readonly prefixRoot: string;
  }[];
}

function headOf({ position, logRoot, fullSubtrees, frontier }: HeadJson): KnownHead {
  const entries = frontier.map((entry) => ({ ...entry, prefixRoot: parseHex(entry.prefixRoot) }));
  const head = knownHead(position, fullSubtrees.map(parseHex), entries);
  ensure(equalBytes(head.logRoot, parseHex(logRoot)), 'internal', 'a head whose parts do not fit its root');
  return head;
}
