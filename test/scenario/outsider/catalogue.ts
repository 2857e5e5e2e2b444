import { AKD_LOGS } from './akd-logs.ts';
import { CALLS } from './calls.ts';
import { CHOSEN_ADDRESSES } from './chosen-addresses.ts';
import { DATABASE } from './database-writes.ts';
import { DEADLINES } from './deadlines.ts';
import { FAULTS } from './faults.ts';
import { RACES } from './races.ts';
import { RESOURCES } from './resources.ts';
import { STOLEN } from './stolen-secrets.ts';
import type { OutsideAttack } from './outside-attack.ts';

/** Kinds of attacks in which no server lies, in the order of the table. */
export const OUTSIDER: Readonly<Record<string, readonly OutsideAttack[]>> = {
  resources: RESOURCES,
  deadlines: DEADLINES,
  races: RACES,
  'stolen secrets': STOLEN,
  'chosen addresses': CHOSEN_ADDRESSES,
  'database writes': DATABASE,
  calls: CALLS,
  'AKD logs': AKD_LOGS,
  faults: FAULTS,
};
