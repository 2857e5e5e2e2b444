import type { SearchResponse } from '../../core/keytrans/messages.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Issuance } from './issuance.ts';
import type { Made } from './made.ts';

/** What every answer of the pipeline holds. */
export interface Answer {
  readonly identity: string;
  readonly version: number;
  readonly position: number;
  readonly treeSize: number;
  readonly proof: SearchResponse;
}

/** Step `respond`: where the version is, and the proof of the identity's greatest version for the client's `last`. */
export async function respond(
  { prover }: Issuance,
  identity: Identity,
  { version, position }: Made,
  last: number | undefined,
): Promise<Answer> {
  const proof = await prover.search({ last, label: identity.label, version: undefined });
  const { fullTreeHead } = proof;
  const treeSize = fullTreeHead.type === 'updated' ? fullTreeHead.treeHead.treeSize : (last ?? 0);
  return { identity: identity.text, version, position, treeSize, proof };
}
