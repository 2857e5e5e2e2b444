import type { OutsideAttack } from './outside-attack.ts';

/** Addresses that owners choose, as a way into the operator's network, or to somebody else's mailbox. */
export const CHOSEN_ADDRESSES: readonly OutsideAttack[] = [
  {
    attack: 'have the server connect to loopback, a private or link-local range, or a metadata service',
    outcome: 'refused before a connection, of IPv4, of IPv6, and of every IPv6 form that holds an IPv4 address',
    codes: ['invalid-request'],
    tests: [
      'test/delivery/public-addresses.test.ts: leave out IPv4 %s',
      'test/delivery/public-addresses.test.ts: leave out IPv6 %s',
      'test/delivery/safe-egress.test.ts: is not made if the name has %s',
      'test/http/notifications.test.ts: is refused %s, with the same words',
    ],
  },
  {
    attack: 'write such an address as a decimal, octal or hexadecimal number, or as IPv4 in IPv6',
    outcome: 'the number is an address like any other',
    codes: ['invalid-request'],
    tests: ['test/delivery/address.test.ts: %s is %s', 'test/delivery/safe-egress.test.ts: is not made to %s'],
  },
  {
    attack: 'let DNS answer with a public address first and with one inside later, or with both at once',
    outcome: 'a name is resolved once, and the connection goes to the address that was judged; one inside refuses all',
    codes: ['invalid-request'],
    tests: [
      'test/delivery/safe-egress.test.ts: resolves a name once, so that an answer that changes leads nowhere',
      'test/delivery/safe-egress.test.ts: is not made if the name has %s',
    ],
  },
  {
    attack: 'have an egress proxy resolve the name anew',
    outcome: 'the proxy is asked for the address that was judged',
    codes: [],
    tests: [
      'test/delivery/safe-egress.test.ts: is asked for the address that was judged, never for the name',
      'test/delivery/safe-egress.test.ts: is not asked for an address inside',
    ],
  },
  {
    attack: 'redirect a notice to a host inside',
    outcome: 'no redirect is followed',
    codes: [],
    tests: ['test/delivery/safe-egress.test.ts: follows no redirect'],
  },
  {
    attack: 'name a port of another service, or a user, password or fragment in the URL',
    outcome: 'port 443 alone unless the operator names others; the rest is no address',
    codes: ['invalid-request'],
    tests: [
      'test/delivery/safe-egress.test.ts: is made to port 443 alone, unless the operator says so',
      'test/delivery/address.test.ts: is no webhook: %j',
    ],
  },
  {
    attack: 'answer without end, byte by byte, with interim answers, or not at all',
    outcome: 'one deadline, from the name to the last byte, and 4 KiB of body',
    codes: ['network-failed'],
    tests: [
      'test/delivery/safe-egress.test.ts: reads a bounded part of an endless answer',
      'test/delivery/safe-egress.test.ts: ends in time at a host that %s',
    ],
  },
  {
    attack: 'hold all deliveries with slow receivers',
    outcome: 'so many are under way at once; the others are told later',
    codes: [],
    tests: [
      'test/delivery/deliverer.test.ts: holds a bounded number of connections, and lets go of them when it closes',
    ],
  },
  {
    attack: 'add a header or a recipient to a notice by an address, a name or a subject',
    outcome: 'no such address; line breaks and direction marks are shown as numbers',
    codes: [],
    tests: [
      'test/delivery/address.test.ts: is no mail address: %j',
      'test/delivery/deliverer.test.ts: arrives, and a line break in a subject makes no header',
      'test/delivery/notice.test.ts: %j are shown as %j',
    ],
  },
  {
    attack: 'have codes sent to somebody’s mailbox under many names',
    outcome: 'six in an hour for an address, whoever asks',
    codes: ['rate-limited'],
    tests: [
      'test/http/notify-attacks.test.ts: cannot have codes sent to one mailbox without end, under however many names',
    ],
  },
  {
    attack: 'change where an owner is told by a stolen application token',
    outcome: 'a key of the name signs each order',
    codes: ['bad-change-signature'],
    tests: ['test/http/notify-attacks.test.ts: is refused from a stolen application token without a key of the name'],
  },
  {
    attack: 'send a signed order again, an older one, or one for another log, name or purpose',
    outcome: 'an order counts once, within ten minutes, for one log and one name',
    codes: ['change-rejected', 'bad-change-signature'],
    tests: [
      'test/http/notify-attacks.test.ts: is refused the second time, and so is one before it',
      'test/http/notify-attacks.test.ts: is refused for another log, for another name, of another day, and in the form of a change',
    ],
  },
  {
    attack: 'silence an owner with a stolen device key',
    outcome: 'a removed address is told so, and of every version for 7 days',
    codes: ['not-found'],
    tests: [
      'test/http/notify-attacks.test.ts: cannot silence the owner: who is removed is told so, and of every version for 7 days',
    ],
  },
  {
    attack: 'guess the code of an address, or use it late or for another one',
    outcome: 'five attempts within an hour',
    codes: ['code-refused'],
    tests: [
      'test/http/notify-attacks.test.ts: may be guessed five times, and not for another address',
      'test/http/notify-attacks.test.ts: is worth nothing after an hour',
    ],
  },
  {
    attack: 'read or change addresses in the database',
    outcome: 'they are encrypted, and bound to their name and revision',
    codes: ['storage-corrupt'],
    tests: [
      'test/http/notify-attacks.test.ts: holds no address in clear, and a row of one name is none of another',
      'test/http/notify-attacks.test.ts: cannot change an address: any flipped bit, and another revision, are refused',
    ],
  },
  {
    attack: 'stop the server between a release and its notices, or between a notice and its note',
    outcome: 'the log says what is due: nothing is lost, and what comes twice has one id',
    codes: [],
    tests: [
      'test/http/notify-attacks.test.ts: tells what it owed: the log says what is due',
      'test/http/notify-attacks.test.ts: tells twice rather than never, under the same id',
    ],
  },
];
