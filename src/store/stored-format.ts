/**
 * The newest format of rows that this program reads. A format changes in two steps: a release reads the new one and
 * writes the old one, until `glasskey admin upgrade --finish` raises `logs.format`. Programs that do not know that
 * format refuse to start then (docs/upgrade.md). Migrations only add, so they do not change the format.
 */
export const NEWEST_FORMAT = 2;
