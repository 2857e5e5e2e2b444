import { commit } from '../../../src/core/crypto/commitment.ts';
import { formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import { ensure } from '../../../src/core/errors.ts';
import { configurationCodec } from '../../../src/core/keytrans/configuration.ts';
import { credentialRequestCodec, credentialUpdateRequestCodec } from '../../../src/core/keytrans/credential.ts';
import {
  distinguishedRequestCodec,
  distinguishedResponseCodec,
} from '../../../src/core/keytrans/distinguished-messages.ts';
import {
  chainRequestCodec,
  chainResponseCodec,
  lookupRequestCodec,
  lookupResponseCodec,
} from '../../../src/core/keytrans/messages.ts';
import { standingRequestCodec, standingResponseCodec } from '../../../src/core/keytrans/standing-messages.ts';
import { verifyDistinguished } from '../../../src/core/keytrans/verify-distinguished.ts';
import { verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';
import { verifyStanding } from '../../../src/core/keytrans/verify-standing.ts';
import type { OwnChecker } from './checker.ts';
import { viewOf } from './retained.ts';

export const checkLookup: OwnChecker = ({ configuration, view, nowMs, request, response }) => {
  const config = decode(configurationCodec, parseHex(configuration));
  const answer = decode(lookupResponseCodec(config), parseHex(response));
  const context = { config, view: view === null ? undefined : viewOf(view), nowMs };
  const result = verifyLookup(context, decode(lookupRequestCodec, parseHex(request)), answer);
  const { type } = result;
  const [logRoot, labelKey] = [formatHex(result.logRoot), formatHex(result.labelKey)];
  const learnt = { type, size: result.view.size, logRoot, labelKey };
  if (result.type === 'absent') return learnt;
  const { version, value, commitment } = result;
  return { ...learnt, version, value: formatHex(value), commitment: formatHex(commitment) };
};

export const checkChainAnswer: OwnChecker = ({ configuration, request, response }) => {
  const config = decode(configurationCodec, parseHex(configuration));
  const { label, first, last } = decode(chainRequestCodec, parseHex(request));
  const { links } = decode(chainResponseCodec(config), parseHex(response));
  ensure(links.length === last - first + 1, 'malformed-encoding', 'another number of links');
  const commitments = links.map(({ opening, value: update }, i) =>
    formatHex(commit({ opening, label, version: first + i, update })),
  );
  const shown = links.map(({ opening, value }) => ({ opening: formatHex(opening), value: formatHex(value.value) }));
  return { first, last, links: shown, commitments };
};

export const checkCredentialRequest: OwnChecker = ({ type, request }) => {
  const bytes = parseHex(request);
  const fields =
    type === 'credential' ? decode(credentialRequestCodec, bytes) : decode(credentialUpdateRequestCodec, bytes);
  return { ...fields, label: formatHex(fields.label) };
};

/** Cases of `standing.json`. */
export const checkStanding: OwnChecker = ({ configuration, view, nowMs, commitment, request, response }) => {
  const config = decode(configurationCodec, parseHex(configuration));
  const context = { config, view: viewOf(view), nowMs };
  const asked = decode(standingRequestCodec, parseHex(request));
  const answer = decode(standingResponseCodec(config), parseHex(response));
  const { view: after, firstMs, secondMs } = verifyStanding(context, asked, answer, parseHex(commitment));
  return { size: after.size, firstMs, secondMs };
};

/** Cases of `distinguished-walk.json`. */
export const checkDistinguishedWalk: OwnChecker = ({ configuration, view, nowMs, request, response }) => {
  const config = decode(configurationCodec, parseHex(configuration));
  const context = { config, view: view === null ? undefined : viewOf(view), nowMs };
  const answer = decode(distinguishedResponseCodec(config), parseHex(response));
  const result = verifyDistinguished(context, decode(distinguishedRequestCodec, parseHex(request)), answer);
  const heads = result.heads.map(({ position, timestampMs, prefixRoot, logRoot }) => {
    return { position, timestampMs, prefixRoot: formatHex(prefixRoot), logRoot: formatHex(logRoot) };
  });
  return { size: result.view.size, logRoot: formatHex(result.logRoot), heads };
};
