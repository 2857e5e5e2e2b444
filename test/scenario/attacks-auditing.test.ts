import { afterEach, beforeEach, describe, expect } from 'vitest';
import { auditLog } from '../../src/client/audit/audit-log.ts';
import { generateKey } from '../../src/client/client-key.ts';
import {
  type AuditorTreeHead,
  encodeAuditorTreeHeadTbs,
  verifyAuditorTreeHead,
} from '../../src/core/keytrans/tree-head.ts';
import { type LogEnd, signedLogEndCodec, signLogEnd } from '../../src/core/audit/log-end.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import { PATHS } from '../../src/contract/paths.ts';
import { compareRoots } from '../../src/core/keytrans/known-head.ts';
import { AuditorFolderFixture, AUDITOR, auditedLog, grow, NOW_MS } from '../support/audited-log.ts';
import { createTestAuditor, type TestAuditor } from '../support/auditor.ts';
import { testSigner } from '../core/audit/test-signer.ts';
import { lie, LyingOperator } from '../support/lying-operator.ts';
import type { StaticLog } from '../support/static-log.ts';
import { BY_OPERATOR, caught, failure, INITIAL } from '../support/victims.ts';
import { attack } from './attack.ts';

const LAG_MS = 60_000;
const BOB = 'bob@example.com';

let auditor: TestAuditor;
let operator: LyingOperator;
beforeEach(async () => {
  auditor = await createTestAuditor(LAG_MS);
  operator = await LyingOperator.start({ loop: false, configuration: auditor.configuration });
});
afterEach(() => operator.stop());

/** Has the auditor sign whatever the log holds now, and shows that. */
async function audited(): Promise<AuditorTreeHead> {
  const { context, service } = operator.server.log;
  const head = await auditor.sign(context, (await context.store.readHead()).size);
  await service.auditor.accept(head);
  return head;
}

/** Has the server show that head of the auditor, whatever it is. */
function show(head: AuditorTreeHead): void {
  Object.assign(operator.server.log.service.auditor, { newestFor: async () => head });
}

async function appendFalse(authorization: typeof INITIAL | typeof BY_OPERATOR): Promise<void> {
  const certificates = [await operator.certify(BOB, (await generateKey()).spki)];
  await operator.appendRecord(BOB, { certificates, authorization });
}

describe('an auditor that signs without looking', () => {
  attack('auditor-looks-away', async () => {
    await appendFalse(INITIAL);
    await audited();
    const before = (await operator.server.log.context.store.readHead()).size - 1;
    await appendFalse(BY_OPERATOR);
    await audited();
    const client = await operator.client();
    await client.lookup(BOB);
    await operator.takeBack(before, { forget: true });
    await audited();
    // Clients of such a log believe it: one that never saw the false version learns nothing of it.
    await expect((await operator.client()).lookup(BOB)).resolves.toMatchObject({ found: true });
    return failure((await operator.client()).audit());
  });

  attack('audited-for-a-lie', async () => {
    // What the honest auditor service does with the same log: it signs nothing and keeps why.
    const folder = new AuditorFolderFixture();
    await folder.make();
    try {
      const log = await grow(auditedLog(), 8);
      const honest = await folder.open(() => log);
      await honest.step();
      const signed = honest.head;
      log.append([], NOW_MS - 2_000_000);
      await log.release();
      for (let look = 0; look < 3; look++) await honest.step();
      expect([signed?.treeSize, honest.head]).toEqual([8, undefined]);
      const failed = folder.events.flatMap((event) => (event.type === 'failed' ? [event.error] : []));
      expect(honest.halt).toBeDefined();
      return failed;
    } finally {
      await folder.remove();
    }
  });
});

describe('an auditor that signs two heads of one size', () => {
  attack('auditor-equivocates', async () => {
    const [one, other] = await Promise.all([grow(auditedLog(), 10), grow(await grow(auditedLog(), 6), 10, 500)]);
    for (const log of [one, other]) verifyAuditorTreeHead(log.config, await blindHead(log), log.logRoot);
    const audit = (log: StaticLog, more: object) =>
      auditLog({ baseUrl: 'http://log.test', bundle: log.bundle, fetch: log.fetch, now: () => NOW_MS, ...more });
    const { state } = await audit(one, {});
    return [
      await failure(audit(other, { state })),
      await failure(audit(other, { seen: { size: 10, logRoot: one.logRoot } })),
      await failure(() => compareRoots([one.logRoot], [other.logRoot])),
    ];
  });

  async function blindHead(log: StaticLog): Promise<AuditorTreeHead> {
    const head = { treeSize: 10, timestampMs: NOW_MS };
    return { ...head, signature: await AUDITOR.sign(encodeAuditorTreeHeadTbs(log.config, head, log.logRoot)) };
  }
});

describe('the end of a log', () => {
  attack('goes-on-after-its-end', async () => {
    const log = auditedLog();
    await grow(log, 10);
    await log.end(NOW_MS - 1_000_000 + 10);
    await log.release();
    const options = { baseUrl: 'http://log.test', bundle: log.bundle, fetch: log.fetch, now: () => NOW_MS };
    const { state, end } = await auditLog(options);
    expect(end).toMatchObject({ position: 10 });
    await grow(log, 12);
    return [await failure(auditLog(options)), await failure(auditLog({ ...options, state }))];
  });

  attack('end-forged', async () => {
    await appendFalse(INITIAL);
    await audited();
    const { log, bundleKey } = operator.server;
    const { size } = await log.context.store.readHead();
    log.clock.advance(86_400_000);
    const claims = [bundleKey, testSigner(44)].map(async ({ sign }) => {
      const { origin } = log.context;
      const end: LogEnd = { format: 1, origin, position: size - 1, reason: '', successor: undefined };
      return encode(signedLogEndCodec, await signLogEnd(end, (message) => sign(message)));
    });
    const noticed: unknown[] = [];
    for (const claim of await Promise.all(claims)) {
      const fetch = lie(PATHS.logEnd, async () => new Response(claim.slice()));
      noticed.push(await caught(operator, BOB, { fetch }));
    }
    return [...noticed, await failure((await operator.client()).lookup(BOB))];
  });
});

describe('a server without its auditor', () => {
  attack('auditor-left-behind', async () => {
    await appendFalse(INITIAL);
    const head = await audited();
    // Until half of max_behind has passed, an honest server may answer in the older size, which is audited.
    const { clock, context } = operator.server.log;
    clock.advance(Math.max(LAG_MS, context.configuration.maxBehindMs / 2) + 1);
    await operator.appendNothing();
    show(head);
    return caught(operator, BOB);
  });

  attack('auditor-starts-too-late', async () => {
    await operator.stop();
    auditor = await createTestAuditor(LAG_MS, 3);
    operator = await LyingOperator.start({ loop: false, configuration: auditor.configuration });
    await appendFalse(INITIAL);
    const { context } = operator.server.log;
    const noticed: unknown[] = [];
    for (let size = (await context.store.readHead()).size; size <= 3; size++) {
      show(await auditor.sign(context, size));
      noticed.push(await caught(operator, BOB));
      await operator.appendNothing();
    }
    show(await auditor.sign(context, 4));
    await expect((await operator.client()).lookup(BOB)).resolves.toMatchObject({ found: true });
    return noticed;
  });

  attack('auditor-forged', async () => {
    await appendFalse(INITIAL);
    const { context } = operator.server.log;
    const head = await audited();
    const stranger = await (await createTestAuditor(LAG_MS)).sign(context, head.treeSize);
    const noticed: unknown[] = [];
    for (const shown of [stranger, { ...head, treeSize: head.treeSize - 1 }]) {
      show(shown);
      noticed.push(await caught(operator, BOB));
    }
    return noticed;
  });
});
