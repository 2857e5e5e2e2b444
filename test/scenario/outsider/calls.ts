import type { OutsideAttack } from './outside-attack.ts';

/** Calls over a signalling server and a media server that nobody trusts. */
export const CALLS: readonly OutsideAttack[] = [
  {
    attack: 'swap or add a fingerprint in a session description, to listen in the middle',
    outcome: 'only fingerprints that the other side signed are taken',
    codes: ['call-mismatch'],
    tests: [
      'test/client/calls/call-device.test.ts: refuses a fingerprint that was swapped, added, or is the own one',
      'test/client/calls/sdp-fingerprints.test.ts',
      'test/browser/calls.test.ts: end at a description whose fingerprint a server on the way has changed',
    ],
  },
  {
    attack: 'replay an offer, an answer or a confirmation, or send a caller its own offer',
    outcome: 'each counts for one call, once, within two minutes',
    codes: ['call-mismatch', 'malformed-encoding'],
    tests: [
      'test/client/calls/call-device.test.ts: rings once: an offer again, and an old or future one, are refused',
      'test/client/calls/call-device.test.ts: refuses a replayed answer, and a replayed confirmation',
      'test/client/calls/call-device.test.ts: refuses a reflected offer, messages in the place of others, and an offer to another',
    ],
  },
  {
    attack: 'join two calls of one’s own to one, so that each side misjudges who speaks',
    outcome: 'the proofs within the connection differ, if the program exchanges them',
    codes: ['call-mismatch'],
    tests: [
      'test/client/calls/call-device.test.ts: unknown key share: two calls of Mallory that she joins to one are told by the proof in the connection',
    ],
  },
  {
    attack: 'answer or call by a key that was added to a name unseen',
    outcome: 'nobody calls or answers until the user has looked at the change',
    codes: ['certificate-not-in-record', 'keys-changed', 'unexpected-version'],
    tests: [
      'test/client/calls/call-device.test.ts: cannot answer for Bob by a key added as %s',
      'test/client/calls/call-device.test.ts: cannot call Bob as Alice by a key added to her name',
    ],
  },
  {
    attack: 'change, replay or forge frames of a group at its media server',
    outcome: 'they are dropped; a member of the group can pass for another one',
    codes: ['bad-frame', 'unknown-frame-key'],
    tests: [
      'test/client/calls/sframe-group.test.ts: refuses every flipped bit and every shorter frame',
      'test/client/calls/sframe-group.test.ts: takes frames in any order, each once, also two at the same time',
      'test/client/calls/sframe-group.test.ts: cannot tell which member made a frame: each has the keys of all',
      'test/client/calls/sframe-transform.test.ts: drops what fails, reports it, and goes on',
    ],
  },
  {
    attack: 'go on listening to a group after having left it',
    outcome: 'the next epoch has other keys',
    codes: ['unknown-frame-key'],
    tests: [
      'test/client/calls/mls-epochs.test.ts: follow its epochs: who joins reads from then on, and who is removed reads no more',
      'test/browser/calls.test.ts: carry $mimeType through SFrame, which who has left cannot play',
    ],
  },
];
