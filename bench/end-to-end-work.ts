import { decodeMlsMessage, getCiphersuiteFromName, getCiphersuiteImpl, type MLSMessage } from 'ts-mls';
import { importKey } from '../src/client/client-key.ts';
import { open } from '../src/client/e2ee/open-message.ts';
import { sealTo } from '../src/client/e2ee/seal-message.ts';
import { safetyNumber } from '../src/client/e2ee/safety-number.ts';
import { KeyDirectory } from '../src/client/key-directory.ts';
import { deviceSuite } from '../src/client/mls/device-suite.ts';
import { MlsAuthentication } from '../src/client/mls/mls-authentication.ts';
import { MemoryState } from '../src/client/state/client-state.ts';
import { parseBase64 } from '../src/core/encoding/bytes.ts';

/** The cipher suite of the group. */
export const GROUP_SUITE = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519';

/** People and a group, as plain data that a page can be given. Keys are PEM, bytes are base64. */
export interface EndToEndWork {
  readonly server: string;
  readonly sender: { readonly name: string; readonly key: string };
  /** Names with five devices each, by the suite that these can decrypt, and the key of the first device. */
  readonly recipients: Readonly<Record<string, { readonly name: string; readonly key: string }>>;
  readonly joining: {
    readonly key: string;
    readonly welcome: string;
    readonly keyPackage: string;
    readonly initPrivateKey: string;
    readonly hpkePrivateKey: string;
  };
  readonly runs: number;
}

/** Times of one operation, with its lookups and the wait for the server. */
export interface Times {
  readonly runs: number;
  readonly p50Ms: number;
  readonly maxMs: number;
  /** Bytes of what it made, or requests that it took. */
  readonly made?: number;
}

const MESSAGE = new Uint8Array(200);

/** Seals to five devices, opens, compares, and joins a group. */
export async function measureEndToEnd(work: EndToEndWork): Promise<Readonly<Record<string, Times>>> {
  const times: Record<string, Times> = {};
  const { server, sender, recipients } = work;
  const [directory, key] = [await openDirectory(server), await importKey(sender.key)];
  for (const [suite, { name, key: pem }] of Object.entries(recipients)) {
    let envelope = new Uint8Array();
    const seal = async (): Promise<number> => {
      envelope = (await sealTo(directory, name, MESSAGE, { name: sender.name, key })).envelope.slice();
      return envelope.length;
    };
    times[`seal to 5 devices, ${suite}`] = await time(work.runs, seal);
    const [reader, keys] = [await openDirectory(server), [await importKey(pem)]];
    times[`open, ${suite}`] = await time(work.runs, async () => {
      await open(reader, { name, keys }, envelope);
      return undefined;
    });
  }
  const [first] = Object.values(recipients);
  times['safety number'] = await time(work.runs, async () => {
    await safetyNumber(directory, sender.name, first?.name ?? '');
    return undefined;
  });
  times['join the group'] = await time(Math.min(work.runs, 5), () => join(work));
  return times;
}

/** Joins the group as a client that knows nothing. Returns how many requests that took. */
async function join({ server, joining }: EndToEndWork): Promise<number> {
  let requests = 0;
  const counting: typeof fetch = (input, init) => {
    requests++;
    return fetch(input, init);
  };
  const directory = await KeyDirectory.open({ server, state: new MemoryState(), fetch: counting });
  const suite = await getCiphersuiteImpl(getCiphersuiteFromName(GROUP_SUITE));
  const welcome = messageOf(joining.welcome);
  const keyPackage = messageOf(joining.keyPackage);
  if (welcome.wireformat !== 'mls_welcome' || keyPackage.wireformat !== 'mls_key_package')
    throw new Error('no Welcome');
  await new MlsAuthentication(directory).join({
    welcome: welcome.welcome,
    publicPackage: keyPackage.keyPackage,
    privatePackage: {
      initPrivateKey: parseBase64(joining.initPrivateKey),
      hpkePrivateKey: parseBase64(joining.hpkePrivateKey),
      signaturePrivateKey: new Uint8Array(),
    },
    cipherSuite: deviceSuite(suite, await importKey(joining.key)),
  });
  return requests;
}

function messageOf(base64: string): MLSMessage {
  const [message] = decodeMlsMessage(parseBase64(base64), 0) ?? [];
  if (message === undefined) throw new Error('a message that cannot be read');
  return message;
}

function openDirectory(server: string): Promise<KeyDirectory> {
  return KeyDirectory.open({ server, state: new MemoryState() });
}

/** Runs `work` once to warm up, and then `runs` times. */
async function time(runs: number, work: () => Promise<number | undefined>): Promise<Times> {
  let made = await work();
  const all: number[] = [];
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    made = await work();
    all.push(performance.now() - start);
  }
  all.sort((a, b) => a - b);
  const [p50, max] = [all[Math.floor(all.length / 2)] ?? 0, all.at(-1) ?? 0];
  const times = { runs, p50Ms: Math.round(p50 * 10) / 10, maxMs: Math.round(max * 10) / 10 };
  return made === undefined ? times : { ...times, made };
}
