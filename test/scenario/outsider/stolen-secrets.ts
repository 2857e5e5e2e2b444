import type { OutsideAttack } from './outside-attack.ts';

/** Secrets in the wrong hands, and identities that say more than they may. */
export const STOLEN: readonly OutsideAttack[] = [
  {
    attack: 'take a registered name by a stolen application token: recover, revoke, in either order',
    outcome: 'any key that the owner had before can veto, and contacts see no stranger’s key',
    codes: ['change-rejected', 'bad-change-signature'],
    tests: ['test/http/stolen-token.test.ts: takes no name where the thief %s'],
  },
  {
    attack: 'take a name that was erased and recovered, by a stolen application token',
    outcome: 'the veto outlives that, too',
    codes: [],
    tests: ['test/http/stolen-token.test.ts: takes no name that was erased and recovered before'],
  },
  {
    attack: 'veto again and again with a key that was removed',
    outcome: 'after `max_vetoes` the operator decides, and everybody sees it',
    codes: [],
    tests: ['test/http/stolen-token.test.ts: leaves it to the operator after as many vetoes as any key may make'],
  },
  {
    attack: 'use a captured ID token for another key or another name',
    outcome: 'its nonce names one key',
    codes: ['token-refused', 'forbidden', 'change-required'],
    tests: [
      'test/http/oidc.test.ts: refuses a captured token for another key, another name, a name that has a key, and a domain that is not listed',
    ],
  },
  {
    attack: 'send an ACME request again, on another URL, under another algorithm, or with a bit changed',
    outcome: 'a nonce counts once on all servers, and the signature covers the rest',
    codes: [],
    tests: [
      'test/http/acme.test.ts: that arrives many times at once, all but once',
      'test/http/acme.test.ts: that was signed for another URL',
      'test/http/acme.test.ts: under an algorithm that is not that of the key, or none at all',
      'test/http/acme.test.ts: signed with a MAC by the public key as a secret',
      'test/http/acme.test.ts: with any bit of it changed',
    ],
  },
  {
    attack: 'use a captured ACME binding key: a second time, for more names, after its time or its token’s end',
    outcome: 'it opens one account, for the names that its key id says',
    codes: [],
    tests: [
      'test/http/acme.test.ts: needs a binding that the application’s key made for this account key, once',
      'test/http/acme.test.ts: is not bound by a key id with any bit changed, though its MAC key is known',
      'test/http/acme.test.ts: is not bound by a key that is too old, nor by one of a revoked token',
      'test/http/acme.test.ts: ends with the token of its application',
      'test/http/acme.test.ts: of an account for one name is for that name',
    ],
  },
  {
    attack:
      'answer an ACME challenge for somebody else’s address: unsigned, by another domain, from another address, over a list',
    outcome: 'the mail server’s verified signature must be of the sender’s domain and cover what counts',
    codes: ['code-refused', 'invalid-request'],
    tests: [
      'test/http/acme-mail.test.ts: without a signature of its sender’s domain that the mail server has verified, and covers what counts',
      'test/http/acme-mail.test.ts: from another address, to another one, with another subject or over a list',
      'test/http/acme-mail.test.ts: from whoever is not the mail server',
    ],
  },
  {
    attack: 'have a victim’s reply to an ACME challenge count for one’s own account or order',
    outcome: 'a response is of one account’s key, one order and both halves of its token',
    codes: ['code-refused', 'not-found'],
    tests: [
      'test/http/acme-mail.test.ts: with the response of another account or another order, however its order is named',
      'test/http/acme-mail.test.ts: that is no mail, or one that can be read in several ways',
      'test/http/acme-mail.test.ts: that comes after the order has ended',
    ],
  },
  {
    attack: 'read, finalize or end the order of another ACME account, or take the account over',
    outcome: 'an account reaches its own orders alone, and its key changes by both keys',
    codes: [],
    tests: [
      'test/http/acme.test.ts: is not changed, read or used by another one',
      'test/http/acme.test.ts: changes its key only if both keys sign, for this account, and the new one has none',
    ],
  },
  {
    attack: 'have a device’s attestation count for another order or account, another device, another key, or twice',
    outcome: 'an attestation is for the token of one order, and its certificate for the attested key alone',
    codes: ['attestation-refused'],
    tests: [
      'test/http/acme-attest.test.ts: of the token of another order, and of another account',
      'test/http/acme-attest.test.ts: a second time, and after the order has ended',
      'test/http/acme-attest.test.ts: with another key in the request: that is no certificate',
      'test/http/acme-attest.test.ts: of another device, or of none',
    ],
  },
  {
    attack:
      'forge an attestation: of other CAs, by a certificate that is expired or a CA’s, with an extension twice, in strange CBOR',
    outcome: 'the chain ends at a CA of the setting, and the bytes can be read in one way',
    codes: ['attestation-refused'],
    tests: [
      'test/http/acme-attest.test.ts: with a chain that has expired, has not begun, is broken, or ends at another root',
      'test/http/acme-attest.test.ts: with an extension twice',
      'test/http/acme-attest.test.ts: in CBOR that is no attestation object, or one that can be read in several ways',
      'test/http/acme-attest.test.ts: with any bit of it changed',
    ],
  },
  {
    attack: 'name a device over ACME without its attestation, or without the application',
    outcome: 'names of devices take both, under whatever type they are ordered',
    codes: [],
    tests: [
      'test/http/acme-attest.test.ts: needs an account whose application vouches for its name too',
      'test/http/acme-attest.test.ts: has a name that takes an attestation, under whatever type it is ordered',
    ],
  },
  {
    attack:
      'use a captured registration grant: twice, for another name or key, after its time or its token’s end, to recover a name',
    outcome: 'it vouches for version 0 of one name, and of one key if it names one',
    codes: ['token-refused', 'change-required', 'forbidden'],
    tests: [
      'test/http/registration-grants.test.ts: works once: the name has a record then, and no grant changes one',
      'test/http/registration-grants.test.ts: is for one name, and for one key if it names one',
      'test/http/registration-grants.test.ts: ends with its time, with its application token, and with the policy',
      'test/http/registration-grants.test.ts: recovers nothing',
    ],
  },
  {
    attack: 'ask for a name again after its owner vetoed, with the mailed code of the first time',
    outcome: 'a code counts for one version of a name',
    codes: ['code-refused'],
    tests: [
      'test/http/recovery.test.ts: ends what a mailed code was good for: the same code asks for no other recovery',
    ],
  },
  {
    attack: 'guess application tokens',
    outcome: 'guesses count as those of their address',
    codes: ['unauthenticated', 'rate-limited'],
    tests: ['test/http/rate-limits.test.ts: count guesses of tokens as those of their address'],
  },
  {
    attack: 'get a certificate for a revoked key again, by the request that once got one',
    outcome: 'refused, with a token and without',
    codes: ['change-required'],
    tests: ['test/scenario/hostile-requests.test.ts: cannot get a certificate for a key that was revoked'],
  },
  {
    attack: 'add a recipient or a header to a mail, by the name that asks for it',
    outcome: 'no mail',
    codes: ['invalid-identity'],
    tests: ['test/http/email-challenge.test.ts: sends nothing for %j'],
  },
  {
    attack: 'lead the server to an issuer of the thief’s, by what a token says',
    outcome: 'an issuer is one of a list, and nothing in a token is fetched',
    codes: ['token-refused'],
    tests: ['test/service/evidence/oidc-tokens.test.ts: must be configured, byte for byte: %j leads nowhere'],
  },
  {
    attack: 'have a credential or a name sent elsewhere by a redirect',
    outcome: 'no redirect is followed',
    codes: ['bad-response'],
    tests: [
      'test/core/net/bounded-fetch.test.ts: asks not to be redirected, in the way that Workers know',
      'test/scenario/sound-client.test.ts: does not follow a server that sends its requests elsewhere',
    ],
  },
  {
    attack: 'escape an excluded subtree by a name that no rule can compare',
    outcome: 'an excluded subtree needs a name that is certainly outside',
    codes: [],
    tests: ['test/ca/path/name-constraints.test.ts: %s: %s'],
  },
  {
    attack: 'forge a witness’s Ed25519 cosignature, to get its ML-DSA-44 one for a subtree of a tree that it never saw',
    outcome: 'only a key that cosigned the checkpoint signs its subtrees',
    codes: [],
    tests: [
      'test/service/witness/sign-subtree.test.ts: takes no Ed25519 cosignature for it: a forger of those would get a lasting ML-DSA-44 one',
      'test/service/witness/sign-subtree.test.ts: refuses a checkpoint without its cosignature, with a forged one, or with that of another checkpoint',
    ],
  },
  {
    attack: 'use a copy of a witness’s keys, or an old copy of its folder, for subtrees of another tree',
    outcome: 'it signs nothing that its record contradicts, and counts it for its operator',
    codes: [],
    tests: [
      'test/service/witness/sign-subtree.test.ts: signs nothing of a checkpoint that its record contradicts, although its own key signed it',
      'test/http/witness.test.ts: counts checkpoints that its key signed and its record contradicts',
    ],
  },
  {
    attack: 'have an ML-DSA key certified whose vector t1 is zero, or a request that another key signed',
    outcome: 'such a key, for which anybody can sign, is no key; a request proves possession of its own',
    codes: ['bad-key', 'bad-proof-of-possession'],
    tests: [
      'test/ca/ml-dsa.test.ts: for which anybody can sign are refused',
      'test/ca/ml-dsa.test.ts: a request proves possession, and a damaged or stolen one does not',
    ],
  },
  {
    attack: 'put ML-DSA into a log whose clients need not understand it, and so have them take its answers for faults',
    outcome:
      'nothing of ML-DSA is certified or sequenced before a signed bundle requires it, which older clients refuse',
    codes: ['weak-key', 'bad-record', 'unsupported-log'],
    tests: [
      'test/client/operations/ml-dsa.test.ts: certifies no such key, even if a profile names it',
      'test/client/operations/ml-dsa.test.ts: sequences no record with ML-DSA while its bundle does not require it',
      'test/contract/trust-bundle.test.ts: is a reason to refuse the log, as unsupported, for a client that does not have it',
    ],
  },
];
