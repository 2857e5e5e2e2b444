import { describe, expect, it } from 'vitest';
import { parseConnectionString, transportWarning } from '../../src/store/connection-string.ts';

const usage = (message: RegExp | string) =>
  expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) as string }) as unknown;

describe('the URL of a database', () => {
  it('has one server or several, with passwords of any kind', () => {
    expect(parseConnectionString('postgresql://us%40er:p%2Fw%3A@db.example:6432/na%20me')).toMatchObject({
      hosts: [{ host: 'db.example', port: 6432, socket: undefined }],
      user: 'us@er',
      password: 'p/w:',
      database: 'na me',
      mustWrite: false,
    });
    expect(parseConnectionString('postgres://u@a,[2001:db8::1]:2/d')).toMatchObject({
      hosts: [
        { host: 'a', port: 5432 },
        { host: '2001:db8::1', port: 2 },
      ],
      mustWrite: true,
    });
  });

  it.each([
    ['postgres://u@/d?host=/run/postgresql', '/run/postgresql/.s.PGSQL.5432'],
    ['postgres://u@%2Frun%2Fpostgresql:5433/d', '/run/postgresql/.s.PGSQL.5433'],
    ['postgres://u@/d?host=/tmp&port=7', '/tmp/.s.PGSQL.7'],
  ])('can name a Unix socket: %s', (url, socket) => {
    expect(parseConnectionString(url).hosts).toMatchObject([{ socket }]);
  });

  it.each([
    ['', { tls: 'prefer', channelBinding: 'prefer' }],
    ['sslmode=disable', { tls: 'disable' }],
    ['sslmode=require&channel_binding=require', { tls: 'require', channelBinding: 'require' }],
    ['sslmode=verify-full&sslrootcert=system', { tls: 'verify-full', rootCertificates: undefined }],
    ['sslrootcert=system', { tls: 'verify-full' }],
    ['sslmode=require&sslrootcert=/ca.pem', { tls: 'verify-ca', rootCertificates: '/ca.pem' }],
    ['sslcert=c.pem&sslkey=k.pem', { clientCertificate: { certificate: 'c.pem', key: 'k.pem' } }],
    ['target_session_attrs=read-write&connect_timeout=10', { mustWrite: true, connectTimeoutSeconds: 10 }],
    ['user=u2&password=p2&dbname=d2&port=9', { user: 'u2', password: 'p2', database: 'd2' }],
  ])('takes parameters as libpq does: %s', (query, expected) => {
    expect(parseConnectionString(`postgres://u:p@h/d?${query}`)).toMatchObject(expected);
  });

  it.each([
    ['pgbouncer=true', /unknown parameter: pgbouncer$/],
    ['sslmode=require&SSLMODE=disable', /unknown parameter: SSLMODE$/],
    ['sslmode=no-verify', /another sslmode than disable, prefer, require/],
    ['channel_binding=yes', /another channel_binding than/],
    ['target_session_attrs=standby', /another target_session_attrs than any, read-write, primary/],
    ['sslmode=require&sslrootcert=system', /needs sslmode=verify-full/],
    ['sslcert=c.pem', /needs both sslcert and sslkey/],
    ['connect_timeout=soon', /connect_timeout that is no number/],
    ['host=a,b,c&port=1,2', /other numbers of hosts and ports/],
    ['user=%zz', /begins no escape/],
  ])('is refused by name, without a word of the password: %s', (query, message) => {
    expect(() => parseConnectionString(`postgres://u:secret@h/d?${query}`)).toThrow(usage(message));
    expect(() => parseConnectionString(`postgres://u:secret@h/d?${query}`)).not.toThrow(usage('secret'));
  });

  it.each(['mysql://h/d', 'host=h dbname=d', 'postgres:/h'])('is a postgres:// URL: %s', (url) => {
    expect(() => parseConnectionString(url)).toThrow(usage('must be a postgres:// URL'));
  });

  it('with sslmode=require is a warning, unless the server proves itself otherwise', () => {
    const warned = (query: string) => transportWarning(parseConnectionString(`postgres://u@h/d?${query}`));
    expect(warned('sslmode=require')).toMatch(/verifies nothing.*sslmode=verify-full/);
    for (const query of [
      'sslmode=verify-full',
      'sslmode=require&channel_binding=require',
      'sslmode=require&sslrootcert=c',
    ])
      expect(warned(query)).toBeUndefined();
  });
});
