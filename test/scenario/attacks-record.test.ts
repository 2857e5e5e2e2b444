import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { DerReader, readSingle } from '../../src/ca/der/der-reader.ts';
import { derBitString, derSequence } from '../../src/ca/der/der-writer.ts';
import { issueLeaf } from '../../src/ca/issue.ts';
import { formatPem } from '../../src/ca/der/pem.ts';
import { DEFAULT_PROFILE, leafValidity } from '../../src/ca/profile.ts';
import { newSerial } from '../../src/ca/serial.ts';
import { generateKey } from '../../src/client/client-key.ts';
import { Transport } from '../../src/client/transport.ts';
import { verifyBinding } from '../../src/client/binding/verify-binding.ts';
import { commit } from '../../src/core/crypto/commitment.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { chainResponseCodec, lookupResponseCodec } from '../../src/core/keytrans/messages.ts';
import type { VerifiedSearch } from '../../src/core/keytrans/verify-search.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { encodeIdentityRecord, NO_COMMITMENT } from '../../src/identity/identity-record.ts';
import { exitCodeOf } from '../../src/cli/exit-code.ts';
import { appendByKey, appendByOperator, appendRecovery } from '../support/appended-records.ts';
import { companionsOf } from '../support/companions.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import { identityOf } from '../support/owner.ts';
import { BY_OPERATOR, caught, contactOf, failure, INITIAL, refusal, register, warning } from '../support/victims.ts';
import { attack } from './attack.ts';

let operator: LyingOperator;
beforeAll(async () => {
  operator = await LyingOperator.start();
});
afterAll(() => operator.stop());

describe('a version that the operator adds properly', () => {
  attack('false-version', async () => {
    await register(operator, 'properly@example.com');
    const { client } = await contactOf(operator, 'properly@example.com');
    await appendByOperator(operator, 'properly@example.com');
    return warning(client, 'properly@example.com');
  });

  attack('false-authorisation', async () => {
    await register(operator, 'signed@example.com');
    const { client } = await contactOf(operator, 'signed@example.com');
    const mallory = await generateKey();
    await appendByKey(operator, 'signed@example.com', mallory, mallory);
    return warning(client, 'signed@example.com');
  });

  attack('key-as-maintenance', async () => {
    await register(operator, 'maintained@example.com');
    const { client } = await contactOf(operator, 'maintained@example.com');
    const previous = (await operator.latest('maintained@example.com'))!;
    const added = await operator.certify('maintained@example.com', (await generateKey()).spki);
    await operator.appendRecord('maintained@example.com', {
      certificates: [...previous.record.certificates, added],
      authorization: { type: 'maintenance', kind: 'renewal' },
    });
    return warning(client, 'maintained@example.com');
  });

  attack('companion-as-renewal', async () => {
    const [own, others] = [companionsOf(1), companionsOf(2)];
    const verdicts: string[] = [];
    // Other ones, one of the two, none, and some where there were none.
    const cases = [
      [own, others],
      [own, { x25519: own.x25519 }],
      [own, undefined],
      [undefined, others],
    ] as const;
    for (const [i, [before, after]] of cases.entries()) {
      const identity = `companion${i}@example.com`;
      const key = await generateKey();
      const owner = await operator.client();
      await owner.register(identity, { token: operator.server.log.token, key, companions: before });
      const { client } = await contactOf(operator, identity);
      const certificate = await operator.certify(identity, key.spki, after && { companions: after });
      await operator.appendRecord(identity, {
        certificates: [certificate],
        authorization: { type: 'maintenance', kind: 'renewal' },
      });
      verdicts.push(await warning(client, identity));
    }
    return verdicts;
  });

  attack('companion-in-a-signed-change', async () => {
    const identity = 'swapped@example.com';
    const [first, next] = [await generateKey(), await generateKey()];
    const owner = await operator.client();
    await owner.register(identity, { token: operator.server.log.token, key: first, companions: companionsOf(1) });
    const { client } = await contactOf(operator, identity);
    await appendByKey(operator, identity, next, first, companionsOf(2));
    return warning(client, identity);
  });

  attack('laundered-while-away', async () => {
    await register(operator, 'away@example.com');
    const { client } = await contactOf(operator, 'away@example.com');
    const [mallory, next] = [await generateKey(), await generateKey()];
    const certificate = await operator.certify('away@example.com', mallory.spki);
    await operator.appendRecord('away@example.com', { certificates: [certificate], authorization: BY_OPERATOR });
    // The last link is by a key of the record before it, and says nothing of how that key came there.
    await appendByKey(operator, 'away@example.com', next, mallory);
    return warning(client, 'away@example.com');
  });

  attack('recovery-without-waiting', async () => {
    await register(operator, 'recovered@example.com');
    const { client } = await contactOf(operator, 'recovered@example.com');
    await appendRecovery(operator, 'recovered@example.com');
    return warning(client, 'recovered@example.com');
  });
});

describe('the versions between', () => {
  attack('chain-without-end', async () => {
    const identity = identityOf('many@example.com');
    let requests = 0;
    const transport = new Transport({
      server: operator.server.url,
      timeoutMs: 1000,
      fetch: async () => {
        requests++;
        return new Response(new Uint8Array());
      },
    });
    const { trust } = await operator.client();
    const certificate = await operator.certify('many@example.com', (await generateKey()).spki);
    const record = { previousCommitment: NO_COMMITMENT, pending: undefined, authorization: BY_OPERATOR };
    const value = encodeIdentityRecord({ ...record, certificates: [certificate] });
    const opening = new Uint8Array(16);
    const opened = (version: number) => {
      const commitment = commit({ opening, label: identity.label, version, update: { value, signature: undefined } });
      return { version, commitment, opening, value };
    };
    const search = { ...opened(2 ** 32 - 1), mustMonitor: false, view: { size: 1 }, logRoot: NO_COMMITMENT };
    const known = { ...opened(0), monitored: [], ladder: [], monitoredAtMs: undefined };
    const now = operator.server.log.clock.now;
    const common = { transport, trust, identity, known, alerts: [], isOwn: false, now };
    const { binding } = await verifyBinding({ ...common, search: search as unknown as VerifiedSearch });
    expect(requests).toBe(0);
    return binding.change.type;
  });

  attack('chain-of-another-length', async () => {
    const identity = 'counted@example.com';
    await register(operator, identity);
    const config = operator.server.log.context.configuration;
    const link = { opening: new Uint8Array(16), value: { value: new Uint8Array(3), signature: undefined } };
    const body = new Uint8Array(encode(chainResponseCodec(config), { links: [link, link, link] }));
    const { state } = await contactOf(operator, identity);
    for (let i = 0; i < 2; i++) await appendByOperator(operator, identity);
    return caught(operator, identity, { state, fetch: lie(PATHS.chain, async () => new Response(body)) });
  });

  attack('chain-withheld', async () => {
    const identity = 'withheld@example.com';
    await register(operator, identity);
    const config = operator.server.log.context.configuration;
    const link = { opening: new Uint8Array(16), value: { value: new Uint8Array(3), signature: undefined } };
    const body = new Uint8Array(encode(chainResponseCodec(config), { links: [link] }));
    const erased = JSON.stringify({ code: 'erased', status: 410, title: 'Gone', type: 'about:blank' });
    const headers = { 'content-type': 'application/problem+json' };
    const answers = [() => new Response(body), () => new Response(erased, { status: 410, headers })];
    const contacts = await Promise.all(
      answers.map((answer) =>
        contactOf(
          operator,
          identity,
          lie(PATHS.chain, async () => answer()),
        ),
      ),
    );
    for (let i = 0; i < 2; i++) await appendByOperator(operator, identity);
    return Promise.all(contacts.map(({ client }) => warning(client, identity)));
  });
});

describe('a certificate that the authority should not have signed', () => {
  attack('certificate-in-no-record', async () => {
    const mallory = await generateKey();
    const honest = await register(operator, 'bob@example.com');
    const noticed: unknown[] = [];
    for (const name of ['bob@example.com', 'nobody@example.com']) {
      const pem = formatPem('CERTIFICATE', await operator.certify(name, mallory.spki));
      const error = await failure((await operator.client()).verifyCertificate(pem));
      expect(exitCodeOf(error)).toBe(2);
      noticed.push(error);
    }
    const shown = (await operator.client()).verifyCertificate(honest);
    await expect(shown).resolves.toMatchObject({ identity: 'bob@example.com' });
    return noticed;
  });

  attack('revoked-certificate-shown', async () => {
    const identity = 'revoked@example.com';
    const [own, next] = [await generateKey(), await generateKey()];
    const owner = await operator.client();
    const { token, service, context } = operator.server.log;
    const { certificate } = await owner.register(identity, { token, key: own });
    const { label } = identityOf(identity);
    const before = await service.prover.lookup({ last: undefined, label });
    await owner.rotate(identity, own, next);
    const { state } = await contactOf(operator, identity);
    const codec = lookupResponseCodec(context.configuration);
    const replay = lie(PATHS.lookup, async () => new Response(new Uint8Array(encode(codec, before))));
    return [
      await failure((await operator.client()).verifyCertificate(certificate)),
      // Whoever has seen the revocation is shown the log of before.
      await refusal(operator, (client) => client.verifyCertificate(certificate), { state, fetch: replay }),
    ];
  });

  attack('certificate-of-another', async () => {
    const { spki } = await generateKey();
    const der = await operator.certify('bob@example.com', spki);
    await operator.appendRecord('mixed@example.com', { certificates: [der], authorization: INITIAL });
    return caught(operator, 'mixed@example.com');
  });

  attack('certificate-of-another-authority', async () => {
    const { spki } = await generateKey();
    const elsewhere = await LyingOperator.start();
    try {
      const der = await elsewhere.certify('stranger@example.com', spki);
      await operator.appendRecord('stranger@example.com', { certificates: [der], authorization: INITIAL });
      return await caught(operator, 'stranger@example.com');
    } finally {
      await elsewhere.stop();
    }
  });

  attack('certificate-for-no-identity', async () => {
    const { keys, reloadable, now, random } = operator.server.log.context;
    const { urls } = reloadable.at(now()).signingCa;
    const profile = DEFAULT_PROFILE;
    const { spki } = await generateKey();
    const der = await issueLeaf(keys.issuer, {
      ...leafValidity(profile, keys.issuer.certificate, now()),
      spki,
      san: { kind: 'email', value: '"bob".@example.com' },
      serial: newSerial(random),
      profile,
      urls,
    });
    return refusal(operator, (client) => client.verifyCertificate(formatPem('CERTIFICATE', der)));
  });

  attack('certificate-not-yet-valid', async () => {
    const identity = 'future@example.com';
    const nowMs = operator.server.log.clock.now();
    const times = { notBeforeMs: nowMs + 30 * 86_400_000, notAfterMs: nowMs + 60 * 86_400_000 };
    const certificate = await operator.certify(identity, (await generateKey()).spki, times);
    await operator.appendRecord(identity, { certificates: [certificate], authorization: INITIAL });
    return caught(operator, identity);
  });

  attack('certificate-for-a-weak-key', async () => {
    const identity = 'weak@example.com';
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const weak = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
    const { spki } = await generateKey();
    const strong = await operator.certify(identity, spki);
    // Only the key is replaced: lengths change, so the certificate is rebuilt by hand.
    const outer = new DerReader(readSingle(strong).content);
    const tbs = new DerReader(outer.read(0x30).content);
    const algorithm = outer.read(0x30).raw;
    const fields: Uint8Array[] = [];
    while (!tbs.done) fields.push(tbs.read().raw);
    fields[6] = weak;
    const signed = derSequence(...fields);
    const { signer } = operator.server.log.context.keys.issuer;
    const certificate = derSequence(signed, algorithm, derBitString(await signer.sign(signed)));
    await operator.appendRecord(identity, { certificates: [certificate], authorization: INITIAL });
    return [
      await caught(operator, identity),
      await refusal(operator, (client) => client.verifyCertificate(formatPem('CERTIFICATE', certificate))),
    ];
  });
});
