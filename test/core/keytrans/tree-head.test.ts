import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHex } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { type Configuration, configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import {
  encodeAuditorTreeHeadTbs,
  encodeTreeHeadTbs,
  verifyAuditorTreeHead,
  verifyTreeHead,
} from '../../../src/core/keytrans/tree-head.ts';
import { configurations, positions } from './message-arbitraries.ts';

const BAD_SIGNATURE = expect.objectContaining({ code: 'bad-signature' });
const secretKey = new Uint8Array(32).fill(3);
const publicKey = ed25519.getPublicKey(secretKey);
const root = new Uint8Array(32).fill(9);

const withOurKeys = (config: Configuration): Configuration => ({
  ...config,
  signaturePublicKey: publicKey,
  ...(config.mode === 'thirdPartyAuditing' && { auditorPublicKey: publicKey }),
});

describe('tree heads', () => {
  it('verify for the configuration, size and root that were signed, and no others', () => {
    fc.assert(
      fc.property(configurations, configurations, positions, positions, (first, second, size, otherSize) => {
        const config = withOurKeys(first);
        const other = withOurKeys(second);
        const signature = ed25519.sign(encodeTreeHeadTbs(config, size, root), secretKey);
        verifyTreeHead(config, { treeSize: size, signature }, root);
        expect(() => verifyTreeHead(config, { treeSize: size, signature }, root.with(0, 8))).toThrow(BAD_SIGNATURE);
        if (otherSize !== size) {
          expect(() => verifyTreeHead(config, { treeSize: otherSize, signature }, root)).toThrow(BAD_SIGNATURE);
        }
        if (formatHex(encode(configurationCodec, config)) !== formatHex(encode(configurationCodec, other))) {
          expect(() => verifyTreeHead(other, { treeSize: size, signature }, root)).toThrow(BAD_SIGNATURE);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('of auditors are not those of the log', () => {
    const auditing: Configuration = {
      cipherSuite: 2,
      mode: 'thirdPartyAuditing',
      signaturePublicKey: publicKey,
      vrfPublicKey: publicKey,
      maxAuditorLagMs: 1,
      auditorStartPosition: 0,
      auditorPublicKey: publicKey,
      maxAheadMs: 1,
      maxBehindMs: 1,
      reasonableMonitoringWindowMs: 1,
      maximumLifetimeMs: undefined,
    };
    const head = { timestampMs: 5, treeSize: 7 };
    const signature = ed25519.sign(encodeAuditorTreeHeadTbs(auditing, head, root), secretKey);
    verifyAuditorTreeHead(auditing, { ...head, signature }, root);
    expect(() => verifyAuditorTreeHead(auditing, { ...head, timestampMs: 6, signature }, root)).toThrow(BAD_SIGNATURE);
    expect(() => verifyTreeHead(auditing, { treeSize: 7, signature }, root)).toThrow(BAD_SIGNATURE);
    const { auditorPublicKey: _, auditorStartPosition: __, maxAuditorLagMs: ___, ...rest } = auditing;
    const unaudited: Configuration = { ...rest, mode: 'contactMonitoring' };
    expect(() => verifyAuditorTreeHead(unaudited, { ...head, signature }, root)).toThrow(
      expect.objectContaining({ code: 'bad-tree-head' }),
    );
  });
});
