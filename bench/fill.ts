import type { Clients, PreparedRequest, Timing } from './load.ts';
import { prepareRegistrations } from './registrations.ts';

/** The last so many registrations before a size is reached are those that are timed. */
const MEASURED_REGISTRATIONS = 5_000;
/** CSRs made, and then sent, at a time. */
const FILL_STEP = 20_000;

/** Registers the names `before` to `labels`-1, all over HTTP; gives the timing of the last few thousand. */
export async function fillLog(clients: Clients, token: string, before: number, labels: number): Promise<Timing> {
  const measuredFrom = Math.max(before, labels - MEASURED_REGISTRATIONS);
  let timing: Timing | undefined;
  for (let start = before; start < labels;) {
    const end = start < measuredFrom ? Math.min(start + FILL_STEP, measuredFrom) : labels;
    console.error(`registering ${start} to ${end}`);
    const prepared = await prepareRegistrations(start, end, token);
    timing = await clients.run(prepared.length, 201, (index) => prepared[index] as PreparedRequest);
    start = end;
  }
  if (timing === undefined) throw new Error('sizes have to rise');
  return timing;
}
