import type { LogStore } from '../ports.ts';
import type { Visibility } from './visibility.ts';

type Part = 'readHead' | 'findCertificate' | 'findCertificateByRequest' | 'findStatus' | 'revokeUnstored';

/** The reads whose result says that rows exist, or that one does not. */
type Reads = Pick<LogStore, Part>;

/**
 * Gives out a head only once every node shows its rows, and believes that a certificate is absent only once every node
 * shows what was committed before. So nothing below a head is ever missing, whichever node is late: callers need no
 * other precaution. Its methods throw `not-visible-yet` as well.
 */
export function visibleReads(reads: Reads, visibility: Pick<Visibility, 'settle'>): Reads {
  let visibleSize = 0;
  /** Reads again, after every earlier commit can be seen, what is absent. */
  const unlessAbsent = async <T>(read: () => Promise<T>, isAbsent: (found: T) => boolean): Promise<T> => {
    const found = await read();
    if (!isAbsent(found)) return found;
    await visibility.settle();
    return read();
  };
  const isUndefined = (found: unknown): boolean => found === undefined;
  return {
    async readHead() {
      const head = await reads.readHead();
      if (head.size <= visibleSize) return head;
      await visibility.settle();
      visibleSize = Math.max(visibleSize, head.size);
      return head;
    },
    findCertificate: (serial) => unlessAbsent(() => reads.findCertificate(serial), isUndefined),
    findCertificateByRequest: (labelKey, requestHash) =>
      unlessAbsent(() => reads.findCertificateByRequest(labelKey, requestHash), isUndefined),
    findStatus: (serial) =>
      unlessAbsent(
        () => reads.findStatus(serial),
        ({ issued }) => !issued,
      ),
    async revokeUnstored(revocation, trail) {
      await visibility.settle();
      return reads.revokeUnstored(revocation, trail);
    },
  };
}
