import { expect, it } from 'vitest';
import { mergeAlerts } from '../../../src/client/binding/alerts.ts';
import type { Alert } from '../../../src/client/state/client-state.ts';

const alert = (more: Partial<Alert> = {}): Alert => ({
  identity: 'alice@example.com',
  type: 'unexplained',
  version: 3,
  reason: 'first',
  value: undefined,
  seenAtMs: 1,
  ...more,
});

it('alerts are one for each identity, type and version: the first stays', () => {
  const others = [alert({ version: 4 }), alert({ type: 'operator' }), alert({ identity: 'bob@example.com' })];
  expect(mergeAlerts([alert()], [alert({ reason: 'second' }), ...others])).toEqual([alert(), ...others]);
});

it('an alert that the absence of the client explains hides none that it does not explain', () => {
  const excused = alert({ afterAbsence: true });
  expect(mergeAlerts([excused], [alert({ reason: 'second' })])).toEqual([alert({ reason: 'second' })]);
  expect(mergeAlerts([alert()], [excused])).toEqual([alert()]);
  expect(mergeAlerts([excused], [excused])).toEqual([excused]);
});
