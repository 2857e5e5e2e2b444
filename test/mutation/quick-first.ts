import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take minutes to kill what others kill in no time. They come last, from the quickest on. */
const SLOW = [
  'owner-soundness',
  'combined-proof',
  'fixed-version-search',
  'credential',
  'message-codecs',
  'owner',
  'distinguished-walk',
  'contact-monitor',
].map((name) => `/${name}.test.ts`);

/** Runs the quick files first: a mutant is dead at the first test that fails, and most of them die early. */
export class QuickFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => SLOW.findIndex((name) => moduleId.endsWith(name));
    return [...files].sort((a, b) => rank(a) - rank(b) || a.moduleId.localeCompare(b.moduleId));
  }
}
