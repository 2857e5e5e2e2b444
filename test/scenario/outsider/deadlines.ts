import type { OutsideAttack } from './outside-attack.ts';

/** Answers and requests that take for ever. */
export const DEADLINES: readonly OutsideAttack[] = [
  {
    attack: 'trickle the answer to any outgoing request of the program, or the reply to a mail',
    outcome: 'ends at its deadline, even if no reference holds the request',
    codes: ['network-failed', 'issuer-unavailable', 'webhook-unavailable', 'mail-unavailable', 'storage-failed'],
    tests: ['test/scenario/trickling-answers.test.ts: $kind ends at its deadline where the $trickle trickles'],
  },
  {
    attack: 'keep `monitor --watch` waiting with answers that trickle',
    outcome: 'ends with 1 after one window',
    codes: [],
    tests: ['test/cli/monitor-watch.test.ts: --watch ends with 1 where the %s of each answer trickles'],
  },
  {
    attack: 'begin a TLS handshake, and not end it',
    outcome: 'closed as soon as a request whose head does not come',
    codes: [],
    tests: ['test/http/tls.test.ts: waits for a handshake no longer than for the head of a request'],
  },
  {
    attack: 'let the database go silent without closing a connection',
    outcome: 'given up after its deadline, and found again',
    codes: ['storage-failed'],
    tests: ['test/store/postgres-failures.test.ts: a server that does not answer is given up, and found again'],
  },
];
