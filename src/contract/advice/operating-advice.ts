import type { Advice } from './advice.ts';

const DOCTOR = 'The operator runs `glasskey doctor`, which says what is wrong and what to do.';
const AGAIN = 'Try again. If it stays so, tell the operator, with the X-Request-Id of the answer.';
const OWN_STATE =
  'Restore your sealed copy of the state (`glasskey state import`), or forget the state and begin again.';

/** Codes of networks, disks, databases, keys and faults of Glasskey's own. */
export const OPERATING_ADVICE = {
  'bad-key-file': { means: 'A file with a private key cannot be read, or its passphrase is wrong.', next: DOCTOR },
  'hsm-refused': { means: 'The key store (HSM) refused to sign.', next: DOCTOR },
  'hsm-unavailable': { means: 'The key store (HSM) does not answer.', next: DOCTOR },
  'lint-failed': { means: 'The server made a certificate that breaks a rule, and kept it back.', next: AGAIN },
  'clock-skew': { means: "The server's clock disagrees with the log, so it signs nothing.", next: DOCTOR },
  'log-rolled-back': {
    means: 'The database is older than what the server has signed, so it signs nothing.',
    next: 'The operator restores the newest database. Nothing is signed before that.',
  },
  'storage-failed': { means: 'A database or a disk did not do its work.', next: AGAIN },
  'storage-corrupt': { means: 'Stored data contradicts what the log has signed.', next: DOCTOR },
  'storage-locked': {
    means: 'Another process uses the folder or the database.',
    next: 'Stop the other process first.',
  },
  'storage-unsafe': { means: 'The database may lose what it has acknowledged.', next: DOCTOR },
  'unsealed-row': { means: 'A row of the database was not written by this server, so it is not used.', next: DOCTOR },
  'rows-changed': {
    means: 'The rows are no longer those that the administrator looked at.',
    next: 'Look at them again, and decide anew.',
  },
  'head-moved': { means: 'Another process wrote to the log first.', next: AGAIN },
  'trail-moved': { means: "Another process wrote to the administrators' trail first.", next: AGAIN },
  'published-differs': {
    means: 'The published copy holds other bytes than the log.',
    next: 'Find out who can write to the copy, and publish to an empty place.',
  },
  'network-failed': {
    means: 'The server did not answer.',
    next: 'Compare its address, and your connection, and try again.',
  },
  'bad-response': {
    means: 'The answer is not that of a Glasskey server, or not whole.',
    next: 'Compare the address. A proxy in between may have changed the answer.',
  },
  'copy-damaged': {
    means: 'A copy of the log shows what the log has not signed.',
    next: "Use another copy, or the log's own server. This accuses the copy, not the log.",
  },
  'state-locked': {
    means: 'Another page or program uses the state of this client.',
    next: 'Close the other one, or try again.',
  },
  'state-corrupt': { means: 'What this client has kept cannot be read.', next: OWN_STATE },
  'state-knows-more': {
    means: 'The state to be replaced knows things that the new one does not.',
    next: 'Read the list in the message, and decide whether to lose them.',
  },
  'state-too-new': { means: 'A newer program wrote this state.', next: 'Use that program, or a newer one.' },
  'wrong-passphrase': { means: 'The passphrase does not open this file.', next: 'Type it again.' },
  'platform-unsupported': {
    means: 'This browser or device lacks something that the check needs. Nothing was checked.',
    next: 'Open the page over HTTPS, update the browser, or use the program.',
  },
  internal: { means: 'Glasskey has a fault of its own.', next: AGAIN },
} as const satisfies Record<string, Advice>;
