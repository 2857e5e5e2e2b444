import type { Advice } from './advice.ts';

const DISTRUST =
  'Do not use what this answer says. Ask again over another network. If it stays so, run `glasskey audit`, and show the evidence to others.';
const DAMAGED =
  'Load it again. If it stays so, get it from its maker by another way, or run `glasskey audit` on the log.';
const SHOW_EVIDENCE =
  'Keep the evidence, verify it with `glasskey evidence verify`, and show it to other users of the log.';
const CLOCK = 'Set the clock of this device. If the clock is right, tell the operator: the log does not move.';

/** Codes of `decode` and `verification`: bytes, proofs, signatures and chains that do not hold. */
export const PROOF_ADVICE = {
  'malformed-encoding': { means: 'Bytes that came from outside are not in the form that they claim.', next: DAMAGED },
  'bad-key': { means: 'A public key is not a valid one.', next: DISTRUST },
  'bad-signature': { means: 'A signature was not made by the key that should have made it.', next: DISTRUST },
  'bad-vrf-proof': {
    means: 'The server did not prove under which hidden key the log keeps this name.',
    next: DISTRUST,
  },
  'bad-log-proof': {
    means: 'The entries that the server showed do not add up to the log that it signed.',
    next: DISTRUST,
  },
  'bad-prefix-proof': {
    means: 'The path that should lead to this name in the tree of names does not add up to the signed log.',
    next: DISTRUST,
  },
  'bad-ladder': { means: 'The server did not prove which version of the name is the newest one.', next: DISTRUST },
  'bad-commitment': {
    means: 'The record that the server showed is not the one that the log committed to.',
    next: DISTRUST,
  },
  'bad-tree-head': {
    means: 'The signature under the state of the log does not hold for what the server showed.',
    next: DISTRUST,
  },
  'bad-timestamp': { means: 'Time runs backwards in what the server showed of the log.', next: DISTRUST },
  'tree-head-too-old': { means: 'The newest state that the server shows of the log is too old.', next: CLOCK },
  'tree-head-too-new': { means: 'The newest state that the server shows of the log is from the future.', next: CLOCK },
  'tree-rolled-back': {
    means: 'The log is shorter than it was when this client last saw it: entries were taken back.',
    next: SHOW_EVIDENCE,
  },
  'view-mismatch': { means: 'The log does not continue what this client saw of it before.', next: DISTRUST },
  'proof-exhausted': { means: 'The proof lacks a part that it must have.', next: DISTRUST },
  'proof-left-over': { means: 'The proof has more parts than it may have.', next: DISTRUST },
  'version-mismatch': {
    means: 'The server answered about another version of the name than the one asked for.',
    next: DISTRUST,
  },
  'version-rolled-back': {
    means:
      'The log shows an older version of the name than this client has seen, or a vault an older backup: one was taken back.',
    next: `Of a backup: restore no older one, and ask the vault for the newest. Of a name: ${SHOW_EVIDENCE}`,
  },
  'unexpected-version': {
    means: 'The log holds a version of the name that its owner did not make.',
    next: 'If the name is yours, look at its history, and revoke the keys that you do not know.',
  },
  'unknown-head': {
    means: 'The credential is of a state of the log that this client has not seen.',
    next: 'Run `glasskey monitor`, which brings this client up to date, and try again.',
  },
  'credential-expired': {
    means: 'The credential is too old to prove anything.',
    next: 'Ask its sender for a new one, or look the name up.',
  },
  'bad-auditor-update': {
    means: 'A change that the log published is not the one that its entry names.',
    next: SHOW_EVIDENCE,
  },
  'bad-audit-entry': { means: 'An entry of the log does not follow from the entry before it.', next: SHOW_EVIDENCE },
  'bad-checkpoint': { means: 'The checkpoint, the signed summary of the log, does not hold.', next: DISTRUST },
  'bad-log-end': { means: 'The statement that the log has ended is not signed as it must be.', next: DISTRUST },
  'bad-note': { means: 'A signed note is not in the form of one.', next: DAMAGED },
  'bad-tlog-proof': { means: 'The proof that witnesses saw this state of the log does not hold.', next: DISTRUST },
  'log-forked': {
    means: 'The log shows different histories to different people, or at different times.',
    next: `${SHOW_EVIDENCE} Trust no key that this log shows.`,
  },
  'continued-after-end': { means: 'The log has entries after the one that ended it.', next: SHOW_EVIDENCE },
  'not-witnessed': {
    means: 'Too few of the independent witnesses have signed this state of the log.',
    next: 'Do not use the answer. Ask again in a minute. If it stays so, ask the operator and the witnesses why.',
  },
  'bad-record': { means: 'The record of the name is not in the form that a record must have.', next: DISTRUST },
  'bad-chain': {
    means: 'The versions of the name do not follow from each other, or a name that was there is gone.',
    next: 'Do not use the key. Ask the person, by another way, whether they changed their keys.',
  },
  'bad-change-signature': {
    means: 'A change of keys is not signed by a key that the name had before.',
    next: 'Sign the change with a key of the name. If you only look: do not use the new key.',
  },
  'bad-certificate': { means: 'A certificate is not valid, or is not for this name.', next: DISTRUST },
  'certificate-revoked': {
    means: 'The certificate was revoked.',
    next: 'Look the name up, and use a certificate that the log shows now.',
  },
  'certificate-expired': {
    means: 'The certificate has expired.',
    next: 'Ask its holder to renew it. If it should be valid still, set the clock of this device.',
  },
  'certificate-not-in-record': {
    means: 'The certificate is signed by the authority, but the log does not hold it.',
    next: 'Do not use it. Show it to the operator and to the owner of the name: somebody may have the key of the authority.',
  },
  'untrusted-issuer': {
    means: 'No authority that the trust bundle names has signed the certificate.',
    next: 'Do not use it.',
  },
  'bad-bundle': {
    means: 'The trust bundle, which says what to check the server against, is not valid.',
    next: 'Get the bundle again from the operator, by another way than this server.',
  },
  'bundle-changed': {
    means: 'The server shows another trust bundle than before, and the change is not signed.',
    next: 'Do not go on. Ask the operator, by another way than this server, for the fingerprint of the bundle.',
  },
  'fingerprint-mismatch': {
    means: 'The trust bundle of the server does not have the fingerprint that you gave.',
    next: 'Do not go on. Ask the operator, by another way than this server, for the present fingerprint.',
  },
  'log-replaced': {
    means: 'The server shows another log than it used to.',
    next: 'Do not go on. Ask the operator, by another way than this server, and keep the evidence.',
  },
  'call-mismatch': {
    means: 'A message or media of a call belongs to another call than the one that was signed, or comes too late.',
    next: 'Hang up and call again. If it happens again, somebody on the way changes or replays calls.',
  },
  'bad-frame': {
    means: 'A frame of media was changed on the way, replayed, or made by somebody without the key.',
    next: 'Drop it. If most frames fail, compare the members and the epoch of the group on both sides.',
  },
  'unknown-frame-key': {
    means: 'A frame of media names a key that this device does not have: of another epoch, or of no member.',
    next: 'Drop it. Update the keys of the group, then ask the sender for a key frame.',
  },
  'trail-broken': {
    means: "The administrators' trail lacks lines, or was changed.",
    next: 'Compare it with your copies of it, and find out who could write to the database.',
  },
} as const satisfies Record<string, Advice>;
