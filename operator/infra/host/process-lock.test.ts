import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { acquireLock, lockHolder } from './process-lock.ts';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sentry-lock-'));
  path = join(directory, 'state', 'lock.json');
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

it('is held until it is released', async () => {
  expect(await lockHolder(path)).toBeUndefined();
  const lock = await acquireLock(path);
  expect(await lockHolder(path)).toBe(process.pid);
  await lock[Symbol.asyncDispose]();
  expect(await lockHolder(path)).toBeUndefined();
});

it('is refused while another process holds it and taken over once that is dead', async () => {
  const script = `
    const { acquireLock } = await import(process.argv[1]);
    await acquireLock(process.argv[2]);
    console.log('held');
    setInterval(() => {}, 1000);`;
  const module = new URL('process-lock.ts', import.meta.url).href;
  const other = spawn(process.execPath, ['--input-type=module', '-e', script, module, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(other.stdout, 'data');
    expect(await lockHolder(path)).toBe(other.pid);
    await expect(acquireLock(path)).rejects.toThrow(`process ${other.pid} works on this directory already`);
  } finally {
    other.kill('SIGKILL');
    await once(other, 'exit');
  }
  expect(await lockHolder(path)).toBeUndefined();
  await using _lock = await acquireLock(path);
  expect(await lockHolder(path)).toBe(process.pid);
});

it('does not take a process for the holder that only got the same id later', async () => {
  await using _lock = await acquireLock(path);
  const holder = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...holder, startedAt: '1' }));
  expect(await lockHolder(path)).toBeUndefined();
});

it('does not take rubbish for a holder', async () => {
  await using _lock = await acquireLock(path);
  await writeFile(path, '{"pid": "x"');
  expect(await lockHolder(path)).toBeUndefined();
});
