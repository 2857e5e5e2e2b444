import {
  makeAuditEntries,
  makeAuditorUpdates,
  makeCheckpoints,
  makeEntryBundles,
  makeLog,
  makeTlogProofs,
} from './audit-log.ts';
import { makeChanges } from './changes.ts';
import { makeCredentialRequests } from './credential-requests.ts';
import { makeCredentialTexts } from './credential-texts.ts';
import { makeHistory } from './history.ts';
import { makeIdentities } from './identities.ts';
import { makeLogEnds } from './log-ends.ts';
import { makeChains, makeLookups } from './lookups.ts';
import type { OwnFile } from './own-file.ts';
import { makeRecordChains } from './record-chain.ts';
import { makeRecords } from './records.ts';
import { makeSharedHeads } from './shared-heads.ts';
import { makeWatchMandates } from './watch-mandates.ts';
import { makeBundleSuccessors, makeTrustBundles } from './trust-bundles.ts';

/** Every file of vectors of our own formats, always with the same contents: file names to what they hold. */
export async function makeAllFiles(): Promise<ReadonlyMap<string, string>> {
  const history = await makeHistory();
  const log = makeLog();
  const files: readonly OwnFile[] = [
    makeIdentities(),
    makeRecords(history),
    await makeChanges(history),
    await makeRecordChains(history),
    makeLookups(history),
    makeChains(history),
    makeCredentialRequests(),
    makeCredentialTexts(history),
    makeSharedHeads(),
    await makeWatchMandates(),
    await makeLogEnds(),
    makeAuditEntries(log),
    makeAuditorUpdates(log),
    makeEntryBundles(log),
    await makeCheckpoints(log),
    await makeTlogProofs(log),
    await makeTrustBundles(history),
    await makeBundleSuccessors(history),
  ];
  return new Map(files.map((file) => [`${file.primitive}.json`, formatFile(file)]));
}

function formatFile(file: OwnFile): string {
  return `${JSON.stringify(file, null, 2)}\n`;
}
