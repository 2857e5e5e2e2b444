import { defineConfig } from 'vitest/config';

/**
 * `npm run test:long`: peers in other languages, crash rounds, a short soak, README's commands, lives of servers in a
 * terminal, large logs, and disks and databases that fail at every call.
 */
const LONG = [
  'test/interop/**/*.test.ts',
  'test/scenario/crash.test.ts',
  'test/scenario/failover.test.ts',
  'test/scenario/trickling-answers.test.ts',
  'test/cli/auditor.test.ts',
  'test/cli/commands/admin/admin-lists.test.ts',
  'test/cli/commands/admin/admin-revoke.test.ts',
  'test/cli/commands/admin/admin-status.test.ts',
  'test/cli/commands/admin/erase.test.ts',
  'test/cli/commands/admin/import.test.ts',
  'test/cli/commands/admin/seal-rows.test.ts',
  'test/cli/audit/audit-mirror.test.ts',
  'test/cli/bootstrap.test.ts',
  'test/cli/audit/audit.test.ts',
  'test/cli/ca-ceremony.test.ts',
  'test/cli/credential.test.ts',
  'test/cli/demo.test.ts',
  'test/cli/devices.test.ts',
  'test/cli/distrust.test.ts',
  'test/cli/evidence.test.ts',
  'test/cli/killed-client.test.ts',
  'test/cli/monitor-watch.test.ts',
  'test/cli/monitor.test.ts',
  'test/cli/own-files.test.ts',
  'test/cli/publish.test.ts',
  'test/cli/recovery.test.ts',
  'test/cli/restart.test.ts',
  'test/cli/state.test.ts',
  'test/cli/suite.test.ts',
  'test/cli/upgrade.test.ts',
  'test/cli/witness.test.ts',
  'test/deploy/deployed.test.ts',
  'test/docs/readme.test.ts',
  'test/docs/transcript.test.ts',
  'test/server/doctor/examine.test.ts',
  'test/server/failover.test.ts',
  'test/server/full-folder.test.ts',
  'test/server/init.test.ts',
  'test/server/log-end.test.ts',
  'test/server/move-database.test.ts',
  'test/server/no-traps.test.ts',
  'test/server/restored-database.test.ts',
  'test/server/rollover.test.ts',
  'test/server/serve.test.ts',
  'test/server/token-keys.test.ts',
  'test/server/witness-policy.test.ts',
  'test/service/publish/check-copy.test.ts',
  'test/service/publish/publish-large-log.test.ts',
  'test/service/publish/publish-log.test.ts',
  'test/soak/soak.test.ts',
  'test/store/postgres-connections.test.ts',
  'test/store/postgres-failures.test.ts',
];
const NEVER = ['node_modules/**', 'dist/**', 'test/interop/go/**', 'test/interop/python/**'];

export default defineConfig({
  test: {
    pool: 'forks',
    // Files of a worker share its modules: imports and databases in memory were half of the time.
    isolate: false,
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 240_000,
    teardownTimeout: 20_000,
    globalSetup: ['test/support/build-setup.ts', 'test/support/postgres-setup.ts'],
    projects: [
      { extends: true, test: { name: 'quick', include: ['test/**/*.test.ts'], exclude: [...NEVER, ...LONG] } },
      { extends: true, test: { name: 'long', include: LONG, exclude: NEVER } },
    ],
  },
});
