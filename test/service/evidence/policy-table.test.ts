import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../../src/identity/evidence.ts';
import { canonicalIdentity } from '../../../src/identity/canonical-identity.ts';
import { assertMayVouch, DEFAULT_POLICY, type PolicyTable } from '../../../src/service/evidence/policy-table.ts';
import { hostOf } from '../../../src/identity/identity-scope.ts';

const RULES = { localPart: 'fold-lower-case', uriSchemes: ['https', 'sip', 'spiffe', 'urn'] } as const;
const identity = (text: string) => canonicalIdentity(text, RULES);
const APPLICATION: Evidence = { type: 'application' };
const EMAIL: Evidence = { type: 'email' };
const OIDC: Evidence = { type: 'oidc', issuer: 'https://login.example' };
const TABLE: PolicyTable = [
  { identities: 'email', domains: ['example.com', 'example.org'], evidence: ['oidc:https://login.example'] },
  { identities: 'email', domains: undefined, evidence: ['email'] },
  { identities: 'any', domains: ['chat.example'], evidence: ['application'] },
];

function may(evidence: Evidence, text: string, table = TABLE): boolean {
  try {
    assertMayVouch(table, evidence, identity(text));
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'forbidden' });
    return false;
  }
}

describe('the policy table', () => {
  it('lets an application vouch for everybody where nothing is configured, and nobody else', () => {
    for (const text of ['a@example.com', 'acct:a@chat.example', 'tel:+15551234567', 'urn:isbn:1']) {
      expect([may(APPLICATION, text, DEFAULT_POLICY), may(EMAIL, text, DEFAULT_POLICY)]).toEqual([true, false]);
      expect(may(OIDC, text, DEFAULT_POLICY)).toBe(false);
    }
  });

  it('allows what a row allows', () => {
    expect(may(OIDC, 'Alice@Example.COM')).toBe(true);
    expect(may(OIDC, 'alice@example.org')).toBe(true);
    expect(may(EMAIL, 'alice@elsewhere.example')).toBe(true);
    expect(may(APPLICATION, 'acct:alice@chat.example')).toBe(true);
    expect(may(APPLICATION, 'alice@chat.example')).toBe(true);
    expect(may(APPLICATION, 'https://chat.example/alice')).toBe(true);
  });

  it('allows nothing else: no subdomain, no look-alike, no other issuer, no other kind', () => {
    for (const text of ['a@sub.example.com', 'a@notexample.com', 'a@example.com.evil.example', 'acct:a@example.com']) {
      expect([text, may(OIDC, text)]).toEqual([text, false]);
    }
    for (const issuer of ['https://login.example/', 'https://login.example.evil', 'https://LOGIN.example', '']) {
      expect([issuer, may({ type: 'oidc', issuer }, 'a@example.com')]).toEqual([issuer, false]);
    }
    expect(may(EMAIL, 'acct:alice@chat.example')).toBe(false);
    expect(may(APPLICATION, 'tel:+15551234567')).toBe(false);
    expect(may(APPLICATION, 'https://elsewhere.example/chat.example')).toBe(false);
  });

  it('knows the host of every kind of identity', () => {
    const hosts = ['a@b.example', 'acct:a@b.example', 'sip:a@b.example', 'https://b.example', 'https://b.example/@a'];
    for (const text of hosts) expect([text, hostOf(identity(text))]).toEqual([text, 'b.example']);
    for (const text of ['tel:+15551234567', 'urn:isbn:1']) expect(hostOf(identity(text))).toBeUndefined();
  });
});
