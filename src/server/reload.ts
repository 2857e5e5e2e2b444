import { assertSuccessor } from '../contract/bundle-successor.ts';
import { parseTrustBundle } from '../contract/parse-trust-bundle.ts';
import type { TrustBundle } from '../contract/trust-bundle.ts';
import { ensure } from '../core/errors.ts';
import type { LogService } from '../service/log-service.ts';
import type { DataFolder } from './data-folder.ts';
import { KeyRing } from './key-ring.ts';
import { readLaterCas } from './later-cas.ts';
import { allowsMlDsa, assertRequired } from './log-requirements.ts';
import { assertAnnounced, type OpenServer, readBundle } from './open-server.ts';
import { readSettings, type ServerSettings } from './settings/server-settings.ts';

/** Settings that the HTTP layer reads for every request. */
export interface LiveSettings {
  trustBundle: string;
  clients: ServerSettings['clients'];
  certificateHeader: ServerSettings['certificateHeader'];
  acme: ServerSettings['acme'];
  tls: ServerSettings['tls'];
  readonly keepAliveMs: ServerSettings['keepAliveMs'];
  readonly explorer: ServerSettings['explorer'];
}

/** Reloads settings, issuing CAs and trust bundle of a running server, all or nothing. */
export class Reloader {
  readonly #folder: DataFolder;
  readonly #open: OpenServer;
  readonly #service: LogService;
  readonly #live: LiveSettings;
  readonly #rings: KeyRing[] = [];
  #running: Promise<unknown> = Promise.resolve();

  constructor(folder: DataFolder, open: OpenServer, service: LogService, live: LiveSettings) {
    this.#folder = folder;
    this.#open = open;
    this.#service = service;
    this.#live = live;
  }

  /**
   * Applies the folder's current content, or throws and changes nothing. Throws `usage` for a file with a problem or a
   * change that needs a restart, `bad-bundle`, `bundle-changed` for a bundle that is no successor, and the errors of
   * opening keys.
   */
  reload(): Promise<void> {
    const next = this.#running.then(() => this.#reload());
    this.#running = next.catch(() => undefined);
    return next;
  }

  /** Logs out of the tokens that reloads opened. */
  async close(): Promise<void> {
    await this.#running;
    await Promise.all(this.#rings.map((ring) => ring.close()));
  }

  async #reload(): Promise<void> {
    const { context } = this.#service;
    const settings = await readSettings(this.#folder);
    const trustBundle = (await this.#folder.read(this.#folder.trust)) ?? '';
    const bundle = readBundle(this.#folder, this.#open.config, trustBundle);
    assertReloadable(parseTrustBundle(this.#live.trustBundle).bundle, bundle);
    assertSuccessor(parseTrustBundle(this.#live.trustBundle).bundle, parseTrustBundle(trustBundle));
    const isSame = (settings.tls === undefined) === (this.#live.tls === undefined);
    ensure(isSame, 'usage', 'turning TLS on or off needs a restart');
    const [first, ...rest] = context.reloadable.issuingCas.all;
    const ring = new KeyRing(this.#folder, settings.pkcs11);
    this.#rings.push(ring);
    const known = rest.map(({ issuer }) => issuer);
    const later = await readLaterCas(this.#folder, ring, this.#open.root, known);
    assertAnnounced(bundle, later);
    const isKept = known.every((one, i) => later[i]?.issuer === one);
    ensure(
      isKept,
      'usage',
      'an issuing CA is missing or replaced: it must stay, for the CRL and OCSP answers of its certificates',
    );
    const issuingCas = [...(first === undefined ? [] : [first]), ...this.#open.withUrls(later)];
    const { evidence, profiles, notify } = settings;
    assertRequired(bundle, profiles, issuingCas);
    this.#service.reconfigure({ evidence, profiles, notify, issuingCas, allowsMlDsa: allowsMlDsa(bundle) });
    this.#live.trustBundle = trustBundle;
    this.#live.clients = settings.clients;
    this.#live.certificateHeader = settings.certificateHeader;
    this.#live.acme = settings.acme;
    this.#live.tls = settings.tls;
  }
}

/** Throws `usage` for changes of what is built into a running log: its witnesses, and the content of its heads. */
function assertReloadable(now: TrustBundle, next: TrustBundle): void {
  const same =
    now.witnessPolicy === next.witnessPolicy &&
    now.keytransConfiguration === next.keytransConfiguration &&
    now.recoveryDelayMs === next.recoveryDelayMs &&
    now.auditLogVkeys.join() === next.auditLogVkeys.join();
  ensure(same, 'usage', 'a new witness policy, recovery delay, Configuration or checkpoint key needs a restart');
}
