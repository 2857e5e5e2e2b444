import type { OutsideAttack } from './outside-attack.ts';

const AUDIT = 'test/akd/audit-epochs.test.ts';
const EVIDENCE = 'test/cli/akd/akd-evidence.test.ts';
const PROOF = 'test/akd/verify-append-only.test.ts';

/** Lies of the operator of an AKD log, which `audit-akd` audits, or of whoever serves its objects. */
export const AKD_LOGS: readonly OutsideAttack[] = [
  {
    attack: 'replace, remove or hide a leaf of an AKD log, under the name of what is unchanged',
    outcome: 'the proof is refused, whatever roots its name has',
    codes: ['bad-auditor-update'],
    tests: [`${PROOF}: is refused: $title`, `${PROOF}: is refused under every name: $title`],
  },
  {
    attack: 'damage a proof of an AKD log, or write it in another form of protobuf',
    outcome: 'it is refused, and names the object in evidence',
    codes: ['malformed-encoding', 'bad-auditor-update'],
    tests: [
      `${PROOF}: are refused with any bit flipped`,
      `${PROOF}: are refused if anything is cut off or appended`,
      `${PROOF}: is refused: $title`,
    ],
  },
  {
    attack: 'leave an epoch of an AKD log out, or begin one elsewhere than the one before ends',
    outcome: 'the audit ends with a finding',
    codes: ['bad-audit-entry'],
    tests: [`${AUDIT}: is found: %s`],
  },
  {
    attack: 'show two objects of an epoch of an AKD log, or another one than before',
    outcome: 'the audit ends with a finding',
    codes: ['log-forked'],
    tests: [`${AUDIT}: is found: %s`, `${AUDIT}: is found: what was audited before has another name now, or is gone`],
  },
  {
    attack: 'accuse an honest AKD log by evidence that names other hashes, or a root that nobody can look up',
    outcome: 'the check refuses the evidence, or says that it shows nothing',
    codes: ['usage', 'not-proven'],
    tests: [
      `${EVIDENCE}: accuses no honest object by another kind of %s`,
      `${EVIDENCE}: that accuses an honest object shows nothing`,
      `${EVIDENCE}: shows %s, or does not`,
    ],
  },
  {
    attack: 'exhaust an auditor of an AKD log: millions of empty nodes, labels that are alike, endless listings',
    outcome: 'the bounds hold before memory is allocated, and the work grows little faster than the bytes',
    codes: ['usage', 'bad-response'],
    tests: [
      `${PROOF}: are checked before anything is allocated for its nodes`,
      `${AUDIT}: ends what it reads ahead`,
      `${PROOF}: keep labels that share their beginnings from taking long`,
      'test/akd/http-source.test.ts: are refused where the bucket %s',
      'test/akd/object-listing.test.ts: is refused in time that does not grow faster than it (%#)',
    ],
  },
];
