import { KeyDirectory } from 'glasskey';
import { FolderState } from 'glasskey/node';

process.once('uncaughtException', ({ message }) => process.exit(console.error(message) ?? 1));
const [server, name] = process.argv.slice(2);
if (name === undefined) throw new Error('usage: node look-up.mjs SERVER NAME');
const directory = await KeyDirectory.open({ server, state: new FolderState('contacts') });
console.log(`${directory.trustOrigin}: ${directory.fingerprint}`); // on first use: compare with a friend's
const result = await directory.lookup(name);
if (!result.found) throw new Error(`${result.identity} has no keys: proved by the log of ${result.treeSize} entries`);
const { certificates, change } = result.binding; // verified: log, chain of records, certificates
if (['operator', 'unexplained'].includes(change.type)) console.warn('these keys are not known to be the owner’s');
for (const certificate of certificates) console.log(certificate.serial, certificate.spkiSha256);
