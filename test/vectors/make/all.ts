import {
  makeAuditEntries,
  makeAuditorUpdates,
  makeCheckpoints,
  makeEntryBundles,
  makeLog,
  makeTlogProofs,
} from './audit-log.ts';
import { makeAuditedLookups } from './audited-lookups.ts';
import { makeBackups } from './backups.ts';
import { makeCallMessages } from './call-messages.ts';
import { makeChanges } from './changes.ts';
import { makeContactMonitoring } from './contact-monitoring.ts';
import { makeCredentialRequests } from './credential-requests.ts';
import { makeCredentialTexts } from './credential-texts.ts';
import { makeDeviceNotes } from './device-notes.ts';
import { makeDistinguishedWalks } from './distinguished-walks.ts';
import { makeHistory } from './history.ts';
import { makeIdentities } from './identities.ts';
import { makeLogEnds } from './log-ends.ts';
import { makeLookupBatches } from './lookup-batches.ts';
import { makeChains, makeLookups } from './lookups.ts';
import type { OwnFile } from './own-file.ts';
import { makeOwnerMonitoring } from './owner-monitoring.ts';
import { makeRecordChains } from './record-chain.ts';
import { makeRecords } from './records.ts';
import { makeSafetyNumbers } from './safety-numbers.ts';
import { makeSealedMessages } from './sealed-messages.ts';
import { makeSharedHeads } from './shared-heads.ts';
import { makeStandings } from './standings.ts';
import { makeWatchMandates } from './watch-mandates.ts';
import { makeBundleSuccessors, makeTrustBundles } from './trust-bundles.ts';
import { makeWitnessedHeads } from './witnessed-heads.ts';

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
    makeAuditedLookups(history),
    makeLookupBatches(history),
    makeChains(history),
    makeContactMonitoring(history),
    makeOwnerMonitoring(history),
    makeStandings(history),
    makeDistinguishedWalks(history),
    makeCredentialRequests(),
    makeCredentialTexts(history),
    makeSharedHeads(),
    await makeDeviceNotes(history),
    await makeSealedMessages(history),
    makeSafetyNumbers(),
    await makeCallMessages(history),
    await makeBackups(history),
    await makeWatchMandates(),
    await makeLogEnds(),
    makeAuditEntries(log),
    makeAuditorUpdates(log),
    makeEntryBundles(log),
    await makeCheckpoints(log),
    await makeTlogProofs(log),
    await makeWitnessedHeads(log),
    await makeTrustBundles(history),
    await makeBundleSuccessors(history),
  ];
  return new Map(files.map((file) => [`${file.primitive}.json`, formatFile(file)]));
}

function formatFile(file: OwnFile): string {
  return `${JSON.stringify(file, null, 2)}\n`;
}
