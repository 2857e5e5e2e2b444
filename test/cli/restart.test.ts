import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { CliSandbox } from '../support/cli.ts';

const box = new CliSandbox();
afterAll(() => box.remove());

describe('serving', () => {
  it('keeps everything across a restart, and administers tokens', async () => {
    const server = await box.serve('--data', 'restart', '--dev', '--listen', '127.0.0.1:0');
    const made = ['--token-file', box.path('restart/registration.token')];
    await box.run('register', 'kept@example.com', '--server', server.url, ...made, '--out', 'kept');
    const busy = await box.run('admin', 'token', 'list', '--data', 'restart');
    expect([busy.code, busy.stderr.includes('(storage-locked)')]).toEqual([1, true]);
    expect(await server.stop()).toBe(0);

    const created = await box.run('admin', 'token', 'create', 'backend', '--data', 'restart');
    writeFileSync(box.path('backend.token'), created.stdout);
    const listed = await box.run('admin', 'token', 'list', '--data', 'restart', '--json');
    const tokens = JSON.parse(listed.stdout) as { id: number; name: string }[];
    expect(tokens.map(({ name }) => name)).toEqual(['registration', 'backend']);
    const id = String(tokens[0]?.id);
    expect((await box.run('admin', 'token', 'revoke', id, '--data', 'restart')).code).toBe(0);

    const again = await box.serve('--data', 'restart', '--embedded', '--listen', '127.0.0.1:0');
    expect((await box.run('lookup', 'kept@example.com', '--server', again.url)).code).toBe(0);
    const register = (file: string, out: string) =>
      box.run('register', `${out}@example.com`, '--server', again.url, '--token-file', file, '--out', out);
    expect((await register('backend.token', 'new')).code).toBe(0);
    const revoked = await register(box.path('restart/registration.token'), 'late');
    expect([revoked.code, revoked.stderr.includes('(unauthenticated)')]).toEqual([1, true]);
    expect(await again.stop()).toBe(0);
  }, 240_000);
});
