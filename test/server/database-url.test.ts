import { describe, expect, it } from 'vitest';
import { assertDatabaseUrl, hasPassword, withoutPassword } from '../../src/server/database-url.ts';

describe('a database URL', () => {
  it.each([
    ['postgres://db/glasskey', 'postgres://db/glasskey'],
    ['postgres://me@db:5433/glasskey?sslmode=verify-full', 'postgres://me@db:5433/glasskey?sslmode=verify-full'],
    ['postgres://me:hunter2@db/glasskey', 'postgres://me@db/glasskey'],
    ['postgres://:hunter2@db/glasskey', 'postgres://db/glasskey'],
    ['postgres://me:hun:ter@2@db/glasskey', 'postgres://me@db/glasskey'],
    ['postgresql://me:hunter2@one:5432,two:5433/glasskey', 'postgresql://me@one:5432,two:5433/glasskey'],
    ['postgres:///glasskey?host=/run/postgresql', 'postgres:///glasskey?host=/run/postgresql'],
    ['postgres://db/glasskey?user=me&password=hunter2', 'postgres://db/glasskey?user=me'],
    // Read as a password, so hidden as one.
    ['postgres://db/glasskey?user=me&pass%77ord=hunter2', 'postgres://db/glasskey?user=me'],
    ['postgres://me:@db', 'postgres://me@db'],
    ['postgres://db/glasskey?password=hunter2', 'postgres://db/glasskey'],
  ])('is written down without its password: %s', (text, expected) => {
    expect(withoutPassword(text)).toBe(expected);
    expect(hasPassword(text)).toBe(text !== expected);
    expect(hasPassword(expected)).toBe(false);
  });

  it('is not quoted by the error about it', () => {
    for (const text of ['mysql://me:hunter2@db/glasskey', 'hunter2']) {
      expect(() => assertDatabaseUrl(text)).toThrow(/^--database must be a postgres:\/\/ URL$/);
    }
    expect(() => assertDatabaseUrl('postgres://me:hunter2@db:port/glasskey')).toThrow(/^(?!.*hunter2).+$/s);
    expect(() => assertDatabaseUrl('postgres://me@one:5432,two:5433/glasskey')).not.toThrow();
  });
});
