import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatPem } from '../../src/ca/pem.ts';
import { createKey } from '../../src/ca/key-file.ts';
import { signerFromKey } from '../../src/ca/node-signer.ts';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { type ClientState, MemoryState } from '../../src/client/client-state.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import type { Fetch } from '../../src/client/transport.ts';
import { commit } from '../../src/core/crypto/commitment.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { formatBase64 } from '../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { configurationCodec } from '../../src/core/keytrans/configuration.ts';
import { type LookupResponse, lookupRequestCodec, lookupResponseCodec } from '../../src/core/keytrans/messages.ts';
import type { PrefixSearchResult } from '../../src/core/keytrans/proofs.ts';
import { encodeTreeHeadTbs } from '../../src/core/keytrans/tree-head.ts';
import { signTrustBundle } from '../../src/contract/bundle-signature.ts';
import { formatTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { changeMessage, changeRequestCodec, sortedHashSet } from '../../src/identity/change-request.ts';
import { encodeIdentityRecord, NO_COMMITMENT } from '../../src/identity/identity-record.ts';
import { exitCodeOf } from '../../src/cli/exit-code.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import { identityOf } from '../support/owner.ts';
import { seededRandom } from '../support/random.ts';

/** Slowest refusal of one answer that is bearable, ms: many times what an honest answer takes. */
const SLOW_MS = 2_000;

let operator: LyingOperator;
let bob: ClientKey;
let certificate: string;

beforeAll(async () => {
  operator = await LyingOperator.start();
  const owner = await operator.client();
  bob = await generateKey();
  const { token } = operator.server.log;
  ({ certificate } = await owner.register('bob@example.com', { token, key: bob }));
  for (const name of ['carol', 'dave', 'erin']) {
    await owner.register(`${name}@example.com`, { token, key: await generateKey() });
  }
});
afterAll(() => operator.stop());

const code = (expected: string) => expect.objectContaining({ code: expected });
const read = (state: MemoryState): Promise<ClientState> => state.transact(async (current) => ({ result: current }));

/** What a client notices when it looks somebody up: its state must stay as it was, and the program must end with 2. */
async function caught(text: string, options: { fetch?: Fetch; state?: MemoryState } = {}): Promise<unknown> {
  const state = options.state ?? new MemoryState();
  const client = await operator.client({ ...options, state });
  const before = await read(state);
  const outcome = await client.lookup(text).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome === undefined) throw new Error('nothing was noticed');
  expect(await read(state)).toBe(before);
  expect(exitCodeOf(outcome)).toBe(2);
  return outcome;
}

/** `fetch` that changes the answers to lookups. */
function forge(change: (answer: LookupResponse) => LookupResponse | Promise<LookupResponse>): Fetch {
  return lie(PATHS.lookup, async (honest) => {
    const codec = lookupResponseCodec(operator.server.log.context.configuration);
    const answer = decode(codec, new Uint8Array(await (await honest()).arrayBuffer()));
    return new Response(new Uint8Array(encode(codec, await change(answer))));
  });
}

/** The same, for answers that show a record. */
function forgeFound(
  change: (
    response: Extract<LookupResponse, { type: 'found' }>['response'],
  ) => Promise<typeof response> | typeof response,
): Fetch {
  return forge(async (answer) => {
    if (answer.type !== 'found') throw new Error('not found');
    return { type: 'found', response: await change(answer.response) };
  });
}

describe('an operator with the database in hand', () => {
  it('cannot swap the certificate in a row', async () => {
    const mallory = await operator.certify('bob@example.com', (await generateKey()).spki);
    const authorization = { type: 'initial', evidence: { type: 'application' } } as const;
    const forged = encodeIdentityRecord({
      previousCommitment: NO_COMMITMENT,
      certificates: [mallory],
      pending: undefined,
      authorization,
    });
    const { labelKey, row } = await rowOf('bob@example.com');
    await operator.overwrite('bob@example.com', 'value', forged);
    try {
      await caught('bob@example.com');
      const { opening } = row;
      const { label } = identityOf('bob@example.com');
      const commitment = commit({ opening, label, version: 0, update: { value: forged, signature: undefined } });
      await operator.overwrite('bob@example.com', 'commitment', commitment);
      await caught('bob@example.com');
    } finally {
      await operator.overwrite('bob@example.com', 'value', row.value);
      await operator.overwrite('bob@example.com', 'commitment', row.commitment);
    }
    expect(labelKey).toHaveLength(32);
    await expect((await operator.client()).lookup('bob@example.com')).resolves.toMatchObject({ found: true });
  });

  it('cannot give a label another search key', async () => {
    const { row } = await rowOf('bob@example.com');
    const { row: other } = await rowOf('carol@example.com');
    await operator.overwrite('bob@example.com', 'vrf_proof', other.vrfProof);
    try {
      expect(await caught('bob@example.com')).toEqual(code('bad-vrf-proof'));
    } finally {
      await operator.overwrite('bob@example.com', 'vrf_proof', row.vrfProof);
    }
  });

  async function rowOf(text: string) {
    const { store, vrf } = operator.server.log.context;
    const labelKey = await vrf.labelKey(identityOf(text).label);
    const found = await store.readLabelAt(labelKey, Number.MAX_SAFE_INTEGER);
    const { value, opening, commitment, vrfProof } = found!.greatest;
    return { labelKey, row: { value: value!, opening: opening!, commitment, vrfProof } };
  }
});

describe('an operator with the keys of the log in hand', () => {
  it('cannot sign another root for the entries that it shows', async () => {
    const { keys, configuration } = operator.server.log.context;
    const fetch = forgeFound(async (response) => {
      if (response.fullTreeHead.type !== 'updated') throw new Error('the same head');
      const { treeSize } = response.fullTreeHead.treeHead;
      const signature = await keys.treeHead.sign(encodeTreeHeadTbs(configuration, treeSize, sha256(new Uint8Array(1))));
      return { ...response, fullTreeHead: { ...response.fullTreeHead, treeHead: { treeSize, signature } } };
    });
    expect(await caught('bob@example.com', { fetch })).toEqual(code('bad-signature'));
  });

  it('cannot serve an old head for ever', async () => {
    const { clock, context } = operator.server.log;
    const state = new MemoryState();
    const client = await operator.client({ state });
    await client.lookup('bob@example.com');
    const before = await read(state);
    // The head is frozen for the client's clock only: the server goes on in its own time.
    const late = await KeyDirectory.open({
      server: operator.server.url,
      state,
      now: () => clock.now() + context.configuration.maxBehindMs + 1,
    });
    for (let i = 0; i < 2; i++) {
      await expect(late.lookup('bob@example.com')).rejects.toThrow(code('tree-head-too-old'));
    }
    expect((await read(state)).view).toBe(before.view);
    expect((await read(state)).contacts).toBe(before.contacts);
  });

  it('cannot take the log back, or fork it, once the client saw it', async () => {
    const [honest, forked] = await Promise.all([operator.client(), LyingOperator.start()]);
    await honest.lookup('bob@example.com');
    try {
      const { context: own } = operator.server.log;
      const { context } = forked.server.log;
      // The fork is of the same name and signed by the same keys; its entries are its own.
      Object.assign(context.keys, own.keys);
      Object.assign(context, { configuration: own.configuration, vrf: own.vrf, noteSigner: own.noteSigner });
      const authorization = { type: 'initial', evidence: { type: 'application' } } as const;
      for (let i = 0; i < 8; i++) {
        const spki = (await generateKey()).spki;
        const name = i === 0 ? 'bob@example.com' : `fork${i}@example.com`;
        const record = { certificates: [await operator.certify(name, spki)], authorization };
        await forked.appendRecord(name, record);
        const state = new MemoryState();
        const client = await operator.client({ state });
        await client.lookup('carol@example.com');
        const seen = (await read(state)).view!.size;
        const codec = lookupResponseCodec(own.configuration);
        const fetch = lie(PATHS.lookup, async (_, init) => {
          const request = decode(lookupRequestCodec, new Uint8Array(init?.body as Uint8Array));
          const size = (await forked.server.log.service.progress.released()).released.size;
          // A fork has no proof that it continues what the client saw: the best that it can show is one of its own.
          const last = size >= seen ? request.last : undefined;
          const answer = await forked.server.log.service.prover.lookup({ ...request, last });
          return new Response(new Uint8Array(encode(codec, answer)));
        });
        const error = await caught('bob@example.com', { fetch, state });
        expect(isGlasskeyError(error) && error.fault).toBe('verification');
        if (i === 0) expect(error).toEqual(code('tree-rolled-back'));
      }
    } finally {
      await forked.stop();
    }
  });

  it('cannot deny a name that exists', async () => {
    const codec = lookupResponseCodec(operator.server.log.context.configuration);
    const { prover } = operator.server.log.service;
    const absentOf = (text: string) => prover.lookup({ last: undefined, label: identityOf(text).label });
    const truth = await absentOf('nobody@example.com');
    const found = await absentOf('bob@example.com');
    if (truth.type !== 'absent' || found.type !== 'found') throw new Error('the test is wrong');
    const own = found.response.binaryLadder[0]!.proof;
    const { fullTreeHead, search } = found.response;
    const denials: LookupResponse[] = [
      truth,
      { ...truth, vrfProof: own },
      { type: 'absent', fullTreeHead, vrfProof: own, proof: search },
    ];
    for (const denial of denials) {
      const fetch = lie(PATHS.lookup, async () => new Response(new Uint8Array(encode(codec, denial))));
      await caught('bob@example.com', { fetch });
    }
  });

  it('cannot deny a name by a leaf that is its own', async () => {
    const { prover } = operator.server.log.service;
    const { vrf } = operator.server.log.context;
    const { label } = identityOf('bob@example.com');
    const labelKey = await vrf.labelKey(label);
    const found = await prover.lookup({ last: undefined, label });
    if (found.type !== 'found') throw new Error('the test is wrong');
    const { fullTreeHead, search, binaryLadder } = found.response;
    const { commitment } = (await operator.latest('bob@example.com'))!;
    // Only the lookup of version 0 is shown, and as one that ends at a leaf: the searched one.
    const prefixProofs = search.prefixProofs.map(({ results, elements }) => {
      const first = results[0]!;
      const leaf = { vrfOutput: labelKey, commitment };
      const shown: PrefixSearchResult = { type: 'nonInclusionLeaf', leaf, depth: first.depth };
      return { results: first.type === 'inclusion' ? [shown] : [first], elements };
    });
    const vrfProof = binaryLadder[0]!.proof;
    const fetch = forge(() => ({ type: 'absent', fullTreeHead, vrfProof, proof: { ...search, prefixProofs } }));
    expect(await caught('bob@example.com', { fetch })).toEqual(code('bad-prefix-proof'));
  });

  it('cannot deny a name that the client has seen, whatever it proves', async () => {
    const state = new MemoryState();
    await (await operator.client({ state })).lookup('bob@example.com');
    const other = lie(PATHS.lookup, async (_, init) => {
      const request = decode(lookupRequestCodec, new Uint8Array(init?.body as Uint8Array));
      const { label } = identityOf('nobody@example.com');
      const answer = await operator.server.log.service.prover.lookup({ ...request, label });
      const codec = lookupResponseCodec(operator.server.log.context.configuration);
      return new Response(new Uint8Array(encode(codec, answer)));
    });
    // As if the log had lost him: his identity is looked up under a label that does not exist.
    await caught('bob@example.com', { state, fetch: other });
    const known = (await read(state)).contacts.get('bob@example.com')!;
    const forgetful = new MemoryState();
    await forgetful.transact(async (current) => ({
      next: { ...current, contacts: new Map([['nobody@example.com', known]]) },
      result: undefined,
    }));
    expect(await caught('nobody@example.com', { state: forgetful })).toEqual(code('bad-chain'));
  });

  it('cannot pass its own change off as the owner’s', async () => {
    const contact = new MemoryState();
    await (await operator.client({ state: contact })).lookup('carol@example.com');
    const mallory = await generateKey();
    const previous = (await operator.latest('carol@example.com'))!;
    const request = encode(changeRequestCodec, {
      origin: 'log.example',
      label: identityOf('carol@example.com').label,
      version: 1,
      previousCommitment: previous.commitment,
      spkisAfter: sortedHashSet([sha256(mallory.spki)]),
    });
    const signature = await mallory.sign(changeMessage(request));
    await operator.appendRecord('carol@example.com', {
      certificates: [await operator.certify('carol@example.com', mallory.spki)],
      authorization: { type: 'key', signer: sha256(mallory.spki), signature },
    });
    const seen = await (await operator.client({ state: contact })).lookup('carol@example.com');
    expect(seen).toMatchObject({
      binding: { change: { type: 'unexplained', reason: expect.stringContaining('signer') } },
    });
  });

  it('cannot add a key as maintenance, or by an older signature', async () => {
    const contact = new MemoryState();
    await (await operator.client({ state: contact })).lookup('dave@example.com');
    const previous = (await operator.latest('dave@example.com'))!;
    const added = await operator.certify('dave@example.com', (await generateKey()).spki);
    await operator.appendRecord('dave@example.com', {
      certificates: [...previous.record.certificates, added],
      authorization: { type: 'maintenance', kind: 'renewal' },
    });
    const seen = await (await operator.client({ state: contact })).lookup('dave@example.com');
    expect(seen).toMatchObject({ binding: { change: { type: 'unexplained', reason: 'maintenance adds a key' } } });
  });

  it('cannot use a certificate that is in no record', async () => {
    const mallory = await generateKey();
    const client = await operator.client();
    for (const name of ['bob@example.com', 'nobody@example.com']) {
      const pem = formatPem('CERTIFICATE', await operator.certify(name, mallory.spki));
      const error = await client.verifyCertificate(pem).catch((reason: unknown) => reason);
      expect(error).toEqual(code('certificate-not-in-record'));
      expect(exitCodeOf(error)).toBe(2);
    }
    await expect(client.verifyCertificate(certificate)).resolves.toMatchObject({ identity: 'bob@example.com' });
  });

  it('cannot put the certificate of somebody else, or of another authority, into a record', async () => {
    const authorization = { type: 'initial', evidence: { type: 'application' } } as const;
    const { spki } = await generateKey();
    const elsewhere = await LyingOperator.start();
    try {
      const records: [string, Uint8Array, string][] = [
        ['mixed@example.com', await operator.certify('bob@example.com', spki), 'bad-certificate'],
        ['stranger@example.com', await elsewhere.certify('stranger@example.com', spki), 'untrusted-issuer'],
      ];
      for (const [name, der, expected] of records) {
        await operator.appendRecord(name, { certificates: [der], authorization });
        expect(await caught(name)).toEqual(code(expected));
      }
    } finally {
      await elsewhere.stop();
    }
  });
});

describe('a server that shows another trust bundle', () => {
  it('is refused unless the pinned bundle key signed it', async () => {
    const { bundle, bundleKey } = operator.server;
    const stranger = signerFromKey(await createKey('ed25519'));
    const foreign = { ...bundle.bundle, sequence: 2, bundleKey: formatBase64(stranger.publicKey) };
    const { configuration } = operator.server.log.context;
    const other = { ...configuration, vrfPublicKey: stranger.publicKey };
    const otherVrf = {
      ...bundle.bundle,
      sequence: 2,
      keytransConfiguration: formatBase64(encode(configurationCodec, other)),
    };
    const swaps = [
      await signTrustBundle(foreign, [stranger]),
      await signTrustBundle({ ...bundle.bundle, recoveryDelayMs: 0 }, [bundleKey]),
      await signTrustBundle({ ...bundle.bundle, sequence: 2, origin: 'another.example' }, [bundleKey]),
      await signTrustBundle(otherVrf, [bundleKey]),
    ];
    const state = new MemoryState();
    await (await operator.client({ state })).lookup('bob@example.com');
    const before = await read(state);
    for (const swap of swaps) {
      const fetch = lie(PATHS.trustBundle, async () => new Response(formatTrustBundle(swap)));
      const error = await operator.client({ state, fetch }).catch((reason: unknown) => reason);
      expect(error).toEqual(code('bundle-changed'));
      expect(exitCodeOf(error)).toBe(2);
      // One who was given the bundle is as well protected as one who pinned it.
      const given = KeyDirectory.open({ server: operator.server.url, state: new MemoryState(), fetch, bundle });
      await expect(given).rejects.toThrow(code('bundle-changed'));
      expect(await read(state)).toBe(before);
    }
    const text = formatTrustBundle(bundle).replace('"sequence": 1', '"sequence": 2');
    const unsigned = lie(PATHS.trustBundle, async () => new Response(text));
    await expect(operator.client({ state, fetch: unsigned })).rejects.toThrow(code('bad-bundle'));
    const twice = formatTrustBundle(bundle).replace('"sequence": 1', '"sequence": 1, "sequence": 2');
    const duplicated = lie(PATHS.trustBundle, async () => new Response(twice));
    await expect(operator.client({ state, fetch: duplicated })).rejects.toThrow(code('bad-bundle'));
    const successor = await signTrustBundle({ ...bundle.bundle, sequence: 2 }, [bundleKey]);
    const honest = lie(PATHS.trustBundle, async () => new Response(formatTrustBundle(successor)));
    await expect(operator.client({ state, fetch: honest })).resolves.toBeDefined();
    // From then on the older one is a step back.
    await expect(operator.client({ state })).rejects.toThrow(code('bundle-changed'));
  });
});

describe('a network that damages answers', () => {
  it('gets nothing accepted: 300 flipped bits, and truncations', { timeout: 120_000 }, async () => {
    const random = seededRandom(20_260_801);
    const state = new MemoryState();
    let damage: (body: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> = (body) => body;
    const fetch = lie(PATHS.lookup, async (honest) => {
      return new Response(damage(new Uint8Array(await (await honest()).arrayBuffer())));
    });
    const client = await operator.client({ state, fetch });
    await client.lookup('erin@example.com');
    const before = await read(state);
    const refuse = async (text: string): Promise<void> => {
      const start = performance.now();
      const error = await client.lookup(text).then(
        () => new Error('accepted'),
        (reason: unknown) => reason,
      );
      expect(performance.now() - start).toBeLessThan(SLOW_MS);
      expect(isGlasskeyError(error) ? error.fault : error).toMatch(/^(verification|decode)$/);
      expect(await read(state)).toBe(before);
    };
    for (let i = 0; i < 300; i++) {
      damage = (body) => {
        const at = Math.floor(random() * body.length);
        body[at] = body[at]! ^ (1 << Math.floor(random() * 8));
        return body;
      };
      await refuse(i % 3 === 0 ? 'nobody@example.com' : 'erin@example.com');
    }
    for (let i = 0; i < 40; i++) {
      damage = (body) => body.slice(0, Math.floor(random() * body.length));
      await refuse('erin@example.com');
    }
    damage = (body) => new Uint8Array([...body, 0]);
    await refuse('erin@example.com');
    damage = (body) => body;
    await expect(client.lookup('erin@example.com')).resolves.toMatchObject({
      binding: { change: { type: 'unchanged' } },
    });
  });

  it('cannot make a client read without end', async () => {
    const endless = lie(PATHS.lookup, async () => {
      let sent = 0;
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          sent++;
          if (sent > 1000) throw new Error('the client reads everything');
          controller.enqueue(new Uint8Array(65_536));
        },
      });
      return new Response(body);
    });
    const client = await operator.client({ fetch: endless });
    await expect(client.lookup('bob@example.com')).rejects.toThrow(code('bad-response'));
  });
});
