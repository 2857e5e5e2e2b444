import { GlasskeyError } from '../core/errors.ts';

/** A page of a listing of objects. */
export interface ObjectListing {
  readonly keys: readonly string[];
  /** True if the listing goes on after the last key. */
  readonly isTruncated: boolean;
}

/** Most keys of a page, by the API of S3. */
const MAX_KEYS = 1_000;
const MAX_KEY_LENGTH = 1_024;
const MAX_DEPTH = 6;
/** Most characters of the text of one element. */
const MAX_TEXT = 4_096;

const DECLARATION = /<\?xml [^<>?]{1,100}\?>/y;
const TAG = /<(\/?)([A-Za-z][A-Za-z0-9:]{0,63})((?:\s{1,8}[A-Za-z][A-Za-z:]{0,63}="[^"<&]{0,256}"){0,8})\s{0,8}(\/?)>/y;
const TEXT = /[^<]+/y;

const ROOT = 'ListBucketResult';
const MIXED = 'an element has text beside elements';

/**
 * Parses the untrusted answer of `ListObjectsV2`, as S3 and its relatives give it. It reads the keys and whether more
 * follow, and skips other elements. Elements, text, references to characters and the five entities of XML are read; a
 * document type, comments, instructions and CDATA are refused. Throws `bad-response`.
 */
export function parseObjectListing(xml: string): ObjectListing {
  const keys: string[] = [];
  let isTruncated: boolean | undefined;
  for (const { path, text } of elements(xml)) {
    if (path === `${ROOT}/Contents/Key`) {
      if (keys.length >= MAX_KEYS || text.length > MAX_KEY_LENGTH) throw refused('it has too many or too long keys');
      keys.push(text);
    } else if (path === `${ROOT}/IsTruncated`) {
      if (isTruncated !== undefined || !/^(?:true|false)$/.test(text)) throw refused('IsTruncated is not one boolean');
      isTruncated = text === 'true';
    }
  }
  if (isTruncated === undefined) throw refused('it does not say whether more keys follow');
  return { keys, isTruncated };
}

/** An element that has ended, with its path from the root and its own text. */
interface ReadElement {
  readonly path: string;
  readonly text: string;
}

function* elements(xml: string): Generator<ReadElement> {
  const open: { readonly name: string; hasElements: boolean }[] = [];
  let text = '';
  let at = matchAt(DECLARATION, xml, 0)?.[0].length ?? 0;
  let hasRoot = false;
  while (at < xml.length) {
    const words = matchAt(TEXT, xml, at)?.[0];
    if (words !== undefined) {
      at += words.length;
      if (open.length === 0 && words.trim() !== '') throw refused('there is text outside its root');
      text += words;
      if (text.length > MAX_TEXT) throw refused('an element has too much text');
      continue;
    }
    const tag = matchAt(TAG, xml, at);
    if (tag === undefined) throw refused('it is not plain XML');
    const [whole, slash, name = '', attributes, empty] = tag;
    at += whole.length;
    if (slash === '/') {
      const { name: opened, hasElements = false } = open.at(-1) ?? {};
      if (opened !== name || attributes !== '' || empty === '/') throw refused('its elements do not match');
      if (hasElements && text.trim() !== '') throw refused(MIXED);
      yield { path: open.map((element) => element.name).join('/'), text: decodeEntities(text) };
      open.pop();
    } else {
      if (open.length === 0 && (hasRoot || name !== ROOT)) throw refused(`its root is not one ${ROOT}`);
      hasRoot = true;
      if (text.trim() !== '') throw refused(MIXED);
      const parent = open.at(-1);
      if (parent !== undefined) parent.hasElements = true;
      if (open.length >= MAX_DEPTH) throw refused('its elements are nested too deeply');
      if (empty !== '/') open.push({ name, hasElements: false });
    }
    text = '';
  }
  if (open.length > 0 || !hasRoot) throw refused('it ends early');
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Decodes the five entities of XML and references to characters, which some servers write for quotes. */
function decodeEntities(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,7}|x[0-9a-fA-F]{1,6});|([a-z]{1,8});)?/g, (_, code?: string, name?: string) => {
    const point = code === undefined ? undefined : Number(code.replace('x', '0x'));
    const isText = point !== undefined && point >= 0x20 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    const character = isText ? String.fromCodePoint(point) : ENTITIES[name ?? ''];
    if (character === undefined) throw refused('it has an entity that XML does not define');
    return character;
  });
}

function refused(reason: string): GlasskeyError {
  return new GlasskeyError('bad-response', `the listing of objects cannot be read: ${reason}`);
}
