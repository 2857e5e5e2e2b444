import { createPublicKey, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CK, type Cryptoki, loadCryptoki } from '../../src/ca/pkcs11/cryptoki.ts';
import { Pkcs11Token } from '../../src/ca/pkcs11/pkcs11-token.ts';
import { openTokenSigner } from '../../src/ca/pkcs11/token-signer.ts';
import { NO_SOFT_HSM, SoftHsm } from '../support/soft-hsm.ts';

const MESSAGE = new Uint8Array(300).fill(9);
const HASHES = { p256: 'sha256', p384: 'sha384', ed25519: null } as const;

let hsm: SoftHsm;
const open = (more: Partial<Parameters<typeof Pkcs11Token.open>[0]> = {}) =>
  Pkcs11Token.open({ module: hsm.module, token: hsm.label, pin: hsm.pin, ...more });
const codeOf = (work: Promise<unknown>) => work.then(() => 'fine').catch((error: { code: string }) => error.code);

describe.skipIf(NO_SOFT_HSM !== undefined)(`a token${NO_SOFT_HSM === undefined ? '' : `: ${NO_SOFT_HSM}`}`, () => {
  beforeAll(() => {
    hsm = new SoftHsm();
    hsm.makeKey('EC:prime256v1', 'one', '01');
    hsm.makeKey('EC:secp384r1', 'two', '02');
    hsm.makeKey('EC:edwards25519', 'three', '03');
    hsm.makeKey('EC:secp521r1', 'other curve', '04');
    hsm.makeKey('EC:prime256v1', 'twice', '05');
    hsm.makeKey('EC:prime256v1', 'twice', '06');
  });
  afterAll(() => hsm.remove());

  it('signs with keys that other programs made, many times at once', async () => {
    const token = await open({ sessions: 3 });
    for (const [id, algorithm] of [
      ['01', 'p256'],
      ['02', 'p384'],
      ['03', 'ed25519'],
    ] as const) {
      const signer = await openTokenSigner(token, { id });
      expect(signer.algorithm).toBe(algorithm);
      const key = createPublicKey({ key: Buffer.from(signer.spki), format: 'der', type: 'spki' });
      const signatures = await Promise.all(Array.from({ length: 20 }, () => signer.sign(MESSAGE)));
      expect(signatures.every((one) => verify(HASHES[algorithm], MESSAGE, key, one))).toBe(true);
    }
    token.close();
    expect(await codeOf(openTokenSigner(token, { id: '01' }))).toBe('hsm-unavailable');
  });

  it('makes keys that it never gives out, and finds them by label and by id', async () => {
    const token = await open();
    for (const [index, algorithm] of (['p256', 'p384', 'ed25519'] as const).entries()) {
      const id = `a${index}`;
      expect(await token.has({ label: algorithm })).toBe(false);
      await token.generate({ label: algorithm, id }, algorithm);
      const [byLabel, byId] = await Promise.all([token.find({ label: algorithm }), token.find({ id })]);
      expect([byLabel.algorithm, byId]).toEqual([algorithm, byLabel]);
      expect((await openTokenSigner(token, { label: algorithm })).spki).toEqual(byLabel.spki);
      expect(hsm.describeKey(algorithm)).toContain('sensitive, always sensitive, never extractable, local');
    }
    token.close();
  });

  it.each([
    ['no key', { label: 'nothing' }],
    ['two keys of one label', { label: 'twice' }],
    ['another curve', { label: 'other curve' }],
    ['label and id of different keys', { label: 'one', id: '02' }],
  ])('refuses %s, and goes on', async (_, name) => {
    const token = await open({ sessions: 1 });
    expect(await codeOf(openTokenSigner(token, name))).toBe('hsm-refused');
    expect((await token.find({ label: 'twice', id: '06' })).algorithm).toBe('p256');
    token.close();
  });

  it('never tries a PIN again that was refused', async () => {
    expect(await codeOf(open({ pin: '000000' }))).toBe('hsm-refused');
    let tries = 0;
    let refuses = false;
    const counting = (path: string): Cryptoki => {
      const functions = loadCryptoki(path);
      const { C_Login } = functions;
      functions.C_Login = (...args) => {
        tries++;
        if (refuses) throw Object.assign(new Error('CKR_PIN_INCORRECT'), { code: 0xa0 });
        C_Login.apply(functions, args);
      };
      return functions;
    };
    const token = await open({ load: counting });
    const signer = await openTokenSigner(token, { id: '01' });
    refuses = true;
    hsm.unplug();
    expect(await codeOf(signer.sign(MESSAGE))).toBe('hsm-unavailable');
    hsm.plugIn();
    await expect.poll(() => codeOf(signer.sign(MESSAGE)), { timeout: 30_000 }).toBe('hsm-refused');
    expect(tries).toBe(2);
    expect(await codeOf(signer.sign(MESSAGE))).toBe('hsm-refused');
    expect(tries).toBe(2);
    token.close();
  });

  let answer: (data: Buffer) => Promise<Buffer> = (data) => Promise.resolve(data);
  const answering = (path: string): Cryptoki => {
    const functions = loadCryptoki(path);
    const { C_SignAsync } = functions;
    functions.C_SignAsync = async (...args) => answer(await C_SignAsync.apply(functions, args));
    return functions;
  };

  it('refuses what is no signature', async () => {
    const token = await open({ load: answering });
    const signer = await openTokenSigner(token, { id: '03' });
    answer = (data) => Promise.resolve(Buffer.from(data.map((byte) => byte ^ 1)));
    expect(await codeOf(signer.sign(MESSAGE))).toBe('bad-signature');
    expect(await codeOf(openTokenSigner(token, { id: '01' }))).toBe('hsm-refused');
    answer = (data) => Promise.resolve(data);
    token.close();
  });

  it('does not wait for a call that hangs', async () => {
    const token = await open({ load: answering, timeoutMs: 300, sessions: 1 });
    // A busy machine may take too long as well.
    await expect.poll(() => codeOf(openTokenSigner(token, { id: '03' })), { timeout: 30_000 }).toBe('fine');
    const name = { id: '03' };
    let release: () => void = () => undefined;
    answer = (data) => new Promise((resolve) => (release = () => resolve(data)));
    const codes = await Promise.all([1, 2].map(() => codeOf(token.sign(name, CK.eddsa, MESSAGE))));
    expect(codes).toEqual(['hsm-unavailable', 'hsm-unavailable']);
    answer = (data) => Promise.resolve(data);
    release();
    await expect.poll(() => codeOf(token.sign(name, CK.eddsa, MESSAGE)), { timeout: 30_000 }).toBe('fine');
    token.close();
  });

  it.each([
    ['another label', { token: 'nowhere' }, 'hsm-unavailable'],
    ['another slot', { token: 99 }, 'hsm-unavailable'],
    ['no module', { module: '/nowhere.so' }, 'hsm-refused'],
    ['a file that is no module', { module: '/etc/passwd' }, 'hsm-refused'],
  ])('is not opened with %s', async (_, more, code) => {
    expect(await codeOf(open(more))).toBe(code);
  });

  it('logs in again after it was gone, whoever else uses the module', async () => {
    const [token, other] = await Promise.all([open(), open()]);
    const [signer, beside] = await Promise.all([
      openTokenSigner(token, { id: '01' }),
      openTokenSigner(other, { id: '03' }),
    ]);
    hsm.unplug();
    const codes = await Promise.all(Array.from({ length: 9 }, () => codeOf(signer.sign(MESSAGE))));
    expect(new Set(codes)).toEqual(new Set(['hsm-unavailable']));
    hsm.plugIn();
    await expect.poll(() => codeOf(signer.sign(MESSAGE)), { timeout: 30_000 }).toBe('fine');
    await expect.poll(() => codeOf(beside.sign(MESSAGE)), { timeout: 30_000 }).toBe('fine');
    token.close();
    other.close();
  });
});
