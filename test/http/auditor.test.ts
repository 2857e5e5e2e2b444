import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../src/core/encoding/codec.ts';
import { type AuditorTreeHead, auditorTreeHeadCodec } from '../../src/core/keytrans/tree-head.ts';
import { AuditorMetrics } from '../../src/http/auditor-metrics.ts';
import { createAuditorApp } from '../../src/http/auditor-routes.ts';
import { GlasskeyError } from '../../src/core/errors.ts';

const NOW_MS = 1_700_000_060_000;
const head: AuditorTreeHead = { treeSize: 7, timestampMs: 1_700_000_000_000, signature: new Uint8Array(64) };

function appOf(auditor: { readonly head?: AuditorTreeHead; readonly halt?: { readonly evidence: string } }) {
  const metrics = new AuditorMetrics();
  const given = { head: auditor.head, halt: auditor.halt };
  return { app: createAuditorApp({ auditor: given, metrics, now: () => NOW_MS }), metrics };
}

describe('the auditor over HTTP', () => {
  it('serves its newest head', async () => {
    const { app } = appOf({ head });
    const answer = await app.request('/auditor-head');
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual([
      200,
      'application/vnd.glasskey.keytrans',
      'no-store',
    ]);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    expect(decode(auditorTreeHeadCodec, bytes)).toEqual(head);
    expect(bytes).toEqual(encode(auditorTreeHeadCodec, head));
    expect((await app.request('/healthz')).status).toBe(200);
    expect((await app.request('/evidence')).status).toBe(404);
    expect((await app.request('/nothing')).status).toBe(404);
    expect((await app.request('/auditor-head', { method: 'POST' })).status).toBe(404);
  });

  it('serves none before it has signed, and evidence once the log misbehaved', async () => {
    expect((await appOf({}).app.request('/auditor-head')).status).toBe(404);
    const { app } = appOf({ halt: { evidence: '{"code":"log-forked"}\n' } });
    expect((await app.request('/auditor-head')).status).toBe(409);
    expect((await app.request('/healthz')).status).toBe(503);
    expect(await (await app.request('/evidence')).json()).toEqual({ code: 'log-forked' });
  });

  it('tells operators, and no page of another origin, how far it lags and whether the log diverged', async () => {
    const { app, metrics } = appOf({ head });
    metrics.observe({ type: 'progress', done: 3, total: 9 });
    metrics.observe({ type: 'verified', size: 9, timestampMs: 1_700_000_000_000, entries: 6, updates: 2 });
    metrics.observe({ type: 'signed', size: 9, timestampMs: 1_700_000_000_000 });
    metrics.observe({ type: 'delivered', size: 9 });
    const error = new GlasskeyError('log-forked', 'two logs');
    metrics.observe({ type: 'failed', work: 'audit', error, isMisbehaviour: true });
    metrics.observe({ type: 'failed', work: 'delivery', error: new Error('x'), isMisbehaviour: false });
    const read = async (): Promise<string> => (await app.request('/metrics')).text();
    const before = await read();
    for (const line of [
      'glasskey_auditor_log_size 9',
      'glasskey_auditor_verified_size 9',
      'glasskey_auditor_signed_size 9',
      'glasskey_auditor_signed_timestamp_seconds 1700000000',
      'glasskey_auditor_lag_seconds 60',
      'glasskey_auditor_delivered_size 9',
      'glasskey_auditor_diverged 0',
      'glasskey_auditor_entries_total 6',
      'glasskey_auditor_updates_total 2',
      'glasskey_auditor_failures_total{code="log-forked"} 1',
      'glasskey_auditor_failures_total{code="internal"} 1',
      'glasskey_auditor_misbehaviour_total{code="log-forked"} 1',
    ]) {
      expect(before.split('\n')).toContain(line);
    }
    metrics.observe({ type: 'halted' });
    expect((await read()).split('\n')).toContain('glasskey_auditor_diverged 1');
    const answer = await app.request('/metrics', { headers: { origin: 'https://elsewhere.example' } });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });
});
