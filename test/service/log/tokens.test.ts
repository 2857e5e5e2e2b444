import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createToken, listTokens, revokeToken, verifyToken } from '../../../src/service/log/tokens.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

let log: TestLog;
beforeAll(async () => {
  log = await createTestLog({ loop: false });
});
afterAll(async () => {
  await log.close();
});

describe('application tokens', () => {
  it('are accepted until they are revoked', async () => {
    const { token, info } = await createToken(log.context, 'app');
    expect(token).toMatch(/^gkt_[A-Za-z0-9_-]{43}$/);
    expect(await verifyToken(log.context, token)).toEqual(info);
    await revokeToken(log.context, info.id);
    await expect(verifyToken(log.context, token)).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(revokeToken(log.context, info.id)).rejects.toMatchObject({ code: 'not-found' });
    expect(await listTokens(log.context)).toContainEqual({ ...info, revokedMs: log.clock.nowMs });
  });

  it('are stored as their hashes only', async () => {
    const { token } = await createToken(log.context, 'another');
    const rows = await log.context.store.listTokens();
    expect(rows.every((row) => row.tokenHash.length === 32)).toBe(true);
    expect(JSON.stringify(rows)).not.toContain(token.slice(4));
  });

  it.each(['', 'x', 'gkt_short', `gkt_${'A'.repeat(43)}`, `gkt_${'A'.repeat(44)}`])('refuses %j', async (token) => {
    await expect(verifyToken(log.context, token)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it.each(['', 'a\nb', 'x'.repeat(101)])('are not named %j', async (name) => {
    await expect(createToken(log.context, name)).rejects.toMatchObject({ code: 'invalid-request' });
  });
});
