import { chmod, mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManifestDirectory } from './manifest-directory.ts';

const signal = new AbortController().signal;
let directory: string;
let files: ManifestDirectory;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sentry-manifests-'));
  files = new ManifestDirectory(directory);
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const write = (name: string, text: string) => writeFile(join(directory, name), text);
const look = () => files.look({ signal });
const contents = () =>
  Object.fromEntries(
    files.files.map(({ path, content }) => [
      path.slice(directory.length + 1),
      'text' in content ? content.text : content.error,
    ]),
  );

it('reads manifests of the top level in the order of their names, and nothing else', async () => {
  await mkdir(join(directory, 'deeper'));
  await write('b.yml', 'b');
  await write('a.yaml', 'a');
  await write('c.json', 'c');
  await write('.a.yaml.swp', 'x');
  await write('.hidden.yaml', 'x');
  await write('notes.txt', 'x');
  await write('deeper/d.yaml', 'x');
  await files.look({ now: true, signal });
  expect(Object.keys(contents())).toEqual(['a.yaml', 'b.yml', 'c.json']);
});

it('takes a file when two looks found it the same', async () => {
  await write('a.yaml', 'half');
  expect(await look()).toBe(false);
  await write('a.yaml', 'half and the other half');
  expect(await look()).toBe(false);
  expect(contents()).toEqual({});
  expect(await look()).toBe(true);
  expect(contents()).toEqual({ 'a.yaml': 'half and the other half' });
  expect(await look()).toBe(false);
});

it('says whether everything has settled', async () => {
  await write('a.yaml', 'a');
  await look();
  expect(files.settled).toBe(false);
  await write('b.yaml', 'b');
  await look();
  expect(files.settled).toBe(false);
  await look();
  expect(files.settled).toBe(true);
  await rm(join(directory, 'a.yaml'));
  await look();
  expect(files.settled).toBe(false);
  await look();
  expect(files.settled).toBe(true);
});

it('keeps what it read while a file is being written anew', async () => {
  await write('a.yaml', 'first');
  await files.look({ now: true, signal });
  await truncate(join(directory, 'a.yaml'), 0);
  expect(await look()).toBe(false);
  await write('a.yaml', 'second');
  expect(await look()).toBe(false);
  expect(contents()).toEqual({ 'a.yaml': 'first' });
  expect(await look()).toBe(true);
  expect(contents()).toEqual({ 'a.yaml': 'second' });
});

it('does not see an editor remove a file and put another in its place', async () => {
  await write('a.yaml', 'first');
  await files.look({ now: true, signal });
  await rename(join(directory, 'a.yaml'), join(directory, 'a.yaml~'));
  expect(await look()).toBe(false);
  await write('a.yaml', 'second');
  await look();
  expect(contents()).toEqual({ 'a.yaml': 'first' });
  await look();
  expect(contents()).toEqual({ 'a.yaml': 'second' });
});

it('forgets a file that two looks did not find', async () => {
  await write('a.yaml', 'a');
  await files.look({ now: true, signal });
  await rm(join(directory, 'a.yaml'));
  expect(await look()).toBe(false);
  expect(contents()).toEqual({ 'a.yaml': 'a' });
  expect(await look()).toBe(true);
  expect(contents()).toEqual({});
  expect(await look()).toBe(false);
});

it('follows links, also when they are switched as the kubelet does', async () => {
  await mkdir(join(directory, '..data-1'));
  await mkdir(join(directory, '..data-2'));
  await write('..data-1/a.yaml', 'one');
  await write('..data-2/a.yaml', 'two');
  await symlink('..data-1', join(directory, '..data'));
  await symlink('..data/a.yaml', join(directory, 'a.yaml'));
  await files.look({ now: true, signal });
  expect(contents()).toEqual({ 'a.yaml': 'one' });
  await symlink('..data-2', join(directory, '..new'));
  await rename(join(directory, '..new'), join(directory, '..data'));
  await look();
  await look();
  expect(contents()).toEqual({ 'a.yaml': 'two' });
});

it('gives the same object for a file that did not change', async () => {
  await write('a.yaml', 'a');
  await write('b.yaml', 'b');
  await files.look({ now: true, signal });
  const [a] = files.files;
  await write('b.yaml', 'other');
  await look();
  await look();
  expect(files.files[0]).toBe(a);
});

it('says what is wrong with a file that cannot be read', async () => {
  await mkdir(join(directory, 'folder.yaml'));
  await writeFile(join(directory, 'latin.yaml'), Buffer.from([0x61, 0xe4, 0x62]));
  await write('large.yaml', '');
  await truncate(join(directory, 'large.yaml'), 5 * 1024 * 1024);
  await write('secret.yaml', 'x');
  await chmod(join(directory, 'secret.yaml'), 0);
  await files.look({ now: true, signal });
  expect(contents()).toMatchObject({
    'folder.yaml': 'is no file: remove it or rename it',
    'large.yaml': 'is larger than 4194304 bytes: split it',
    'latin.yaml': 'is not UTF-8 text',
    // The superuser may read anything.
    'secret.yaml': process.getuid?.() === 0 ? 'x' : 'cannot be read: permission denied',
  });
});

it('rejects when the directory is not there', async () => {
  await expect(new ManifestDirectory(join(directory, 'missing')).look({ signal })).rejects.toThrow(/ENOENT/);
});
