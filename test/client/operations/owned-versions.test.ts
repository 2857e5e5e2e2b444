import { expect, it } from 'vitest';
import { MAX_VERSIONS_BACK } from '../../../src/identity/owners-record.ts';
import { canonicalIdentity } from '../../../src/identity/canonical-identity.ts';
import { DEFAULT_IDENTITY_RULES } from '../../../src/identity/identity.ts';
import { noteChanges, withVersions } from '../../../src/client/operations/owned-versions.ts';
import { EMPTY_STATE } from '../../../src/client/state/client-state.ts';
import type { Operation } from '../../../src/client/operations/operation.ts';
import type { CheckedBinding } from '../../../src/client/binding/verify-binding.ts';

it('an owner who cannot read all versions at once is told of the bound of the client, not of the log', async () => {
  const identity = canonicalIdentity('alice@example.com', DEFAULT_IDENTITY_RULES);
  const hash = new Uint8Array(32);
  const known = { version: 0, commitment: hash, origin: 'made', spkis: undefined } as const;
  const version = MAX_VERSIONS_BACK + 2;
  const record = {
    certificates: [],
    previousCommitment: hash,
    authorization: { type: 'maintenance', kind: 'renewal' },
    pending: undefined,
  } as const;
  const found = {
    latest: { version, commitment: hash, record },
    binding: { change: { type: 'maintenance', links: [] } },
  } as unknown as CheckedBinding;
  const operation = { now: () => 1, trust: {} } as unknown as Operation;
  const { next } = await noteChanges(operation, withVersions(EMPTY_STATE, identity, [known]), identity, found);
  const [alert] = next.alerts;
  expect(alert).toMatchObject({ type: 'unexplained', version });
  expect(alert?.reason).toContain(`versions 1 to ${version - 1} came since this owner last looked`);
  expect(alert?.reason).toContain('more than this client reads at once');
  expect(alert?.reason).not.toContain('does not show');
});
