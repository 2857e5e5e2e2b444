import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertSignedFingerprints, sdpFingerprints } from '../../../src/client/calls/sdp-fingerprints.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import { formatFingerprint, sdpOf } from './people.ts';

const [ONE, TWO] = [new Uint8Array(32).fill(0xab), new Uint8Array(32).fill(0x0c)];
const malformed = expect.objectContaining({ code: 'malformed-encoding' });
const LINE = `a=fingerprint:sha-256 ${formatFingerprint(ONE)}`;
const good = sdpOf(ONE);
/** The same description with all lines that fit replaced. */
const changed = (from: string | RegExp, to: string): string => good.replaceAll(from, to);

describe('the fingerprints of a session description', () => {
  it('are read, each once, of the session and of media', () => {
    expect(sdpFingerprints(good)).toEqual([ONE]);
    expect(sdpFingerprints(sdpOf(ONE, TWO))).toEqual([ONE, TWO]);
    expect(sdpFingerprints(good.replaceAll('\r\n', '\n'))).toEqual([ONE]);
    expect(sdpFingerprints(changed(LINE, LINE.toLowerCase()))).toEqual([ONE]);
    const ofSession = changed(`${LINE}\r\n`, '').replace('t=0 0', `t=0 0\r\n${LINE}`);
    expect(sdpFingerprints(ofSession)).toEqual([ONE]);
    const rejected = 'm=video 0 UDP/TLS/RTP/SAVPF 97\r\na=inactive\r\n';
    expect(sdpFingerprints(good + rejected)).toEqual([ONE]);
    expect(sdpFingerprints(`${good}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n${LINE}\r\n`)).toEqual([ONE]);
  });

  it.each([
    ['no media', 'v=0\r\ns=-\r\n'],
    ['nothing', ''],
    ['a section without one', `${good}m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:2\r\n`],
    ['a section that another carries', `${good}m=video 0 UDP/TLS/RTP/SAVPF 97\r\na=bundle-only\r\n`],
    ['the same in other letters', `${good}m=video 0 UDP/TLS/RTP/SAVPF 97\r\nA=Bundle-Only\r\n`],
    ['the same with a blank after it', `${good}m=video 0 UDP/TLS/RTP/SAVPF 97\r\na=bundle-only \r\n`],
    ['another hash', changed(/sha-256 .*/g, `sha-1 ${formatFingerprint(ONE.subarray(12))}`)],
    ['another hash beside it', changed(LINE, `${LINE}\r\na=fingerprint:sha-512 ${formatFingerprint(ONE)}`)],
    ['one that is too short', changed(LINE, LINE.slice(0, -3))],
    ['one that is too long', changed(LINE, `${LINE}:00`)],
    ['blanks that a lenient reader skips', changed(LINE, ` ${LINE}`)],
    ['blanks before the value', changed(LINE, `${LINE}\r\na = fingerprint:sha-256 ${formatFingerprint(TWO)}`)],
    ['a lone carriage return', changed('a=mid:0', `a=mid:0\r${LINE}`)],
    ['a line separator', changed('a=mid:0', `a=mid:0\u2028${LINE}`)],
    ['a NUL', changed('a=mid:0', 'a=mid:0\0')],
    ['a key of SRTP', changed('a=mid:0', 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA')],
    ['media without DTLS', changed('UDP/TLS/RTP/SAVPF', 'RTP/AVP')],
    ['a media line that is none', `${good}m=video\r\n${LINE}\r\n`],
    ['too many characters', good + 'a=x\r\n'.repeat(60_000)],
    ['too many lines', good + '\n'.repeat(9_000)],
  ])('%s is refused', (_, sdp) => {
    expect(() => sdpFingerprints(sdp)).toThrow(malformed);
  });

  it('any text is read or refused', () => {
    const lines = fc.constantFrom(
      LINE,
      'm=audio 9 UDP/TLS/RTP/SAVPF 0',
      'm=audio 0 UDP/TLS/RTP/SAVPF 0',
      'a=bundle-only',
      'm=',
    );
    const texts = fc.array(fc.oneof(lines, fc.string())).map((all) => all.join('\r\n'));
    fc.assert(
      fc.property(texts, (sdp) => {
        try {
          expect(sdpFingerprints(sdp)).toEqual([ONE]);
        } catch (error) {
          expect(isGlasskeyError(error, 'malformed-encoding')).toBe(true);
        }
      }),
    );
  });

  it('are held to those that were signed', () => {
    const mismatch = expect.objectContaining({ code: 'call-mismatch' });
    assertSignedFingerprints([ONE], [TWO, ONE]);
    assertSignedFingerprints([ONE, TWO], [TWO, ONE]);
    expect(() => assertSignedFingerprints([ONE, TWO], [ONE])).toThrow(mismatch);
    expect(() => assertSignedFingerprints([], [ONE])).toThrow(mismatch);
    expect(() => assertSignedFingerprints([ONE.subarray(1)], [ONE])).toThrow(mismatch);
  });
});
