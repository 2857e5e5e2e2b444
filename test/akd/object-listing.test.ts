import { describe, expect, it } from 'vitest';
import { parseObjectListing } from '../../src/akd/object-listing.ts';

const listed = (content: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://x/">${content}</ListBucketResult>`;
const END = '<IsTruncated>false</IsTruncated>';
const key = (name: string) => `<Contents><Key>${name}</Key><Size>3</Size></Contents>`;

describe('a listing of objects', () => {
  it('has keys, and says whether more follow', () => {
    const xml = listed(
      `<Name>b</Name><Prefix/>\n  <IsTruncated>true</IsTruncated>${key('1/a/b')}${key('2/a&amp;&quot;b&#34;&#x27;')}`,
    );
    expect(parseObjectListing(xml)).toEqual({ keys: ['1/a/b', '2/a&"b"\''], isTruncated: true });
    expect(parseObjectListing(listed(END))).toEqual({ keys: [], isTruncated: false });
  });

  it('may have elements that nobody asked for, with other keys in them', () => {
    const xml = listed(
      `${END}<Owner><Key>x</Key><ID>1</ID></Owner><Contents><Owner><Key>y</Key></Owner><Key>z</Key></Contents>`,
    );
    expect(parseObjectListing(xml).keys).toEqual(['z']);
  });

  it.each([
    ['nothing', ''],
    ['another root', '<Error><Code>AccessDenied</Code></Error>'],
    ['two roots', listed(END) + listed(END)],
    ['text after the root', `${listed(END)}more`],
    ['no end', listed(END).slice(0, -1)],
    ['no truncation', listed(key('1/a/b'))],
    ['two truncations', listed(END + END)],
    ['another truncation', listed('<IsTruncated>TRUE</IsTruncated>')],
    ['a document type', `<!DOCTYPE a [<!ENTITY b "c">]>${listed(END)}`],
    ['an entity of its own', listed(`${END}<Name>&b;</Name>`)],
    ['a lone ampersand', listed(`${END}<Name>a & b</Name>`)],
    ['a reference to half a character', listed(END + key('&#xd800;'))],
    ['a reference to no character', listed(END + key('&#1114112;'))],
    ['a reference to a control character', listed(END + key('&#0;'))],
    ['a comment', listed(`${END}<!-- c -->`)],
    ['an instruction', listed(`${END}<?php ?>`)],
    ['CDATA', listed(`${END}<Name><![CDATA[a]]></Name>`)],
    ['elements that cross', listed(`${END}<a><b></a></b>`)],
    ['text beside elements', listed(`${END}<Contents><Key>1/<x/>a/b</Key></Contents>`)],
    ['text before elements', listed(`${END}<Contents><Key>1/a<x></x></Key></Contents>`)],
    ['too deep elements', listed(`${END}${'<a>'.repeat(6)}${'</a>'.repeat(6)}`)],
    ['a long key', listed(END + key('k'.repeat(1025)))],
    ['a long text', listed(`${END}<Name>${'n'.repeat(4097)}</Name>`)],
    ['too many keys', listed(END + key('k').repeat(1001))],
    ['an attribute that ends nowhere', listed(`${END}<a b="c</a>`)],
  ])('is refused: %s', (_, xml) => {
    expect(() => parseObjectListing(xml)).toThrow(expect.objectContaining({ code: 'bad-response' }));
  });

  it.each([
    '<'.repeat(2 ** 22),
    `<a ${'b="" '.repeat(2 ** 20)}`,
    ' '.repeat(2 ** 22),
    '&'.repeat(4096),
    `<${'a'.repeat(2 ** 22)}`,
  ])('is refused in time that does not grow faster than it (%#)', (content) => {
    const { user } = process.cpuUsage();
    expect(() => parseObjectListing(listed(content))).toThrow(expect.objectContaining({ code: 'bad-response' }));
    expect((process.cpuUsage().user - user) / 1000).toBeLessThan(2_000);
  });
});
