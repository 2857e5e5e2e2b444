import { decodeError, ensure } from '../../core/errors.ts';
import { DerReader, readSingle } from '../der/der-reader.ts';
import { readOid, readSmallUnsigned } from '../der/der-values.ts';

/** A certificate's policy extensions (RFC 5280 §4.2.1.4, §4.2.1.5, §4.2.1.11, §4.2.1.14). */
export interface CertificatePolicies {
  /** Undefined if the extension is missing. */
  readonly policies: ReadonlySet<string> | undefined;
  /** Equivalent policies of the subject's domain, by policy of the issuer's domain. */
  readonly mappings: ReadonlyMap<string, ReadonlySet<string>>;
  readonly requireExplicitPolicy: number | undefined;
  readonly inhibitPolicyMapping: number | undefined;
  readonly inhibitAnyPolicy: number | undefined;
}

/** The policy that stands for any other (RFC 5280 §4.2.1.4). */
export const ANY_POLICY = '2.5.29.32.0';

const MAX_POLICIES = 64;

/** Reads the value of a certificatePolicies extension (untrusted): each policy once. Throws `malformed-encoding`. */
export function parsePolicies(value: Uint8Array): ReadonlySet<string> {
  const reader = readSingle(value).values;
  const policies = new Set<string>();
  do {
    const information = reader.enter();
    const policy = readOid(information);
    if (!information.done) information.read(0x30);
    information.end();
    if (policies.has(policy)) throw decodeError('a policy given twice');
    if (policies.size === MAX_POLICIES) throw decodeError('too many policies');
    policies.add(policy);
  } while (!reader.done);
  return policies;
}

/** Reads the value of a policyMappings extension (untrusted). Throws `malformed-encoding`, also for anyPolicy. */
export function parsePolicyMappings(value: Uint8Array): ReadonlyMap<string, ReadonlySet<string>> {
  const reader = readSingle(value).values;
  const mappings = new Map<string, Set<string>>();
  let count = 0;
  do {
    const mapping = reader.enter();
    const [issuers, subjects] = [readOid(mapping), readOid(mapping)];
    mapping.end();
    count += 1;
    if (count > MAX_POLICIES) throw decodeError('too many policy mappings');
    if (issuers === ANY_POLICY || subjects === ANY_POLICY) throw decodeError('a mapping from or to any policy');
    const mapped = mappings.get(issuers) ?? new Set();
    mappings.set(issuers, mapped.add(subjects));
  } while (!reader.done);
  return mappings;
}

/**
 * Reads the value of a policyConstraints extension (untrusted): at least one of the two. Throws `malformed-encoding`.
 */
export function parsePolicyConstraints(
  value: Uint8Array,
): Pick<CertificatePolicies, 'requireExplicitPolicy' | 'inhibitPolicyMapping'> {
  const reader = readSingle(value).values;
  const requireExplicitPolicy = readSkip(reader, 0x80);
  const inhibitPolicyMapping = readSkip(reader, 0x81);
  reader.end();
  const isEmpty = requireExplicitPolicy === undefined && inhibitPolicyMapping === undefined;
  if (isEmpty) throw decodeError('empty policy constraints');
  return { requireExplicitPolicy, inhibitPolicyMapping };
}

/** Reads an optional `[n] IMPLICIT SkipCerts`. */
function readSkip(reader: DerReader, tag: number): number | undefined {
  const content = reader.optional(tag)?.content;
  if (content === undefined) return undefined;
  return readSmallUnsigned(new DerReader(Uint8Array.of(0x02, content.length, ...content)));
}

/** Reads the value of an inhibitAnyPolicy extension (untrusted). Throws `malformed-encoding`. */
export function parseInhibitAnyPolicy(value: Uint8Array): number {
  const reader = new DerReader(value);
  const skip = readSmallUnsigned(reader);
  reader.end();
  return skip;
}

/** The caller's own requirements on policies (RFC 5280 §6.1.1). */
export interface InitialPolicies {
  /** True requires a policy (RFC 5280 §6.1.1 (f), initial-explicit-policy). */
  readonly requirePolicy?: boolean | undefined;
  /** True ignores policy mappings (RFC 5280 §6.1.1 (e), initial-policy-mapping-inhibit). */
  readonly inhibitPolicyMapping?: boolean | undefined;
  /** True lets anyPolicy stand for no other policy (RFC 5280 §6.1.1 (g), initial-any-policy-inhibit). */
  readonly inhibitAnyPolicy?: boolean | undefined;
}

/** A policy that holds so far along a path. */
interface PolicyNode {
  /** Its names in the next certificate. */
  readonly expected: ReadonlySet<string>;
  /** Its names in the trust anchor's domain: the policies that a caller can ask for. */
  readonly authorities: ReadonlySet<string>;
}

/**
 * The policies of a path, certificate by certificate (RFC 5280 §6.1.3 (d)-(f), §6.1.4 (a)-(j), §6.1.5). Keeps only the
 * last level of RFC 5280's tree, with each policy once (RFC 9618), because an attacker can make the tree grow
 * exponentially.
 */
export class PathPolicies {
  #level: ReadonlyMap<string, PolicyNode> = new Map([
    [ANY_POLICY, { expected: new Set([ANY_POLICY]), authorities: new Set([ANY_POLICY]) }],
  ]);
  #explicitPolicy: number;
  #policyMapping: number;
  #inhibitAny: number;

  /** `length` is the number of certificates in the path, without the trust anchor. */
  constructor(length: number, { requirePolicy, inhibitPolicyMapping, inhibitAnyPolicy }: InitialPolicies) {
    this.#explicitPolicy = requirePolicy === true ? 0 : length + 1;
    this.#policyMapping = inhibitPolicyMapping === true ? 0 : length + 1;
    this.#inhibitAny = inhibitAnyPolicy === true ? 0 : length + 1;
  }

  /** Processes the next certificate of the path. Throws `bad-certificate` if a policy is required but none holds. */
  process({ policies }: CertificatePolicies, isSelfIssued: boolean, isLast: boolean): void {
    const allowsAny = this.#inhibitAny > 0 || (!isLast && isSelfIssued);
    this.#level = policies === undefined ? new Map() : nextLevel(this.#level, policies, allowsAny);
    const holds = this.#explicitPolicy > 0 || this.#level.size > 0;
    ensure(holds, 'bad-certificate', 'a certificate policy is required, but none holds along the path');
  }

  /** Moves from a CA certificate to the one below it. */
  prepareNext(certificate: CertificatePolicies, isSelfIssued: boolean): void {
    this.#map(certificate.mappings);
    if (!isSelfIssued) {
      this.#explicitPolicy = Math.max(0, this.#explicitPolicy - 1);
      this.#policyMapping = Math.max(0, this.#policyMapping - 1);
      this.#inhibitAny = Math.max(0, this.#inhibitAny - 1);
    }
    this.#explicitPolicy = Math.min(this.#explicitPolicy, certificate.requireExplicitPolicy ?? Infinity);
    this.#policyMapping = Math.min(this.#policyMapping, certificate.inhibitPolicyMapping ?? Infinity);
    this.#inhibitAny = Math.min(this.#inhibitAny, certificate.inhibitAnyPolicy ?? Infinity);
  }

  /**
   * Returns the policies of the trust anchor's domain that hold for the leaf and that the caller `accepts`; anyPolicy
   * if any does. Throws `bad-certificate` if a policy is required but none is left.
   */
  finish(leaf: CertificatePolicies, accepts: ReadonlySet<string> | undefined): ReadonlySet<string> {
    const explicit = leaf.requireExplicitPolicy === 0 ? 0 : Math.max(0, this.#explicitPolicy - 1);
    const holding = new Set<string>();
    for (const { authorities } of this.#level.values()) for (const policy of authorities) holding.add(policy);
    const accepted =
      accepts === undefined || accepts.has(ANY_POLICY) || holding.has(ANY_POLICY)
        ? holding
        : new Set([...holding].filter((policy) => accepts.has(policy)));
    ensure(explicit > 0 || accepted.size > 0, 'bad-certificate', 'no accepted certificate policy holds for the leaf');
    return accepted;
  }

  #map(mappings: ReadonlyMap<string, ReadonlySet<string>>): void {
    const level = new Map(this.#level);
    for (const [policy, mapped] of mappings) {
      const node = level.get(policy);
      if (this.#policyMapping === 0) level.delete(policy);
      else if (node !== undefined) level.set(policy, { ...node, expected: mapped });
      else if (level.has(ANY_POLICY)) level.set(policy, { expected: mapped, authorities: new Set([policy]) });
    }
    this.#level = level;
  }
}

function nextLevel(
  level: ReadonlyMap<string, PolicyNode>,
  policies: ReadonlySet<string>,
  allowsAny: boolean,
): ReadonlyMap<string, PolicyNode> {
  const authoritiesOf = new Map<string, Set<string>>();
  const add = (policy: string, authorities: ReadonlySet<string>): void => {
    const known = authoritiesOf.get(policy) ?? new Set();
    for (const one of authorities) known.add(one);
    authoritiesOf.set(policy, known);
  };
  for (const policy of policies) {
    if (policy === ANY_POLICY) continue;
    for (const { expected, authorities } of level.values()) if (expected.has(policy)) add(policy, authorities);
    if (!authoritiesOf.has(policy) && level.has(ANY_POLICY)) add(policy, new Set([policy]));
  }
  if (policies.has(ANY_POLICY) && allowsAny) {
    const named = new Set(authoritiesOf.keys());
    for (const { expected, authorities } of level.values()) {
      for (const policy of expected) if (!named.has(policy)) add(policy, authorities);
    }
  }
  return new Map(
    [...authoritiesOf].map(([policy, authorities]) => [policy, { expected: new Set([policy]), authorities }]),
  );
}
