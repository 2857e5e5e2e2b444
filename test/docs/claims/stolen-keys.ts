import type { TestName } from '../test-titles.ts';
import type { Claims } from './claims.ts';

/** The tests of what write access to the database does not give, which two tables tell. */
export const DATABASE_WRITES: readonly TestName[] = [
  'test/scenario/attacks-database.test.ts: record-swapped',
  'test/scenario/attacks-database.test.ts: name-hidden',
  'test/scenario/attacks-database.test.ts: version-hidden',
  'test/scenario/attacks-database.test.ts: wait-shortened',
  'test/scenario/attacks-database.test.ts: wait-misdated',
  'test/scenario/attacks-record.test.ts: certificate-of-another-authority',
  'test/scenario/attacks-database.test.ts: grant-inserted',
  'test/scenario/attacks-database.test.ts: grant-repeated',
  'test/scenario/attacks-database.test.ts: grant-for-another-key',
  'test/scenario/attacks-database.test.ts: veto-hidden',
  'test/scenario/attacks-database.test.ts: record-emptied-before-erasure',
  'test/scenario/attacks-database.test.ts: row-inserted-before-sealing',
  'test/scenario/attacks-database.test.ts: token-inserted',
  'test/scenario/attacks-database.test.ts: revocation-queued',
  'test/scenario/attacks-database.test.ts: challenge-copied',
  'test/scenario/attacks-database.test.ts: entry-forged',
  'test/scenario/attacks-database.test.ts: head-put-back',
  'test/service/sequencing/forged-head.test.ts: is noticed by each of its columns, also right after the append',
  'test/scenario/attacks-lookup.test.ts: value-swapped-in-place',
  'test/service/sequencing/sequencer.test.ts: rejects a record with %s, whoever put it in the queue',
  'test/service/log/tokens.test.ts: are stored as their hashes only',
  'test/http/email-challenge.test.ts: is stored as a hash alone',
];

/** "Stolen keys" and the promise above it. */
export const STOLEN_KEYS: Claims = {
  'The promise that all of this serves': [
    'test/scenario/attacks-record.test.ts: false-version',
    'test/scenario/attacks-monitoring.test.ts: hidden-from-its-owner',
    'test/scenario/attacks-monitoring.test.ts: taken-back-and-audited',
    'test/scenario/attacks-evidence.test.ts: finding-denied',
  ],
  'A thief who has all online keys and the server': ['test/scenario/catalogue.test.ts'],
  'root CA (root.pem, offline)': ['test/scenario/attacks-record.test.ts: certificate-in-no-record'],
  'issuing CA (issuer.pem)': [
    'test/scenario/attacks-record.test.ts: certificate-in-no-record',
    'test/scenario/attacks-record.test.ts: revoked-certificate-shown',
    'test/interop/est.test.ts: are refused with a certificate that a stolen CA key signed, also under a serial that is in the log',
  ],
  'tree head (tree-head.pem)': [
    'test/scenario/attacks-proof.test.ts: fork-after-view',
    'test/scenario/attacks-lookup.test.ts: fork-in-time',
    'test/scenario/attacks-proof.test.ts: fork-per-user',
    'test/scenario/attacks-record.test.ts: certificate-of-another-authority',
    'test/scenario/attacks-witnesses.test.ts: fork-without-witnesses',
    'test/client/audit/audit-log.test.ts: with a tree head over another root is caught',
  ],
  'checkpoint (checkpoint.pem)': [
    'test/client/audit/audit-log.test.ts: with a tree head over another root is caught',
    'test/core/audit/checkpoint.test.ts: open with the key of the log, and only as that log',
    'test/core/keytrans/tree-head.test.ts: verify for the configuration, size and root that were signed, and no others',
  ],
  'VRF (vrf.pem)': [
    'test/scenario/attacks-proof.test.ts: vrf-of-its-own',
    'test/core/crypto/vrf-ed25519.test.ts: gives one output for one input, also to a dishonest holder of the key',
    'test/scenario/attacks-trust.test.ts: two-vrf-keys',
  ],
  'bundle (bundle.pem, offline)': [
    'test/core/keytrans/auditor-change.test.ts: an auditor may come and change, and nothing else may',
    'test/contract/trust-bundle.test.ts: refuses what a log never changes, whoever signs',
    'test/core/audit/log-end.test.ts: is refused for another log, key, entry or leaf',
    'test/scenario/attacks-auditing.test.ts: end-forged',
    'test/scenario/attacks-trust.test.ts: bundle-changed',
  ],
  'third-party auditor (of a log with one)': [
    'test/scenario/attacks-auditing.test.ts: auditor-looks-away',
    'test/scenario/attacks-auditing.test.ts: auditor-equivocates',
    'test/scenario/attacks-auditing.test.ts: auditor-left-behind',
    'test/core/keytrans/tree-head.test.ts: of auditors are not those of the log',
  ],
  'application token': [
    'test/http/stolen-token.test.ts: takes no name where the thief %s',
    'test/service/issuance/issuance.test.ts: is revoked by the application as maintenance, with the reason',
    'test/scenario/evidence-matrix.test.ts: every evidence, operation and person: who gets what is what the documentation says',
    'test/http/resources.test.ts: has exactly the routes of the API',
  ],
  'signing key of an OpenID provider': [
    'test/http/oidc.test.ts: binds the name to the key, and shows every contact whose word it is',
    'test/http/oidc.test.ts: refuses a captured token for another key, another name, a name that has a key, and a domain that is not listed',
    'test/service/evidence/oidc-tokens.test.ts: must be configured, byte for byte: %j leads nowhere',
    'test/service/evidence/oidc-tokens.test.ts: is the only one that is asked, whatever a token says of its keys',
  ],
  'an ID token of a user, captured': [
    'test/http/oidc.test.ts: refuses a captured token for another key, another name, a name that has a key, and a domain that is not listed',
    'test/http/oidc.test.ts: gives a lost answer again when the token has expired, and nobody else anything',
  ],
  'a user’s mailbox, or the mail server’s account': [
    'test/http/email-challenge.test.ts: registers the address with the key that asked, and shows every contact how',
    'test/http/email-challenge.test.ts: is of no use for another key or another name',
    'test/http/email-challenge.test.ts: gives a lost answer again, and binds no second key to the name',
    'test/http/recovery.test.ts: ends what a mailed code was good for: the same code asks for no other recovery',
  ],
  'key of a user’s device': [
    'test/client/key-directory.test.ts: adds, rotates, renews and revokes, and a contact follows the chain',
    'test/client/monitor.test.ts: is told of a false key that was added %i windows after it last looked',
  ],
  'secret of lookup tokens (lookups.secret), or one token': [
    'test/http/lookups.test.ts: are told to bearers of a token of the application, and the others to everybody',
    'test/http/lookups.test.ts: are not registered, revoked or recovered by the bearer of a lookup token',
    'test/http/lookups.test.ts: are counted for each bearer and each address, whatever they are about',
  ],
  'private half of a companion key': [
    'test/client/key-directory.test.ts: certifies companion keys with a key: a renewal keeps them, and only a signed change brings others',
    'test/cli/devices.test.ts: have keys for encryption beside them, which renewals keep',
  ],
  'backup key of a user': [
    'test/client/backup/backup.test.ts: is refused if another key signed it, also one that knows the backup key',
    'test/client/backup/backup.test.ts: holds no private key of the device, and refuses one',
  ],
  "vault's OPAQUE secret and its accounts": [
    'test/client/backup/vault.test.ts: is neither seen nor kept by the vault, and nor is what opens the backup',
    'test/client/backup/backup.test.ts: that is old and served anew is recognised by a device that knows a newer one',
  ],
  "key of a vault's name": [
    'test/client/backup/vault.test.ts: that shows the true statement, and has a stolen record, still lacks the key',
  ],
  'passphrase of the key files': [
    'test/ca/keys/key-file.test.ts: hide the key behind many rounds of PBKDF2',
    'test/ca/keys/key-file.test.ts: never quote what they hold in an error',
  ],
  'database password, or write access to it': DATABASE_WRITES,
  'a client’s state': [
    'test/client/state/state-transfer.test.ts: says what would be lost',
    'test/client/node/folder-state.test.ts: is private, comes back, and is untouched by work that fails',
  ],
  'passphrase of a sealed state, with the sealed text': [
    'test/client/state/sealed-state.test.ts: comes back with its passphrase, and with no other',
    'test/client/state/state-transfer.test.ts: does not take the place of one that knows more, unless told',
  ],
  'TLS key of the proxy': ['test/scenario/damaged-answers.test.ts', 'test/scenario/attacks-lookup.test.ts: old-head'],
  'The audit trail': [
    'test/service/log/trail.test.ts: tells who did what, each act in the transaction of its record',
    'test/service/log/trail.test.ts: shows %s',
  ],
  'Whoever can write to the database can put a whole other trail': [
    'test/service/log/trail.test.ts: that was written anew as a whole does not go through an end that was noted',
    'test/service/issuance/erase-identity.test.ts: gives a receipt that only the CA can have signed',
  ],
  'Such a tree is not older than max_behind': [
    'test/service/log/signed-tree.test.ts: is not one that is too old for clients, though the sealed head says that it is the newest',
    'test/service/log/signed-tree.test.ts: is not taken from a database that is older than what this host has seen another server sign',
  ],
  'Processes that have heard of a later release notice it': [
    'test/service/log/seen-releases.test.ts: has both refuse a dump that is restored after one of them advanced',
    'test/service/lost-entries.test.ts: signs nothing over it, without a file and without witnesses',
    'test/scenario/attacks-witnesses.test.ts: backup-restored',
  ],
  'Hosts of a log note each other': [
    'test/service/log/seen-releases.test.ts: is each that it hears of, also while it is idle, and the last of them when it stops',
    'test/service/log/seen-releases.test.ts: is each, too, if its notification was lost',
  ],
  'A process compares its tree with the sealed head': [
    'test/service/log/signed-tree.test.ts: is not an older one because later releases are hidden, whether the process is new or runs',
  ],
};

/** "Private names". */
export const PRIVATE_NAMES: Claims = {
  'Where the settings make a kind of names private': [
    'test/http/lookups.test.ts: are refused by %s alike, there or not, and nothing is looked up',
  ],
  'lookups, searches, monitoring, chains': [
    'test/http/lookups.test.ts: are refused by %s alike, there or not, and nothing is looked up',
    'test/http/lookup-batch.test.ts: tells nothing of private names, there or not, and looks nothing up for them',
  ],
  'registering, renewing, revoking, recovering, vetoing': [
    'test/http/lookups.test.ts: are not told by requests that show nothing but a key',
  ],
  'the same with an ID token or a code': [
    'test/http/oidc.test.ts: is told to nobody whose evidence is refused, and nothing of it is read before',
  ],
  'e-mail challenges |': [
    'test/http/email-challenge.test.ts: does not tell whether a name is registered: the same answer and work, and the log is not asked',
  ],
  'ACME |': ['test/http/acme.test.ts: of an account for one name is for that name'],
  'EST |': ['test/interop/est.test.ts: are not told by a certificate of another name whether a name is there'],
  'OCSP, CRLs |': [
    'test/ca/verify-chain.test.ts: makes serials of exactly 16 bytes, positive',
    'test/service/revocation/ocsp-service.test.ts: does not know certificates that were never signed, and remembers nothing of them',
  ],
  'audit log: tiles': [
    'test/core/crypto/commitment.test.ts: open to what was committed, and to nothing else',
    'test/core/crypto/commitment.test.ts: have openings of 16 bytes',
  ],
  'metrics, logs, trail |': ['test/http/resources.test.ts: tell health, readiness and metrics'],
  'From a bearer of a lookup token, anything': [
    'test/http/lookups.test.ts: are told to bearers of a token of the application, and the others to everybody',
    'test/http/lookups.test.ts: are counted for each bearer and each address, whatever they are about',
  ],
  'Answers that a name is absent cost as much as others': [
    'test/http/lookups.test.ts: are counted for each bearer and each address, whatever they are about',
  ],
  'The VRF key cannot be replaced': ['test/scenario/attacks-trust.test.ts: two-vrf-keys'],
};

/** "What looks weak and is not", and "What went wrong elsewhere". */
export const NO_WEAKNESS: Claims = {
  'an UpdateResponse about a distinguished log entry': [
    'test/client/operations/unexpected-version.test.ts: are refused where contacts are shown another value, or nothing',
    'test/scenario/attacks-monitoring.test.ts: hidden-from-its-owner',
  ],
  'a version says of itself that its owner asked for it': [
    'test/scenario/attacks-owner.test.ts: hidden-in-a-renewal',
    'test/scenario/attacks-owner.test.ts: false-signature-by-the-owner',
    'test/client/operations/unexpected-version.test.ts: is unexpected unless something explains it',
  ],
  'a version says of itself who authorised it': [
    'test/scenario/attacks-claims.test.ts: claim-at-first-sight',
    'test/scenario/attacks-claims.test.ts: operator-before-first-sight',
    'test/scenario/attacks-claims.test.ts: claim-in-a-history',
  ],
  'a client whose monitoring is refused': ['test/client/monitor.test.ts: is noticed, though it only says %s'],
  'an answer that never ends, a byte at a time': [
    'test/scenario/trickling-answers.test.ts: $kind ends at its deadline where the $trickle trickles',
    'test/cli/monitor-watch.test.ts: --watch ends with 1 where the %s of each answer trickles',
  ],
  'an answer that inflates without end': [
    'test/scenario/inflating-answers.test.ts: an answer that inflates without end is refused as it arrives: %s',
    'test/scenario/inflating-answers.test.ts: a file of an audit is bounded by its own length',
  ],
  'answers are compressed': [
    'test/http/packed-answers.test.ts: share no compression window, so that no length tells whether two are there',
  ],
  'a published copy or a mirror that lost or damaged files': [
    'test/scenario/attacks-copy.test.ts: copy-with-holes',
    'test/scenario/attacks-copy.test.ts: mirror-damaged',
    'test/scenario/attacks-copy.test.ts: copy-mended-with-lies',
    'test/service/publish/check-copy.test.ts: with files of every kind %s is told of each, and repaired',
    'test/cli/publish.test.ts: has its readers told that the copy is damaged, or old, and nothing against the log',
  ],
  "a log's server that answers an auditor's question": [
    'test/scenario/attacks-copy.test.ts: log-as-a-copy',
    'test/client/audit/damaged-copy.test.ts: being a copy does not hide a lie in a trust bundle that is signed %s',
    'test/scenario/attacks-copy.test.ts: lie-behind-a-copy',
    'test/client/audit/damaged-copy.test.ts: being %s is accused of a wrong file as %s, and of a missing one as %s',
  ],
  "a copy that imitates a log's server": [
    'test/client/audit/damaged-copy.test.ts: cannot be proved to have misbehaved by a copy that imitates it',
  ],
  'a redirect': [
    'test/core/net/bounded-fetch.test.ts: asks not to be redirected, in the way that Workers know',
    'test/scenario/attacks-answers.test.ts: redirect-elsewhere',
  ],
  'a client that was away for longer': [
    'test/client/monitor.test.ts: is told of once by whoever was away for longer, and is monitored from then on',
    'test/client/monitor.test.ts: is noticed, though it only says %s',
  ],
  'a state that was lost': ['test/client/monitor.test.ts: adopts what is there when it takes an identity over'],
  'the queue trusts certificates that the same process signed': [
    'test/service/sequencing/sequencer.test.ts: rejects a record with %s, whoever put it in the queue',
  ],
  'a tree head’s signature is verified once': [
    'test/core/crypto/verified-signatures.test.ts: are others with any byte changed',
    'test/core/crypto/verified-signatures.test.ts: are not remembered where they did not hold',
  ],
  'a VRF proof is verified once': [
    'test/core/crypto/verified-vrf-proofs.test.ts: are others with any byte of key, input or proof changed',
    'test/core/crypto/verified-vrf-proofs.test.ts: are not remembered where they did not verify',
  ],
  'certificates for a kind of request that nobody authenticated': [
    'test/scenario/evidence-matrix.test.ts: every evidence, operation and person: who gets what is what the documentation says',
  ],
  'an empty list of purposes': ['test/ca/path/path-cases.test.ts: has a case for many rules of RFC 5280'],
  'a name that no rule compares': ['test/ca/path/name-constraints.test.ts: %s: %s'],
  'an issuer that was compared by a pattern': [
    'test/service/evidence/oidc-tokens.test.ts: must be configured, byte for byte: %j leads nowhere',
  ],
  'a token of nothing but dots': [
    'test/service/evidence/oidc-tokens.test.ts: are refused before anything is allocated for them',
  ],
  'an address that ended a mail’s header': ['test/http/email-challenge.test.ts: sends nothing for %j'],
  'a proof of absence by the searched key itself': [
    'test/core/prefix/prefix-proof.test.ts: refuses a key hidden behind its own leaf',
    'test/scenario/attacks-lookup.test.ts: denied-by-its-own-leaf',
  ],
};
