import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../../src/client/client-key.ts';
import { MemoryState } from '../../../src/client/state/client-state.ts';
import { sha256 } from '../../../src/core/crypto/sha256.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { isGlasskeyError } from '../../../src/core/errors.ts';
import {
  type StandingRequest,
  standingRequestCodec,
  type StandingResponse,
  standingResponseCodec,
} from '../../../src/core/keytrans/standing-messages.ts';
import type { TreeView } from '../../../src/core/keytrans/tree-view.ts';
import { verifySearch } from '../../../src/core/keytrans/verify-search.ts';
import { type VerifiedStanding, verifyStanding } from '../../../src/core/keytrans/verify-standing.ts';
import { LyingOperator } from '../../support/lying-operator.ts';
import { identityOf } from '../../support/owner.ts';
import { register, warning } from '../../support/victims.ts';

const ALICE = 'alice@example.com';
const { label } = identityOf(ALICE);
const DELAY_MS = 7 * 86_400_000;

let operator: LyingOperator;
/** Where version 1, the pending one, was logged; version 2 came three entries later. */
let pendingAt: number;
let commitment: Uint8Array;
let contact: MemoryState;
let view: TreeView;

beforeAll(async () => {
  operator = await LyingOperator.start({ limits: { verifyOneIn: 1 } });
  const { clock, context } = operator.server.log;
  await register(operator, ALICE);
  contact = new MemoryState();
  await (await operator.client({ state: contact })).lookup(ALICE);
  for (let i = 0; i < 3; i++) await operator.appendNothing();
  const { spki } = await generateKey();
  const { record } = (await operator.latest(ALICE))!;
  await operator.appendRecord(ALICE, {
    certificates: record.certificates,
    pending: { spkiSha256: sha256(spki), evidence: { type: 'application' } },
    authorization: { type: 'recovery', phase: 'requested' },
  });
  pendingAt = (await context.store.readHead()).size - 1;
  ({ commitment } = (await operator.latest(ALICE))!);
  await operator.appendNothing();
  clock.advance(DELAY_MS);
  await operator.appendNothing();
  await operator.appendRecord(ALICE, {
    certificates: [await operator.certify(ALICE, spki)],
    authorization: {
      type: 'recovery',
      phase: 'effective',
      pendingVersion: 1,
      firstPosition: pendingAt,
      lastPosition: pendingAt + 2,
    },
  });
  const request = { last: undefined, label, version: undefined };
  ({ view } = verifySearch(client(undefined), request, await operator.server.log.service.prover.search(request)));
});
afterAll(() => operator.stop());

const client = (known: TreeView | undefined) => {
  const { context, clock } = operator.server.log;
  return { config: context.configuration, view: known, nowMs: clock.nowMs };
};

async function ask(request: StandingRequest): Promise<StandingResponse> {
  const { context, service } = operator.server.log;
  const bytes = await service.keytrans.standing(encode(standingRequestCodec, request));
  return decode(standingResponseCodec(context.configuration), bytes);
}

const request = (but: Partial<StandingRequest> = {}): StandingRequest => {
  return { last: view.size, label, version: 1, first: pendingAt, second: pendingAt + 2, ...but };
};

/** The client's verdict on an answer to `named`. */
function verify(answer: StandingResponse, named = request(), known: TreeView = view): VerifiedStanding {
  return verifyStanding(client(known), named, answer, commitment);
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isGlasskeyError(error)) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('a standing', () => {
  it('is proved for any two entries at which the version was the greatest, and for no others', async () => {
    for (let first = pendingAt - 2; first <= pendingAt + 3; first++) {
      for (let second = first; second <= pendingAt + 4; second++) {
        const stood = first >= pendingAt && first < second && second <= pendingAt + 2;
        const answered = ask(request({ first, second }));
        if (stood) {
          const { firstMs, secondMs } = verify(await answered, request({ first, second }));
          expect(secondMs - firstMs).toBe(second === pendingAt + 2 ? DELAY_MS : 0);
        } else {
          const code = second === first || second > pendingAt + 3 ? 'invalid-request' : 'search-not-found';
          await expect(answered).rejects.toMatchObject({ code });
        }
      }
    }
  });

  it('is refused for another version, label, commitment, or entries of which the client holds no head', async () => {
    const answer = await ask(request());
    const other = identityOf('bob@example.com').label;
    expect(codeOf(() => verify(answer, request({ version: 2 })))).toBe('unexpected-version');
    expect(codeOf(() => verify(answer, request({ label: other })))).toBe('bad-vrf-proof');
    const swapped = codeOf(() => verifyStanding(client(view), request(), answer, new Uint8Array(32)));
    expect(['bad-prefix-proof', 'bad-signature', 'view-mismatch']).toContain(swapped);
    expect(codeOf(() => verify(answer, request({ second: view.size })))).toBe('usage');
  });

  it('is refused with any bit of the answer flipped', async () => {
    const codec = standingResponseCodec(operator.server.log.context.configuration);
    const bytes = encode(codec, await ask(request()));
    const accepted: number[] = [];
    for (let at = 0; at < bytes.length; at += 9) {
      const damaged = Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte));
      if (codeOf(() => verify(decode(codec, damaged))) === 'accepted') accepted.push(at);
    }
    expect(accepted).toEqual([]);
  });
});

it('a contact is told of a recovery that waited as one', async () => {
  const directory = await operator.client({ state: contact });
  expect(await warning(directory, ALICE)).toBe('recovery');
});
