import type { EvidenceServices } from '../evidence/evidence-services.ts';
import type { IssuingCa, IssuingCas } from './issuing-cas.ts';
import type { ProfileTable } from './profile-table.ts';

/** The settings that a reload of the server replaces. */
export interface ReloadableSettings {
  readonly profiles: ProfileTable;
  /** The CAs that have signed or will sign for this log. */
  readonly issuingCas: IssuingCas;
  readonly evidence: EvidenceServices;
  /** True if the trust bundle requires clients to understand ML-DSA: only then are such keys certified. */
  readonly allowsMlDsa: boolean;
}

/** The settings that one request works with from its beginning to its end, even if a reload replaces them meanwhile. */
export interface RequestSettings extends ReloadableSettings {
  /** Signs the request's certificate. */
  readonly signingCa: IssuingCa;
}

/** Holds what a reload replaces: the only mutable part of a log's context. Its readers keep nothing of it. */
export class Reloadable implements ReloadableSettings {
  #settings: ReloadableSettings;

  constructor(settings: ReloadableSettings) {
    this.#settings = settings;
  }

  get profiles(): ProfileTable {
    return this.#settings.profiles;
  }

  get issuingCas(): IssuingCas {
    return this.#settings.issuingCas;
  }

  get evidence(): EvidenceServices {
    return this.#settings.evidence;
  }

  get allowsMlDsa(): boolean {
    return this.#settings.allowsMlDsa;
  }

  /** Returns the settings for a request that begins at `nowMs`. */
  at(nowMs: number): RequestSettings {
    return { ...this.#settings, signingCa: this.#settings.issuingCas.signing(nowMs) };
  }

  replace(settings: ReloadableSettings): void {
    this.#settings = settings;
  }
}
