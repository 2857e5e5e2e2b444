import { type History, type MadeVersion, versionOf } from './history.ts';
import { type KeyName, spkiHash } from './keys.ts';
import type { OwnCase } from './own-file.ts';
import { chainInput, linkJson, nextVersion, signedChange } from './chain-cases.ts';

const PENDING = { spkiSha256: spkiHash('mallory'), evidence: { type: 'email' } } as const;
const REQUESTED = { type: 'recovery', phase: 'requested' } as const;

/** The versions of a label, one after the other. */
class Chain {
  readonly versions: MadeVersion[];

  constructor(...versions: MadeVersion[]) {
    this.versions = versions;
  }

  get last(): MadeVersion {
    return this.versions.at(-1) as MadeVersion;
  }

  /** Somebody asks for a recovery, which makes Mallory's key pending. */
  requested(): Chain {
    const { certificates } = this.last.record;
    return new Chain(...this.versions, nextVersion(this.last, certificates, REQUESTED, { pending: PENDING }));
  }

  removed(certificates: readonly Uint8Array[]): Chain {
    const { pending } = this.last.record;
    const revocation = { type: 'maintenance', kind: 'revocation', reason: 1 } as const;
    return new Chain(...this.versions, nextVersion(this.last, certificates, revocation, { pending }));
  }

  /** A version that only removes what is pending, signed by `signer`; `keys` are those of the record. */
  async vetoed(signer: KeyName, keys: readonly KeyName[]): Promise<Chain> {
    const { certificates } = this.last.record;
    return new Chain(
      ...this.versions,
      nextVersion(this.last, certificates, await signedChange(this.last, signer, keys)),
    );
  }

  /** The recovery comes into effect: the log shows two entries at which its request stood. */
  effective(certificates: readonly Uint8Array[]): Chain {
    const [pendingVersion, firstPosition, lastPosition] = [this.last.version, 40, 90];
    const effective = { type: 'recovery', phase: 'effective', pendingVersion, firstPosition, lastPosition } as const;
    return new Chain(...this.versions, nextVersion(this.last, certificates, effective));
  }

  /** What somebody who holds version `held` is shown of all others. */
  input(held: number, waited = false): OwnCase['input'] {
    const from = this.versions[held];
    const between = this.versions.slice(held + 1, -1);
    return { ...chainInput(from, between, this.last), earlier: this.versions.slice(0, held).map(linkJson), waited };
  }

  judged(name: string, held: number, verdict: string, links: readonly string[], waited = false): OwnCase {
    return { name, input: this.input(held, waited), expect: { verdict, links, fault: null } };
  }

  unexplained(name: string, held: number, fault: string): OwnCase {
    return { name, input: this.input(held), expect: { verdict: 'unexplained', fault } };
  }
}

/** Recoveries that take effect, and vetoes against them. */
export async function vetoes({ certificates, versions }: History): Promise<readonly OwnCase[]> {
  const { phone, laptop, mallory } = certificates;
  const first = versions[0] as MadeVersion;
  const both = nextVersion(first, [phone, laptop], await signedChange(first, 'phone', ['phone', 'laptop']));
  const asked = new Chain(first).requested();
  const bothAsked = new Chain(first, both).requested();
  // The operator takes the phone away, then somebody asks for a recovery: the phone may still veto.
  const byOperator = nextVersion(both, [laptop], { type: 'operator', reason: 'lost' });
  const afterOperator = new Chain(first, both, byOperator).requested();
  // The owner takes the phone away: it may not veto any more.
  const byOwner = nextVersion(both, [laptop], await signedChange(both, 'laptop', ['laptop']));
  const afterOwner = new Chain(first, both, byOwner).requested();
  const emptied = new Chain(first).requested().removed([]);
  const evidence = { type: 'import', possession: false } as const;
  const imported = versionOf(0, { ...first.record, authorization: { type: 'initial', evidence } });
  const emptiedImport = new Chain(imported).removed([]).requested();
  const erased = nextVersion(first, [], { type: 'maintenance', kind: 'erasure' });
  const afterErasure = new Chain(first, erased).requested();
  return [
    (await asked.vetoed('phone', ['phone'])).judged('a veto by a key of the record before', 1, 'key', ['key']),
    (await bothAsked.vetoed('laptop', ['phone', 'laptop'])).judged('a veto by one of two keys', 1, 'recovery', [
      'recovery',
      'key',
    ]),
    (await asked.vetoed('mallory', ['phone'])).unexplained(
      'a veto by the key that is pending',
      1,
      'bad-change-signature',
    ),
    (await afterOperator.vetoed('phone', ['laptop'])).judged('a veto by a key that the operator removed', 3, 'key', [
      'key',
    ]),
    (await afterOperator.vetoed('phone', ['laptop'])).judged(
      'the same, seen by somebody who holds an earlier version',
      1,
      'operator',
      ['operator', 'recovery', 'key'],
    ),
    (await afterOwner.vetoed('phone', ['laptop'])).unexplained(
      'a veto by a key that its owner removed',
      3,
      'bad-change-signature',
    ),
    (await emptied.vetoed('phone', [])).judged('a veto by a key that a revocation removed', 2, 'key', ['key']),
    (await emptiedImport.vetoed('phone', [])).judged('a veto by a key that was imported and revoked', 2, 'key', [
      'key',
    ]),
    (await afterErasure.vetoed('phone', [])).unexplained('a veto after an erasure', 2, 'bad-change-signature'),
    asked
      .effective([phone, mallory])
      .judged('a recovery in effect, whose wait the log shows', 1, 'recovery', ['recovery'], true),
    asked
      .effective([phone, mallory])
      .judged('a recovery in effect, whose wait the log does not show', 1, 'operator', ['operator']),
    asked.effective([phone]).unexplained('a recovery in effect without its key', 1, 'bad-chain'),
    asked.effective([phone, laptop, mallory]).unexplained('a recovery in effect that adds another key', 1, 'bad-chain'),
  ];
}
