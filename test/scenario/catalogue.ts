import type { ErrorCode } from '../../src/core/error-codes.ts';
import type { ChainVerdict } from '../../src/identity/chain.ts';

/** Who notices an attack, and doing what. */
export type Noticer =
  | 'contact, looking up'
  | 'contact, monitoring'
  | 'owner, monitoring'
  | 'owner, at the next change'
  | 'watcher, for the owner'
  | 'owner, comparing with a watcher'
  | 'watcher, comparing with another'
  | 'registrant'
  | 'auditor'
  | 'third-party auditor'
  | 'publisher of a copy'
  | 'anybody, verifying evidence'
  | 'two people, comparing heads'
  | 'receiver of a credential'
  | 'client, opening the directory'
  | 'the server itself'
  | 'whoever makes the log or its bundle';

/** One thing that a server or its operator can try. */
export interface Attack {
  /** What is tried; also the name of the test that carries it out. */
  readonly attack: string;
  readonly noticedBy: readonly Noticer[];
  /** What it is noticed as: an error with one of these codes, or one of these words for how keys changed. */
  readonly codes: readonly (ErrorCode | ChainVerdict)[];
  /** After how long at most. */
  readonly within: string;
  /** The file of the test, in this folder. */
  readonly test: string;
}

/** As soon as the answer is there: it is refused, and nothing of it is stored or shown. */
const AT_ONCE = 'at once';
/** Whenever the victim looks, monitors or audits the next time; nothing has to be asked for in time. */
const NEXT_LOOKUP = 'at the next lookup';
const NEXT_MONITORING = 'at the next monitoring: one window (6 h)';
const NEXT_AUDIT = 'at the next audit';

const rows = <const T extends Readonly<Record<string, Omit<Attack, 'test'>>>>(test: string, attacks: T) =>
  Object.fromEntries(Object.entries(attacks).map(([id, row]) => [id, { ...row, test }])) as Readonly<
    Record<keyof T, Attack>
  >;

const LOOKUP = rows('attacks-lookup.test.ts', {
  'value-swapped-in-place': {
    attack: 'swap the record of a version in the database, without a new version',
    noticedBy: ['contact, looking up'],
    codes: ['bad-prefix-proof', 'bad-signature'],
    within: AT_ONCE,
  },
  'two-values-for-a-version': {
    attack: 'show one contact another value for a version than everybody else',
    noticedBy: ['contact, looking up'],
    codes: ['bad-prefix-proof', 'bad-signature'],
    within: AT_ONCE,
  },
  'two-keys-for-a-label': {
    attack: 'give a label the search key of another one',
    noticedBy: ['contact, looking up'],
    codes: ['bad-vrf-proof'],
    within: AT_ONCE,
  },
  'another-root-signed': {
    attack: 'sign another root than that of the entries which are shown',
    noticedBy: ['contact, looking up'],
    codes: ['bad-signature'],
    within: AT_ONCE,
  },
  'old-head': {
    attack: 'serve an old head, without the newest versions',
    noticedBy: ['contact, looking up'],
    codes: ['tree-head-too-old'],
    within: '`max_behind` (10 min) after its last entry',
  },
  'head-older-than-seen': {
    attack: 'serve an older head than the client has seen, though it is recent',
    noticedBy: ['contact, looking up'],
    codes: ['tree-rolled-back'],
    within: AT_ONCE,
  },
  'fork-in-time': {
    attack: 'begin the log anew, under the same keys, for a client that has seen it',
    noticedBy: ['contact, looking up'],
    codes: ['tree-rolled-back', 'bad-prefix-proof', 'bad-signature'],
    within: AT_ONCE,
  },
  'batch-of-two-heads': {
    attack: 'answer names of one batch from two heads, each good by itself',
    noticedBy: ['contact, looking up'],
    codes: ['view-mismatch'],
    within: AT_ONCE,
  },
  'existing-name-denied': {
    attack: 'deny a name that exists',
    noticedBy: ['contact, looking up'],
    codes: ['bad-vrf-proof', 'bad-prefix-proof', 'bad-signature', 'unexpected-version'],
    within: AT_ONCE,
  },
  'denied-by-its-own-leaf': {
    attack: 'deny a name by a leaf that is its own',
    noticedBy: ['contact, looking up'],
    codes: ['bad-prefix-proof'],
    within: AT_ONCE,
  },
  'seen-name-denied': {
    attack: 'prove that a name is absent which the client has seen',
    noticedBy: ['contact, looking up'],
    codes: ['bad-chain'],
    within: AT_ONCE,
  },
  'answer-about-another': {
    attack: 'answer truly about another name',
    noticedBy: ['contact, looking up'],
    codes: ['bad-vrf-proof'],
    within: AT_ONCE,
  },
  'endless-answer': {
    attack: 'answer without end',
    noticedBy: ['contact, looking up'],
    codes: ['bad-response'],
    within: AT_ONCE,
  },
});

const PROOF = rows('attacks-proof.test.ts', {
  'ladder-step-omitted': {
    attack: 'omit a step of a binary ladder',
    noticedBy: ['contact, looking up'],
    codes: ['bad-ladder'],
    within: AT_ONCE,
  },
  'entry-omitted': {
    attack: 'omit a log entry that a search inspects',
    noticedBy: ['contact, looking up'],
    codes: ['bad-ladder'],
    within: AT_ONCE,
  },
  'newest-version-omitted': {
    attack: 'show an older version as the newest one',
    noticedBy: ['contact, looking up'],
    codes: ['bad-prefix-proof'],
    within: AT_ONCE,
  },
  'version-skipped': {
    attack: 'skip a version: add the one after it',
    noticedBy: ['contact, looking up'],
    codes: ['bad-ladder'],
    within: AT_ONCE,
  },
  'pruned-too-early': {
    attack: 'prune what is not expired, and prove without it',
    noticedBy: ['contact, looking up'],
    codes: ['bad-signature'],
    within: AT_ONCE,
  },
  'timestamps-reordered': {
    attack: 'log entries with timestamps that are not in order',
    noticedBy: ['contact, looking up'],
    codes: ['bad-timestamp'],
    within: AT_ONCE,
  },
  'timestamps-forged': {
    attack: 'show other timestamps than were logged',
    noticedBy: ['contact, looking up'],
    codes: ['bad-signature'],
    within: AT_ONCE,
  },
  'vrf-of-its-own': {
    attack: 'give one contact a second search key for a label, with a history of its own',
    noticedBy: ['contact, looking up'],
    codes: ['bad-vrf-proof'],
    within: AT_ONCE,
  },
  'version-in-one-entry': {
    attack: 'show a version that is in the newest entry alone',
    noticedBy: ['contact, monitoring'],
    codes: ['version-rolled-back'],
    within: NEXT_MONITORING,
  },
  'commitment-replaced': {
    attack: 'replace the commitment of a version in a later prefix tree',
    noticedBy: ['contact, looking up'],
    codes: ['bad-commitment'],
    within: NEXT_LOOKUP,
  },
  'fork-per-user': {
    attack: 'fork the log for each user',
    noticedBy: ['two people, comparing heads'],
    codes: ['log-forked'],
    within: 'when they compare',
  },
  'fork-after-view': {
    attack: 'go on with a fork that is larger than what the client has seen',
    noticedBy: ['contact, looking up'],
    codes: ['bad-signature'],
    within: AT_ONCE,
  },
  'false-distinguished-entry': {
    attack: 'call an entry distinguished that is not',
    noticedBy: ['contact, monitoring', 'owner, monitoring'],
    codes: ['proof-left-over', 'view-mismatch'],
    within: AT_ONCE,
  },
  'credential-of-an-old-version': {
    attack: 'make a credential of a version that was not the newest any more',
    noticedBy: ['receiver of a credential'],
    codes: ['bad-ladder', 'bad-prefix-proof'],
    within: AT_ONCE,
  },
  'credential-by-an-unknown-entry': {
    attack: 'make a credential by an entry that is not distinguished',
    noticedBy: ['receiver of a credential'],
    codes: ['unknown-head'],
    within: AT_ONCE,
  },
  'credential-expired': {
    attack: 'hand out a credential that was true long ago',
    noticedBy: ['receiver of a credential'],
    codes: ['credential-expired'],
    within: 'ten windows and `max_behind` (60 h 10 min) after its entry',
  },
  'credential-of-a-longer-fork': {
    attack:
      'make a provisional credential in a branch that stays longer than the log, so that no later entry settles it',
    noticedBy: ['receiver of a credential'],
    codes: ['log-forked'],
    within: 'when an entry of a later time is known',
  },
  'credential-of-a-fork': {
    attack: 'make a provisional credential in a branch that nobody else is shown',
    noticedBy: ['receiver of a credential'],
    codes: ['log-forked'],
    within: 'when the next distinguished entry is known',
  },
});

const RECORD = rows('attacks-record.test.ts', {
  'false-version': {
    attack: 'add a version with a false key, properly and openly',
    noticedBy: ['contact, looking up'],
    codes: ['operator'],
    within: NEXT_LOOKUP,
  },
  'false-authorisation': {
    attack: 'pass it off as the owner’s, by a key that was not in the version before',
    noticedBy: ['contact, looking up'],
    codes: ['unexplained'],
    within: NEXT_LOOKUP,
  },
  'key-as-maintenance': {
    attack: 'add a key as maintenance',
    noticedBy: ['contact, looking up'],
    codes: ['unexplained'],
    within: NEXT_LOOKUP,
  },
  'companion-as-renewal': {
    attack: 'swap a key for encryption that is certified beside the owner’s, in a renewal',
    noticedBy: ['contact, looking up'],
    codes: ['unexplained'],
    within: NEXT_LOOKUP,
  },
  'companion-in-a-signed-change': {
    attack: 'certify other keys for encryption than those that the owner’s change was signed for',
    noticedBy: ['contact, looking up'],
    codes: ['unexplained'],
    within: NEXT_LOOKUP,
  },
  'laundered-while-away': {
    attack: 'add a false key while the contact is away, and then change keys with it',
    noticedBy: ['contact, looking up'],
    codes: ['operator'],
    within: NEXT_LOOKUP,
  },
  'recovery-without-waiting': {
    attack: 'let a recovery take effect at once',
    noticedBy: ['contact, looking up'],
    codes: ['operator'],
    within: NEXT_LOOKUP,
  },
  'chain-without-end': {
    attack: 'show a version so great that nobody can fetch the ones between',
    noticedBy: ['contact, looking up'],
    codes: ['unexplained'],
    within: AT_ONCE,
  },
  'chain-of-another-length': {
    attack: 'give more versions between than were asked for',
    noticedBy: ['contact, looking up'],
    codes: ['bad-chain'],
    within: AT_ONCE,
  },
  'chain-withheld': {
    attack: 'withhold the versions between, or give others',
    noticedBy: ['contact, looking up'],
    codes: ['unexplained'],
    within: NEXT_LOOKUP,
  },
  'certificate-in-no-record': {
    attack: 'sign a certificate that is in no record',
    noticedBy: ['contact, looking up'],
    codes: ['certificate-not-in-record'],
    within: AT_ONCE,
  },
  'revoked-certificate-shown': {
    attack: 'go on showing a certificate that was revoked or replaced',
    noticedBy: ['contact, looking up'],
    codes: ['certificate-not-in-record', 'tree-rolled-back'],
    within: 'at once, or `max_behind` (10 min) for who has not looked since',
  },
  'certificate-of-another': {
    attack: 'put the certificate of somebody else into a record',
    noticedBy: ['contact, looking up'],
    codes: ['bad-certificate'],
    within: AT_ONCE,
  },
  'certificate-of-another-authority': {
    attack: 'put the certificate of another authority into a record',
    noticedBy: ['contact, looking up'],
    codes: ['untrusted-issuer'],
    within: AT_ONCE,
  },
  'certificate-for-no-identity': {
    attack: 'sign a name that is no identity, or another spelling of one',
    noticedBy: ['contact, looking up'],
    codes: ['bad-certificate'],
    within: AT_ONCE,
  },
  'certificate-not-yet-valid': {
    attack: 'put a certificate into a record before it is valid',
    noticedBy: ['contact, looking up'],
    codes: ['bad-certificate'],
    within: AT_ONCE,
  },
  'certificate-for-a-weak-key': {
    attack: 'sign a weak key',
    noticedBy: ['contact, looking up'],
    codes: ['bad-certificate'],
    within: AT_ONCE,
  },
});

const CLAIMS = rows('attacks-claims.test.ts', {
  'claim-at-first-sight': {
    attack: 'pass a false key off as the owner’s to a contact who has never looked the name up',
    noticedBy: ['contact, looking up'],
    codes: ['unexplained'],
    within: AT_ONCE,
  },
  'operator-before-first-sight': {
    attack: 'swap a key, and change keys with it, before a contact looks the name up for the first time',
    noticedBy: ['contact, looking up'],
    codes: ['operator'],
    within: AT_ONCE,
  },
  'recovery-before-first-sight': {
    attack: 'let a recovery take effect at once, before a contact looks the name up for the first time',
    noticedBy: ['contact, looking up'],
    codes: ['operator'],
    within: AT_ONCE,
  },
  'claim-of-one-version': {
    attack: 'let an old version, looked up by its number, say that a key of the owner signed it',
    noticedBy: ['contact, looking up'],
    codes: ['unexplained'],
    within: AT_ONCE,
  },
  'claim-in-a-history': {
    attack: 'let a version in a history say that a key of the owner signed it',
    noticedBy: ['contact, looking up'],
    codes: ['bad-change-signature'],
    within: AT_ONCE,
  },
});

const MONITORING = rows('attacks-monitoring.test.ts', {
  'false-version-owned': {
    attack: 'add a version with a false key, which no contact has looked up',
    noticedBy: ['owner, monitoring', 'watcher, for the owner'],
    codes: ['unexpected-version'],
    within: NEXT_MONITORING,
  },
  'false-version-and-back': {
    attack: 'add a false version, and then one that is as before',
    noticedBy: ['owner, monitoring', 'watcher, for the owner'],
    codes: ['unexpected-version'],
    within: NEXT_MONITORING,
  },
  'hidden-from-its-owner': {
    attack: 'tell the owner of nothing new while contacts see a new version',
    noticedBy: ['owner, monitoring', 'watcher, for the owner'],
    codes: ['unexpected-version'],
    within: NEXT_MONITORING,
  },
  'own-version-taken-back': {
    attack: 'take a version of the owner’s back',
    noticedBy: ['owner, monitoring', 'watcher, for the owner'],
    codes: ['bad-ladder'],
    within: NEXT_MONITORING,
  },
  'shown-and-taken-back': {
    attack: 'add a false version, show it, and take it back before the next distinguished entry',
    noticedBy: ['contact, monitoring', 'contact, looking up'],
    codes: ['version-rolled-back', 'bad-ladder'],
    within: NEXT_MONITORING,
  },
  'taken-back-and-audited': {
    attack: 'take a version back, of which nobody but its victim knows',
    noticedBy: ['auditor'],
    codes: ['bad-auditor-update'],
    within: NEXT_AUDIT,
  },
  'refused-to-be-shown': {
    attack: 'call the monitoring of what was shown a wrong request, and show nothing',
    noticedBy: ['contact, monitoring', 'owner, monitoring', 'watcher, for the owner'],
    codes: ['version-rolled-back'],
    within: NEXT_MONITORING,
  },
  'said-to-have-expired': {
    attack: 'say that what is monitored is past the maximum lifetime, though it is not',
    noticedBy: ['contact, monitoring', 'owner, monitoring', 'watcher, for the owner'],
    codes: ['version-rolled-back'],
    within: NEXT_MONITORING,
  },
  'credential-never-settled': {
    attack: 'never answer the question that settles a provisional credential',
    noticedBy: ['receiver of a credential'],
    codes: ['unexplained'],
    within: 'when the credential expires: ten windows and `max_behind` (60 h 10 min)',
  },
  'one-version-said-to-have-expired': {
    attack: 'say that a version which a contact monitors cannot be looked up, because it has expired',
    noticedBy: ['contact, looking up'],
    codes: ['version-rolled-back'],
    within: AT_ONCE,
  },
  'expired-while-away': {
    attack: 'take back what somebody was shown who is away for longer than the maximum lifetime',
    noticedBy: ['owner, monitoring', 'watcher, for the owner'],
    codes: ['unexplained'],
    within: NEXT_MONITORING,
  },
  'value-replaced': {
    attack: 'take a version back, and log another value as the same version',
    noticedBy: ['contact, looking up'],
    codes: ['bad-chain'],
    within: NEXT_LOOKUP,
  },
});

const OWNER = rows('attacks-owner.test.ts', {
  'another-key-registered': {
    attack: 'register another key than the one that was asked for',
    noticedBy: ['registrant'],
    codes: ['certificate-not-in-record'],
    within: AT_ONCE,
  },
  'another-companion-registered': {
    attack: 'register another key for encryption than the one that was asked for',
    noticedBy: ['registrant'],
    codes: ['certificate-not-in-record'],
    within: AT_ONCE,
  },
  'second-key-registered': {
    attack: 'slip a second key into the first version',
    noticedBy: ['registrant'],
    codes: ['bad-record'],
    within: AT_ONCE,
  },
  'registered-before': {
    attack: 'register a key of its own just before the owner’s, and replace it',
    noticedBy: ['registrant'],
    codes: ['operator', 'unexpected-version'],
    within: AT_ONCE,
  },
  'confirmed-by-the-owner': {
    attack: 'have a false key confirmed by the owner’s next change',
    noticedBy: ['owner, at the next change'],
    codes: ['operator'],
    within: AT_ONCE,
  },
  'hidden-in-a-renewal': {
    attack: 'add a key in the version that renews the owner’s certificate',
    noticedBy: ['owner, at the next change'],
    codes: ['unexpected-version'],
    within: AT_ONCE,
  },
  'false-signature-by-the-owner': {
    attack: 'make more of a signed change than its owner signed, and lose the answer',
    noticedBy: ['owner, at the next change'],
    codes: ['unexpected-version'],
    within: AT_ONCE,
  },
  'warning-lost': {
    attack: 'have the warning lost in a verification that fails for another reason',
    noticedBy: ['contact, looking up'],
    codes: ['certificate-not-in-record', 'operator'],
    within: NEXT_LOOKUP,
  },
});

const AUDITOR = rows('attacks-auditor.test.ts', {
  'leaf-removed': {
    attack: 'remove a leaf from the prefix tree and say so',
    noticedBy: ['auditor'],
    codes: ['bad-auditor-update'],
    within: NEXT_AUDIT,
  },
  'leaf-replaced': {
    attack: 'publish another leaf than the prefix tree has got',
    noticedBy: ['auditor'],
    codes: ['bad-audit-entry'],
    within: NEXT_AUDIT,
  },
  'leaf-added-twice': {
    attack: 'add a leaf again that is there, with another commitment',
    noticedBy: ['auditor'],
    codes: ['bad-prefix-proof'],
    within: NEXT_AUDIT,
  },
  'history-rewritten': {
    attack: 'rewrite or shorten what was audited',
    noticedBy: ['auditor'],
    codes: ['log-forked', 'tree-rolled-back'],
    within: NEXT_AUDIT,
  },
  'time-reversed-for-auditors': {
    attack: 'log an entry that is older than the one before it',
    noticedBy: ['auditor'],
    codes: ['bad-timestamp'],
    within: NEXT_AUDIT,
  },
  'future-entry': {
    attack: 'log an entry from the future',
    noticedBy: ['auditor'],
    codes: ['tree-head-too-new'],
    within: NEXT_AUDIT,
  },
  'log-for-auditors': {
    attack: 'keep a prettier log for auditors than for those who look up',
    noticedBy: ['auditor'],
    codes: ['log-forked'],
    within: 'at the next audit by anybody who has looked up',
  },
});

const AUDITING = rows('attacks-auditing.test.ts', {
  'auditor-looks-away': {
    attack: 'have a third-party auditor that signs without looking, and take a version back',
    noticedBy: ['auditor'],
    codes: ['bad-auditor-update'],
    within: 'at the next audit by anybody else',
  },
  'audited-for-a-lie': {
    attack: 'break a rule before the eyes of a third-party auditor that looks',
    noticedBy: ['third-party auditor'],
    codes: ['bad-timestamp'],
    within: 'in seconds; clients stop within the auditor’s lag (10 min)',
  },
  'auditor-equivocates': {
    attack: 'have a third-party auditor that signs two heads of one size, for two logs',
    noticedBy: ['auditor', 'two people, comparing heads'],
    codes: ['log-forked'],
    within: 'at the next audit by anybody who has audited or looked up, or when they compare',
  },
  'goes-on-after-its-end': {
    attack: 'end a log, name a successor, and go on with it for somebody',
    noticedBy: ['auditor'],
    codes: ['continued-after-end'],
    within: NEXT_AUDIT,
  },
  'end-forged': {
    attack: 'say that a log has ended which goes on, to lead people to another one or to keep an old head alive',
    noticedBy: ['contact, looking up'],
    codes: ['bad-log-end', 'tree-head-too-old'],
    within: AT_ONCE,
  },
  'auditor-left-behind': {
    attack: 'show a head of the third-party auditor that is older than its lag allows',
    noticedBy: ['contact, looking up'],
    codes: ['bad-tree-head'],
    within: AT_ONCE,
  },
  'auditor-starts-too-late': {
    attack: 'name a third-party auditor that starts so late that it has audited nothing of what is shown',
    noticedBy: ['contact, looking up'],
    codes: ['bad-tree-head'],
    within: AT_ONCE,
  },
  'auditor-forged': {
    attack: 'sign a head in the third-party auditor’s name, or show one of another size',
    noticedBy: ['contact, looking up'],
    codes: ['bad-signature', 'bad-tree-head'],
    within: AT_ONCE,
  },
});

const TRUST = rows('attacks-trust.test.ts', {
  'bundle-changed': {
    attack: 'show another trust bundle, without the pinned bundle key or for another log',
    noticedBy: ['client, opening the directory'],
    codes: ['bundle-changed'],
    within: AT_ONCE,
  },
  'log-replaced': {
    attack: 'replace the whole log, keys and name, where clients know the one before',
    noticedBy: ['client, opening the directory'],
    codes: ['log-replaced'],
    within: AT_ONCE,
  },
  'fingerprint-mismatch': {
    attack: 'show another log, or a forged bundle, to a client that was told the fingerprint',
    noticedBy: ['client, opening the directory'],
    codes: ['fingerprint-mismatch'],
    within: AT_ONCE,
  },
  'lifetime-within-window': {
    attack: 'make a log whose entries expire before anybody has to monitor them',
    noticedBy: ['client, opening the directory'],
    codes: ['bad-bundle'],
    within: AT_ONCE,
  },
  'bundle-unsigned': {
    attack: 'alter a trust bundle',
    noticedBy: ['client, opening the directory'],
    codes: ['bad-bundle'],
    within: AT_ONCE,
  },
  'two-vrf-keys': {
    attack: 'give out two bundles of one origin with different VRF keys',
    noticedBy: ['client, opening the directory'],
    codes: ['bundle-changed'],
    within: 'at once; for who pinned on first use, when fingerprints are compared',
  },
  'useless-keys': {
    attack: 'give out a VRF or tree-head key of small order, under which anything verifies',
    noticedBy: ['client, opening the directory'],
    codes: ['bad-bundle'],
    within: AT_ONCE,
  },
});

const COPY = rows('attacks-copy.test.ts', {
  'copy-altered': {
    attack: 'alter a tile, an entry or an update in a published copy (on the CDN)',
    noticedBy: ['auditor'],
    codes: ['copy-damaged'],
    within: NEXT_AUDIT,
  },
  'copy-with-holes': {
    attack: 'remove, truncate, lengthen or swap files of a published copy',
    noticedBy: ['auditor'],
    codes: ['copy-damaged'],
    within: NEXT_AUDIT,
  },
  'log-as-a-copy': {
    attack: 'answer an auditor as a plain web server would, so that an altered update passes for the damage of a copy',
    noticedBy: ['auditor'],
    codes: ['bad-auditor-update', 'bad-audit-entry'],
    within: 'at the next audit, if the server ever answered a question of this auditor',
  },
  'copy-out-of-date': {
    attack: 'have the log accused by a copy that is only old',
    noticedBy: ['auditor'],
    codes: ['too-far-behind'],
    within: NEXT_AUDIT,
  },
  'lie-behind-a-copy': {
    attack: 'pass a bad entry off as the damage of a copy',
    noticedBy: ['auditor'],
    codes: ['bad-auditor-update'],
    within: NEXT_AUDIT,
  },
  'proof-withheld-from-mirror': {
    attack: 'serve a bad entry to a mirror, and then withhold the files that prove it',
    noticedBy: ['auditor'],
    codes: ['bad-auditor-update'],
    within: NEXT_AUDIT,
  },
  'mirror-damaged': {
    attack: 'have a mirror accuse the log of what the mirror’s own disk did',
    noticedBy: ['auditor'],
    codes: ['copy-damaged'],
    within: NEXT_AUDIT,
  },
  'copy-mended-with-lies': {
    attack: 'have a damaged copy mended with other files than were signed',
    noticedBy: ['publisher of a copy'],
    codes: [
      'bad-auditor-update',
      'bad-audit-entry',
      'bad-log-proof',
      'bad-tree-head',
      'log-forked',
      'tree-rolled-back',
    ],
    within: 'when it is mended: the files stay as they are',
  },
  'copy-of-a-fork': {
    attack: 'have another history of the log published over the one that is published',
    noticedBy: ['publisher of a copy'],
    codes: ['log-forked', 'bad-log-proof', 'tree-rolled-back'],
    within: 'when it is published: the copy stays as it is',
  },
});

const EVIDENCE = rows('attacks-evidence.test.ts', {
  'finding-denied': {
    attack: 'deny towards others what an auditor has found',
    noticedBy: ['anybody, verifying evidence'],
    codes: ['log-forked', 'bad-audit-entry', 'bad-auditor-update', 'bad-prefix-proof', 'bad-timestamp'],
    within: AT_ONCE,
  },
  'witness-equivocates': {
    attack: 'cosign two histories of a log, as a witness',
    noticedBy: ['auditor', 'anybody, verifying evidence'],
    codes: ['log-forked'],
    within: 'at the next audit by anybody who knows the other history',
  },
  'evidence-forged': {
    attack: 'accuse an honest log with evidence that was made up, or altered',
    noticedBy: ['anybody, verifying evidence'],
    codes: ['not-proven', 'bad-evidence'],
    within: AT_ONCE,
  },
});

const RECOVERY = rows('attacks-recovery.test.ts', {
  'recovery-too-early': {
    attack: 'let a recovery take effect before the delay of the trust bundle',
    noticedBy: ['contact, looking up'],
    codes: ['operator'],
    within: NEXT_LOOKUP,
  },
  'recovery-false-positions': {
    attack: 'name log entries for a recovery’s wait at which it was not pending, or not alone',
    noticedBy: ['contact, looking up'],
    codes: ['operator'],
    within: NEXT_LOOKUP,
  },
  'recovery-false-proof': {
    attack: 'prove the wait of a recovery by other log entries than it names',
    noticedBy: ['contact, looking up'],
    codes: [
      'bad-prefix-proof',
      'bad-signature',
      'view-mismatch',
      'proof-exhausted',
      'proof-left-over',
      'bad-log-proof',
    ],
    within: AT_ONCE,
  },
  'recovery-despite-veto': {
    attack: 'let a recovery take effect though a key of the owner vetoed it',
    noticedBy: ['contact, looking up'],
    codes: ['unexplained'],
    within: NEXT_LOOKUP,
  },
  'veto-by-a-false-owner': {
    attack: 'veto the owner’s recovery by a key that only the operator put into the record, and removed again',
    noticedBy: ['contact, looking up'],
    codes: ['unexplained'],
    within: NEXT_LOOKUP,
  },
  'more-than-a-veto': {
    attack: 'change keys by a key that was removed, as if it were a veto',
    noticedBy: ['contact, looking up'],
    codes: ['unexplained'],
    within: NEXT_LOOKUP,
  },
  'recovery-hidden-from-owner': {
    attack: 'hide a pending recovery from the owner',
    noticedBy: ['owner, monitoring', 'watcher, for the owner'],
    codes: ['unexpected-version'],
    within: NEXT_MONITORING,
  },
});

const WATCHING = rows('attacks-watching.test.ts', {
  'watcher-shown-another-log': {
    attack: 'recognise a watcher, and show it a log of its own, without the false version',
    noticedBy: ['owner, comparing with a watcher'],
    codes: ['log-forked'],
    within: 'when the owner’s client compares with the watcher',
  },
  'two-watchers-shown-two-logs': {
    attack: 'show two watchers two logs',
    noticedBy: ['watcher, comparing with another'],
    codes: ['log-forked'],
    within: 'in the second round after both were shown them',
  },
  'watcher-accuses-falsely': {
    attack: 'as a watcher: claim that the log has shown a tree which it never signed',
    noticedBy: ['owner, comparing with a watcher', 'watcher, comparing with another'],
    codes: ['bad-checkpoint'],
    within: AT_ONCE,
  },
});

const WITNESSES = rows('attacks-witnesses.test.ts', {
  'fork-without-witnesses': {
    attack: 'fork a log with a witness policy while all witnesses are down',
    noticedBy: ['contact, looking up', 'registrant'],
    codes: ['not-witnessed', 'timed-out', 'release-stalled'],
    within: 'at once: nothing is released',
  },
  'fork-with-the-true-proof': {
    attack: 'show a fork with the proof of the tree that the witnesses have seen',
    noticedBy: ['contact, looking up'],
    codes: ['log-forked'],
    within: AT_ONCE,
  },
  'backup-restored': {
    attack: 'go on from an older backup of the database',
    noticedBy: ['the server itself'],
    codes: ['log-rolled-back'],
    within: 'at its start, before anything is signed, if its own file or a witness knows of more',
  },
  'fork-to-one-witness': {
    attack: 'show a fork to one witness of three, and then to somebody else',
    noticedBy: ['contact, looking up', 'the server itself'],
    codes: ['not-witnessed', 'log-rolled-back'],
    within: AT_ONCE,
  },
  'quorums-apart': {
    attack: 'let honest witnesses cosign a fork, by a policy with two quorums that share none',
    noticedBy: ['whoever makes the log or its bundle'],
    codes: ['bad-policy'],
    within: 'before anything is signed; clients warn of a bundle that has it all the same',
  },
  'tile-missing': {
    attack: 'lose a tile, and go on signing over it',
    noticedBy: ['the server itself'],
    codes: ['storage-corrupt'],
    within: 'at its next start, before anything is signed',
  },
});

const ANSWERS = rows('attacks-answers.test.ts', {
  'answer-that-trickles': {
    attack: 'give a byte of an answer now and then, and never the whole, so that a client waits for ever',
    noticedBy: ['client, opening the directory', 'contact, looking up', 'auditor'],
    codes: ['network-failed'],
    within: '30 s for an answer, 60 s for a file of an audit; `monitor --watch` ends with 1 after one window',
  },
  'redirect-elsewhere': {
    attack: 'redirect a request, with the token that it carries, to another server',
    noticedBy: ['client, opening the directory', 'contact, looking up', 'registrant', 'auditor'],
    codes: ['bad-response'],
    within: AT_ONCE,
  },
  'provider-that-trickles': {
    attack: 'trickle the keys of an OpenID provider, so that no registration through it ever ends',
    noticedBy: ['the server itself'],
    codes: ['issuer-unavailable'],
    within: '5 s for each of two files; registrations with other evidence do not wait',
  },
});

const DATABASE = rows('attacks-database.test.ts', {
  'grant-inserted': {
    attack: 'insert a row that says that the operator granted a recovery, and ask for its certificate',
    noticedBy: ['the server itself'],
    codes: ['unsealed-row'],
    within: 'before anything is signed',
  },
  'grant-completed-by-the-server': {
    attack: 'insert a row that says that the operator granted a recovery, and wait for the server to complete it',
    noticedBy: ['the server itself'],
    codes: ['unsealed-row'],
    within: 'before anything is signed',
  },
  'grant-repeated': {
    attack: 'put the row of a granted recovery back after the recovery, to take the name again',
    noticedBy: ['the server itself'],
    codes: ['change-rejected'],
    within: 'before anything is signed',
  },
  'grant-for-another-key': {
    attack: 'exchange the row of a recovery, after the operator has looked at it, for an older one of a stranger’s key',
    noticedBy: ['the server itself'],
    codes: ['other-key'],
    within: 'when the operator grants it',
  },
  'row-inserted-before-sealing': {
    attack:
      'insert the row of a token after the administrator has looked at the rows of an older program, and before these are sealed',
    noticedBy: ['the server itself'],
    codes: ['rows-changed'],
    within: 'before anything is sealed',
  },
  'token-inserted': {
    attack: 'insert the row of an application token, and register names with it',
    noticedBy: ['the server itself'],
    codes: ['unsealed-row'],
    within: 'before anything is signed',
  },
  'revocation-queued': {
    attack: 'insert a version into the queue that removes all certificates of a name',
    noticedBy: ['the server itself'],
    codes: ['unsealed-row'],
    within: 'before it is in the log',
  },
  'recovery-queued': {
    attack: 'insert a version into the queue that begins a recovery for a key of the attacker',
    noticedBy: ['the server itself'],
    codes: ['unsealed-row'],
    within: 'before it is in the log',
  },
  'record-swapped': {
    attack:
      'swap the record of a name in the database, without a new log entry, for one with a key of the attacker, who then signs the next change',
    noticedBy: ['the server itself'],
    codes: ['storage-corrupt'],
    within: 'before anything is signed',
  },
  'name-hidden': {
    attack: 'delete the rows of a name, and register it anew',
    noticedBy: ['the server itself'],
    codes: ['storage-corrupt'],
    within: 'before anything is signed',
  },
  'version-hidden': {
    attack: 'delete the newest version of a name, and renew the certificate of the key that it removed',
    noticedBy: ['the server itself'],
    codes: ['storage-corrupt'],
    within: 'before anything is signed',
  },
  'wait-shortened': {
    attack: 'change the time of the log entry in which a recovery became pending, so that it seems to have waited',
    noticedBy: ['the server itself'],
    codes: ['storage-corrupt'],
    within: 'before anything is signed',
  },
  'wait-misdated': {
    attack: 'move a pending recovery to a later log entry in the database, so that its owner is told a later day',
    noticedBy: ['the server itself'],
    codes: ['storage-corrupt'],
    within: 'before anybody is told',
  },
  'entry-forged': {
    attack:
      'write a log entry with another version of a name into the database, with every row that belongs to it and a fitting head',
    noticedBy: ['the server itself'],
    codes: ['unsealed-row'],
    within: 'before anything is signed',
  },
  'head-put-back': {
    attack: 'put an older head row back, whose seal is valid, and delete what the log has signed since',
    noticedBy: ['the server itself'],
    codes: ['log-rolled-back'],
    within: 'before anything is signed',
  },
  'veto-hidden': {
    attack: 'delete the record of a recovery that its owner vetoed, so that the veto does not count',
    noticedBy: ['the server itself'],
    codes: ['storage-corrupt'],
    within: 'before anything is signed',
  },
  'record-emptied-before-erasure': {
    attack: 'swap the record of a name for an empty one, so that its erasure leaves its certificates off the CRL',
    noticedBy: ['the server itself'],
    codes: ['storage-corrupt'],
    within: 'before anything is erased',
  },
  'challenge-copied': {
    attack: 'change the row of a code that was mailed to the attacker, so that it proves the address of somebody else',
    noticedBy: ['the server itself'],
    codes: ['unsealed-row'],
    within: 'before anything is signed',
  },
});

/**
 * What a lying server can try. Every row is carried out by the test of its name, with code that changes the server, its
 * prover or its database; `docs/attacks.md` has the same table.
 */
export const CATALOGUE = {
  ...LOOKUP,
  ...RECORD,
  ...CLAIMS,
  ...MONITORING,
  ...PROOF,
  ...OWNER,
  ...AUDITOR,
  ...AUDITING,
  ...TRUST,
  ...COPY,
  ...RECOVERY,
  ...WATCHING,
  ...WITNESSES,
  ...EVIDENCE,
  ...ANSWERS,
  ...DATABASE,
};

/** Names a row. */
export type AttackId = keyof typeof CATALOGUE;
