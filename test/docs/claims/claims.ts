import type { TestName } from '../test-titles.ts';

/**
 * The tests of what documents say, where the text does not name them itself: each sentence or row of a table by how it begins, as a reader sees it. The text may
 * move, and change behind its beginning; whoever changes what it says changes its tests here.
 */
export type Claims = Readonly<Record<string, readonly TestName[]>>;
