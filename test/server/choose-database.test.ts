import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { chooseDatabase, databaseToServe } from '../../src/server/choose-database.ts';
import { DataFolder } from '../../src/server/data-folder.ts';

const ONE = 'postgres://glasskey:one@db/one';
const TWO = 'postgres://glasskey:two@db/two';
const THREE = 'postgres://glasskey@db/three';
let folder: DataFolder;
beforeEach(() => {
  folder = new DataFolder(mkdtempSync(join(tmpdir(), 'glasskey-database-')));
  vi.stubEnv('GLASSKEY_DATABASE', '');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder.path, { recursive: true });
});

const settings = (url: string): void => writeFileSync(folder.settings, `[database]\nurl = "${url}"\n`);
const logIn = (database: string): void => writeFileSync(folder.marker, JSON.stringify({ database, rows: 'sealed' }));
const refused = { code: 'usage' };

describe('the database of a data folder', () => {
  it('is named by the option, else the variable, glasskey.toml or log.json, in this order', async () => {
    expect(await chooseDatabase(folder, {})).toBe(undefined);
    logIn(THREE);
    expect(await chooseDatabase(folder, {})).toEqual({ target: THREE, namedBy: 'log.json' });
    settings(TWO);
    expect(await chooseDatabase(folder, {})).toEqual({ target: TWO, namedBy: 'glasskey.toml' });
    vi.stubEnv('GLASSKEY_DATABASE', ONE);
    expect(await chooseDatabase(folder, {})).toEqual({ target: ONE, namedBy: 'GLASSKEY_DATABASE' });
    expect(await chooseDatabase(folder, { database: TWO })).toEqual({ target: TWO, namedBy: 'options' });
    await expect(chooseDatabase(folder, { database: TWO, embedded: true })).rejects.toMatchObject(refused);
  });

  it('is of the kind in which the log was created', async () => {
    logIn(THREE);
    await expect(chooseDatabase(folder, { embedded: true })).rejects.toMatchObject(refused);
    logIn('the embedded database');
    expect(await chooseDatabase(folder, {})).toEqual({ target: { dataDir: folder.database }, namedBy: 'log.json' });
    await expect(chooseDatabase(folder, { database: ONE })).rejects.toMatchObject(refused);
    vi.stubEnv('GLASSKEY_DATABASE', ONE);
    await expect(chooseDatabase(folder, {})).rejects.toMatchObject(refused);
  });

  it('is not quoted if it is no URL, wherever it is', async () => {
    const wrong = 'mysql://glasskey:hunter2@db/one';
    const message = expect.not.stringContaining('hunter2');
    await expect(chooseDatabase(folder, { database: wrong })).rejects.toMatchObject({ ...refused, message });
    settings(wrong);
    await expect(chooseDatabase(folder, {})).rejects.toMatchObject({ ...refused, message });
    writeFileSync(folder.settings, `[database]\nurl = "postgres://glasskey:hunter2@db`);
    await expect(chooseDatabase(folder, {})).rejects.toMatchObject({ ...refused, message });
    vi.stubEnv('GLASSKEY_DATABASE', wrong);
    await expect(chooseDatabase(folder, {})).rejects.toMatchObject({ ...refused, message });
  });
});

describe('serve', () => {
  it('wants somebody to decide for the embedded database, except for development', async () => {
    const embedded = { dataDir: folder.database };
    await expect(databaseToServe(folder, { dev: false })).rejects.toMatchObject(refused);
    expect(await databaseToServe(folder, { dev: true })).toEqual(embedded);
    expect(await databaseToServe(folder, { dev: false, embedded: true })).toEqual(embedded);
    logIn('the embedded database');
    await expect(databaseToServe(folder, { dev: false })).rejects.toMatchObject(refused);
    expect(await databaseToServe(folder, { dev: true })).toEqual(embedded);
    logIn(THREE);
    expect(await databaseToServe(folder, { dev: false })).toBe(THREE);
  });
});
