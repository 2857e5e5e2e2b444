import { describe, expect, it } from 'vitest';
import { distinctLies, mergeLies, REWRITTEN } from '../../examples/messenger/device/lies.ts';
import { isInDoubt, type Notice, stands } from '../../examples/messenger/device/notice.ts';

const BOB = 'acct:bob@messenger.example';
const lie = (title: string, about?: string, code = 'bad-certificate'): Notice => ({
  kind: 'alarm',
  title,
  text: '',
  code,
  about,
});
const ofBob = lie('a false key for bob', BOB);
const ofSomebody = lie('a false key for somebody');
const rewritten = lie(REWRITTEN, undefined, 'log-forked');
const unwatched: Notice = { kind: 'alarm', title: 'Nobody watches', text: '' };
const found = (...notices: Notice[]) => ({ notices, isComplete: false });
const titles = (notices: readonly Notice[]) => notices.map(({ title }) => title);

describe('the lies of one round', () => {
  it('are told by name, each once', () => {
    const ofCarol = lie('a false key for carol', 'acct:carol@messenger.example');
    expect(distinctLies([ofBob, ofSomebody, ofCarol, ofBob])).toEqual([ofBob, ofCarol]);
  });

  it('follow from a record that was rewritten', () => {
    expect(distinctLies([ofBob, rewritten])).toEqual([rewritten]);
  });
});

describe('lies over several rounds', () => {
  it('stay one alarm when the name comes later, or is known already', () => {
    const first = mergeLies([], found(ofSomebody), 1);
    expect(titles(first)).toEqual([ofSomebody.title]);
    const second = mergeLies(first, found(ofBob), 2);
    expect(titles(second)).toEqual([ofBob.title]);
    expect(mergeLies(second, found(ofSomebody), 3)).toEqual([{ ...ofBob, lastSeenMs: 3 }]);
  });

  it('stay one alarm when a rewritten record fails at another contradiction', () => {
    const first = mergeLies([], found(rewritten), 1);
    expect(mergeLies(first, found(ofBob), 2)).toEqual([{ ...rewritten, lastSeenMs: 2 }]);
  });

  it('are told by their cause once it shows, and those that are over stay', () => {
    const first = mergeLies([{ ...ofSomebody, overSinceMs: 1 }], found(rewritten), 2);
    expect(titles(first)).toEqual([REWRITTEN, ofSomebody.title]);
    expect(titles(mergeLies(mergeLies([], found(ofBob), 1), found(rewritten), 2))).toEqual([REWRITTEN]);
  });

  it('are over only when a complete round finds none', () => {
    const first = mergeLies([], found(ofBob), 1);
    const away = mergeLies(first, found(), 2);
    expect(away.map(stands)).toEqual([true]);
    const over = mergeLies(away, { notices: [], isComplete: true }, 3);
    expect(over).toEqual([{ ...ofBob, lastSeenMs: 1, overSinceMs: 3 }]);
    expect(mergeLies(over, { notices: [], isComplete: true }, 4)).toEqual(over);
    expect(mergeLies(over, found(ofBob), 5)).toEqual([{ ...ofBob, lastSeenMs: 5 }]);
  });

  it('are not seen again because nothing answers', () => {
    const first = mergeLies([], found(ofBob), 1);
    expect(mergeLies(first, found(unwatched), 2)).toEqual([
      { ...unwatched, lastSeenMs: 2 },
      { ...ofBob, lastSeenMs: 1 },
    ]);
  });
});

describe('doubt about the people of a chat', () => {
  it('lasts while an alarm about one of them, or about anybody, stands', () => {
    expect(isInDoubt([ofBob], [BOB])).toBe(true);
    expect(isInDoubt([rewritten], [BOB])).toBe(true);
    expect(isInDoubt([ofBob], ['acct:alice@messenger.example'])).toBe(false);
    expect(isInDoubt([{ ...ofBob, overSinceMs: 1 }], [BOB])).toBe(false);
    expect(isInDoubt([{ ...ofBob, kind: 'news' }], [BOB])).toBe(false);
  });
});
