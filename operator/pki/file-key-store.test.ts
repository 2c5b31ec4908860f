import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FileKeyStore } from './file-key-store.ts';

const owner = { namespace: 'default', name: 'mail' };
const signal = new AbortController().signal;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sentry-keys-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

it('holds nothing at first and afterwards what was saved', async () => {
  const store = new FileKeyStore(join(directory, '.sentry'));
  expect(await store.load(owner, signal)).toEqual(new Map());
  const entries = new Map([
    ['ca.crt', 'certificate'],
    ['ca.key', 'key'],
    ['ticket-key.json', '{}'],
  ]);
  await store.save(owner, entries, signal);
  expect(await new FileKeyStore(join(directory, '.sentry')).load(owner, signal)).toEqual(entries);
});

it('lets everybody read the CA and nobody but the owner read the rest, whatever was there', async () => {
  const store = new FileKeyStore(directory);
  await store.save(owner, new Map([['ca.key', 'old']]), signal);
  const entries = ['ca.crt', 'ca.key', 'listener-phones.crt', 'listener-phones.key', 'ticket-key.json'];
  await store.save(owner, new Map(entries.map((name) => [name, name])), signal);
  const modes = entries.map(
    async (name) => (await stat(join(directory, 'default', 'mail', name))).mode & 0o777,
  );
  expect(await Promise.all(modes)).toEqual([0o644, 0o600, 0o600, 0o600, 0o600]);
});

it('removes entries that are gone, leaves foreign files alone and no temporary ones behind', async () => {
  const store = new FileKeyStore(directory);
  await store.save(
    owner,
    new Map([
      ['ca.crt', 'a'],
      ['listener-old.key', 'b'],
    ]),
    signal,
  );
  const folder = join(directory, 'default', 'mail');
  await writeFile(join(folder, 'notes.txt'), 'mine');
  await store.save(owner, new Map([['ca.crt', 'c']]), signal);
  expect((await readdir(folder)).toSorted()).toEqual(['ca.crt', 'notes.txt']);
  expect(await readFile(join(folder, 'ca.crt'), 'utf8')).toBe('c');
});

it('refuses an owner whose name would leave the directory', async () => {
  const store = new FileKeyStore(directory);
  await expect(store.load({ namespace: '..', name: 'mail' }, signal)).rejects.toThrow(
    /is no name of a gateway/,
  );
});
