/** The inputs of one test of PKITS, where they are not the default ones, and its outcome. */
export interface PkitsSettings {
  readonly valid: boolean;
  /** The user-initial-policy-set: NIST-test-policy-N by their N. */
  readonly policies?: readonly number[];
  readonly requirePolicy?: boolean;
  readonly inhibitPolicyMapping?: boolean;
  readonly inhibitAnyPolicy?: boolean;
}

/**
 * Tests of PKITS (version 1.0.1, sections 4.8, 4.10 and 4.12) with inputs of their own, by the name of the end entity.
 * Of every other one, the name says whether it is valid.
 */
export const PKITS_SETTINGS: Readonly<Record<string, readonly PkitsSettings[]>> = {
  ValidCertificatePathTest1: [
    { valid: true },
    { valid: true, requirePolicy: true },
    { valid: true, policies: [1], requirePolicy: true },
    { valid: false, policies: [2], requirePolicy: true },
    { valid: true, policies: [1, 2], requirePolicy: true },
  ],
  AllCertificatesNoPoliciesTest2: [{ valid: true }, { valid: false, requirePolicy: true }],
  DifferentPoliciesTest3: [
    { valid: true },
    { valid: false, requirePolicy: true },
    { valid: false, policies: [1, 2], requirePolicy: true },
  ],
  OverlappingPoliciesTest6: [{ valid: true }, { valid: true, policies: [1] }, { valid: false, policies: [2] }],
  AllCertificatesSamePoliciesTest10: [{ valid: true }, { valid: true, policies: [1] }, { valid: true, policies: [2] }],
  AllCertificatesanyPolicyTest11: [{ valid: true }, { valid: true, policies: [1] }],
  AllCertificatesSamePoliciesTest13: [
    { valid: true, policies: [1] },
    { valid: true, policies: [2] },
    { valid: true, policies: [3] },
  ],
  AnyPolicyTest14: [
    { valid: true, policies: [1] },
    { valid: false, policies: [2] },
  ],
  UserNoticeQualifierTest15: [{ valid: true }],
  UserNoticeQualifierTest16: [{ valid: true }],
  UserNoticeQualifierTest17: [{ valid: true }],
  UserNoticeQualifierTest18: [
    { valid: true, policies: [1] },
    { valid: true, policies: [2] },
  ],
  UserNoticeQualifierTest19: [{ valid: true }],
  CPSPointerQualifierTest20: [{ valid: true, policies: [1], requirePolicy: true }],
  ValidPolicyMappingTest1: [
    { valid: true, policies: [1] },
    { valid: false, policies: [2] },
    { valid: false, inhibitPolicyMapping: true },
  ],
  InvalidPolicyMappingTest2: [{ valid: false }, { valid: false, inhibitPolicyMapping: true }],
  ValidPolicyMappingTest3: [
    { valid: false, policies: [1] },
    { valid: true, policies: [2] },
  ],
  ValidPolicyMappingTest5: [
    { valid: true, policies: [1] },
    { valid: false, policies: [6] },
  ],
  ValidPolicyMappingTest6: [
    { valid: true, policies: [1] },
    { valid: false, policies: [6] },
  ],
  ValidPolicyMappingTest12: [
    { valid: true, policies: [1] },
    { valid: true, policies: [2] },
  ],
  ValidPolicyMappingTest13: [{ valid: true }, { valid: true, policies: [1, 2] }, { valid: false, policies: [2] }],
  inhibitAnyPolicyTest3: [{ valid: true }, { valid: false, inhibitAnyPolicy: true }],
};
