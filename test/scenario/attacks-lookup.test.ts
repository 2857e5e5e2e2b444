import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type ClientKey, generateKey } from '../../src/client/client-key.ts';
import { MemoryState } from '../../src/client/state/client-state.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { commit } from '../../src/core/crypto/commitment.ts';
import { sha256 } from '../../src/core/crypto/sha256.ts';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import { lookupBatchResponseCodec, type LookupBatchOutcome } from '../../src/core/keytrans/lookup-batch-messages.ts';
import { type LookupResponse, lookupRequestCodec, lookupResponseCodec } from '../../src/core/keytrans/messages.ts';
import type { PrefixSearchResult } from '../../src/core/keytrans/proofs.ts';
import { encodeTreeHeadTbs } from '../../src/core/keytrans/tree-head.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { encodeIdentityRecord, NO_COMMITMENT } from '../../src/identity/identity-record.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import { identityOf } from '../support/owner.ts';
import { caught, failure, forge, forgeFound, INITIAL, readState } from '../support/victims.ts';
import { attack } from './attack.ts';

let operator: LyingOperator;
let bob: ClientKey;

beforeAll(async () => {
  operator = await LyingOperator.start();
  const owner = await operator.client();
  bob = await generateKey();
  const { token } = operator.server.log;
  await owner.register('bob@example.com', { token, key: bob });
  await owner.register('carol@example.com', { token, key: await generateKey() });
});
afterAll(() => operator.stop());

describe('an operator with the database in hand', () => {
  attack('value-swapped-in-place', async () => {
    const mallory = await operator.certify('bob@example.com', (await generateKey()).spki);
    const forged = encodeIdentityRecord({
      previousCommitment: NO_COMMITMENT,
      certificates: [mallory],
      pending: undefined,
      authorization: INITIAL,
    });
    const row = await rowOf('bob@example.com');
    const noticed: unknown[] = [];
    await operator.overwrite('bob@example.com', 'value', forged);
    try {
      noticed.push(await caught(operator, 'bob@example.com'));
      const { opening } = row;
      const { label } = identityOf('bob@example.com');
      const commitment = commit({ opening, label, version: 0, update: { value: forged, signature: undefined } });
      await operator.overwrite('bob@example.com', 'commitment', commitment);
      noticed.push(await caught(operator, 'bob@example.com'));
    } finally {
      await operator.overwrite('bob@example.com', 'value', row.value);
      await operator.overwrite('bob@example.com', 'commitment', row.commitment);
    }
    await expect((await operator.client()).lookup('bob@example.com')).resolves.toMatchObject({ found: true });
    return noticed;
  });

  attack('two-keys-for-a-label', async () => {
    const row = await rowOf('bob@example.com');
    const other = await rowOf('carol@example.com');
    await operator.overwrite('bob@example.com', 'vrf_proof', other.vrfProof);
    try {
      return await caught(operator, 'bob@example.com');
    } finally {
      await operator.overwrite('bob@example.com', 'vrf_proof', row.vrfProof);
    }
  });

  async function rowOf(text: string) {
    const { store, vrf } = operator.server.log.context;
    const labelKey = await vrf.labelKey(identityOf(text).label);
    const found = await store.readLabelAt(labelKey, Number.MAX_SAFE_INTEGER);
    const { value, opening, commitment, vrfProof } = found!.greatest;
    return { value: value!, opening: opening!, commitment, vrfProof };
  }
});

describe('an operator with the keys of the log in hand', () => {
  attack('another-root-signed', async () => {
    const { keys, configuration } = operator.server.log.context;
    const fetch = forgeFound(operator, async (response) => {
      if (response.fullTreeHead.type !== 'updated') throw new Error('the same head');
      const { treeSize } = response.fullTreeHead.treeHead;
      const signature = await keys.treeHead.sign(encodeTreeHeadTbs(configuration, treeSize, sha256(new Uint8Array(1))));
      return { ...response, fullTreeHead: { ...response.fullTreeHead, treeHead: { treeSize, signature } } };
    });
    return caught(operator, 'bob@example.com', { fetch });
  });

  attack('old-head', async () => {
    const { clock, context } = operator.server.log;
    const { maxBehindMs } = context.configuration;
    const state = new MemoryState();
    await (await operator.client({ state })).lookup('bob@example.com');
    // The head is frozen for the client's clock only: the server goes on in its own time.
    const clientAfter = (ms: number) =>
      KeyDirectory.open({ server: operator.server.url, state, now: () => clock.now() + ms });
    await expect((await clientAfter(maxBehindMs)).lookup('bob@example.com')).resolves.toBeDefined();
    const before = await readState(state);
    const late = await clientAfter(maxBehindMs + 1);
    const noticed = [await failure(late.lookup('bob@example.com')), await failure(late.lookup('bob@example.com'))];
    expect((await readState(state)).view).toBe(before.view);
    expect((await readState(state)).contacts).toBe(before.contacts);
    return noticed;
  });

  attack('head-older-than-seen', async () => {
    const codec = lookupResponseCodec(operator.server.log.context.configuration);
    const { label } = identityOf('bob@example.com');
    const old = await operator.server.log.service.prover.lookup({ last: undefined, label });
    await operator.appendRecord('newer@example.com', {
      certificates: [await operator.certify('newer@example.com', bob.spki)],
      authorization: INITIAL,
    });
    const state = new MemoryState();
    await (await operator.client({ state })).lookup('bob@example.com');
    const fetch = lie(PATHS.lookup, async () => new Response(new Uint8Array(encode(codec, old))));
    return caught(operator, 'bob@example.com', { fetch, state });
  });

  attack('fork-in-time', async () => {
    const [honest, forked] = await Promise.all([operator.client(), LyingOperator.start()]);
    await honest.lookup('bob@example.com');
    const noticed: unknown[] = [];
    try {
      const { context: own } = operator.server.log;
      const { context } = forked.server.log;
      // The fork is of the same name and signed by the same keys; its entries are its own.
      Object.assign(context.keys, own.keys);
      Object.assign(context, { configuration: own.configuration, vrf: own.vrf, noteSigner: own.noteSigner });
      for (let i = 0; i < 8; i++) {
        const spki = (await generateKey()).spki;
        const name = i === 0 ? 'bob@example.com' : `fork${i}@example.com`;
        const record = { certificates: [await operator.certify(name, spki)], authorization: INITIAL };
        await forked.appendRecord(name, record);
        const state = new MemoryState();
        await (await operator.client({ state })).lookup('carol@example.com');
        const seen = (await readState(state)).view!.size;
        const codec = lookupResponseCodec(own.configuration);
        const fetch = lie(PATHS.lookup, async (_, init) => {
          const request = decode(lookupRequestCodec, new Uint8Array(init?.body as Uint8Array));
          const size = (await forked.server.log.service.progress.released()).released.size;
          // A fork has no proof that it continues what the client saw: the best that it can show is one of its own.
          const last = size >= seen ? request.last : undefined;
          const answer = await forked.server.log.service.prover.lookup({ ...request, last });
          return new Response(new Uint8Array(encode(codec, answer)));
        });
        noticed.push(await caught(operator, 'bob@example.com', { fetch, state }));
      }
    } finally {
      await forked.stop();
    }
    return noticed;
  });

  attack('batch-of-two-heads', async () => {
    const { configuration } = operator.server.log.context;
    const { prover } = operator.server.log.service;
    const names = ['bob@example.com', 'carol@example.com'];
    const codec = lookupResponseCodec(configuration);
    const answerTo = async (name: string): Promise<LookupBatchOutcome> => {
      const answer = await prover.lookup({ last: undefined, label: identityOf(name).label });
      return { type: 'answered', response: encode(codec, answer) };
    };
    const first = await answerTo('bob@example.com');
    await operator.appendRecord('between@example.com', {
      certificates: [await operator.certify('between@example.com', bob.spki)],
      authorization: INITIAL,
    });
    const second = await answerTo('carol@example.com');
    const answer = encode(lookupBatchResponseCodec, { outcomes: [first, second] });
    const state = new MemoryState();
    const fetch = lie(PATHS.lookupBatch, async () => new Response(new Uint8Array(answer)));
    const [bobs, carols] = await (await operator.client({ state, fetch })).lookupMany(names);
    expect(bobs).toMatchObject({ result: { found: true } });
    expect([...(await readState(state)).contacts.keys()]).toEqual(['bob@example.com']);
    return carols?.error;
  });

  attack('existing-name-denied', async () => {
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
    const noticed: unknown[] = [];
    for (const denial of denials) {
      const fetch = lie(PATHS.lookup, async () => new Response(new Uint8Array(encode(codec, denial))));
      noticed.push(await caught(operator, 'bob@example.com', { fetch }));
    }
    return noticed;
  });

  attack('denied-by-its-own-leaf', async () => {
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
    const absent = { type: 'absent', fullTreeHead, vrfProof, proof: { ...search, prefixProofs } } as const;
    return caught(operator, 'bob@example.com', { fetch: forge(operator, () => absent) });
  });

  attack('seen-name-denied', async () => {
    const state = new MemoryState();
    await (await operator.client({ state })).lookup('bob@example.com');
    const known = (await readState(state)).contacts.get('bob@example.com')!;
    // As if the log had lost a name that the client knows: all that it proves about that name is true.
    const forgetful = new MemoryState();
    await forgetful.transact(async (current) => ({
      next: { ...current, contacts: new Map([['nobody@example.com', known]]) },
      result: undefined,
    }));
    return caught(operator, 'nobody@example.com', { state: forgetful });
  });

  attack('answer-about-another', async () => {
    const state = new MemoryState();
    await (await operator.client({ state })).lookup('bob@example.com');
    const answerAbout = (text: string) =>
      lie(PATHS.lookup, async (_, init) => {
        const request = decode(lookupRequestCodec, new Uint8Array(init?.body as Uint8Array));
        const { label } = identityOf(text);
        const answer = await operator.server.log.service.prover.lookup({ ...request, label });
        const codec = lookupResponseCodec(operator.server.log.context.configuration);
        return new Response(new Uint8Array(encode(codec, answer)));
      });
    return [
      await caught(operator, 'bob@example.com', { state, fetch: answerAbout('nobody@example.com') }),
      await caught(operator, 'bob@example.com', { state, fetch: answerAbout('carol@example.com') }),
    ];
  });

  attack('two-values-for-a-version', async () => {
    const { context } = operator.server.log;
    const { label } = identityOf('bob@example.com');
    const certificate = await operator.certify('bob@example.com', (await generateKey()).spki);
    const record = { previousCommitment: NO_COMMITMENT, pending: undefined, authorization: INITIAL };
    const value = encodeIdentityRecord({ ...record, certificates: [certificate] });
    const opening = context.random(16);
    const update = { value, signature: undefined };
    const own = commit({ opening, label, version: 0, update });
    const fetch = forgeFound(operator, (response) => ({ ...response, opening, value: update }));
    // The same with prefix proofs in which the second value's leaf stands where the first one's does.
    const withLeaf = forgeFound(operator, (response) => ({
      ...response,
      opening,
      value: update,
      binaryLadder: response.binaryLadder.map((step) =>
        step.commitment === undefined ? step : { ...step, commitment: own },
      ),
    }));
    return [
      await caught(operator, 'bob@example.com', { fetch }),
      await caught(operator, 'bob@example.com', { fetch: withLeaf }),
    ];
  });
});

describe('a server that answers without end', () => {
  attack('endless-answer', async () => {
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
    return failure((await operator.client({ fetch: endless })).lookup('bob@example.com'));
  });
});
