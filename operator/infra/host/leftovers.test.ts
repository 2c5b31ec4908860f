import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { endLeftovers, recordProcess } from './leftovers.ts';

const signal = new AbortController().signal;
let directory: string;
let run: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sentry-leftovers-'));
  run = join(directory, 'default', 'mail', 'run', '1');
  await mkdir(run, { recursive: true });
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

it('ends what an earlier run left, and removes its directory', async () => {
  const left = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const exited = once(left, 'exit');
  await recordProcess(run, left.pid ?? 0);
  expect(await endLeftovers(directory, signal)).toEqual([]);
  await exited;
  expect(await readdir(join(directory, 'default', 'mail', 'run'))).toEqual([]);
});

it('does not wait for one that still finishes its requests', async () => {
  const script = `process.on('SIGTERM', () => {}); console.log('ready'); setInterval(() => {}, 1000)`;
  const left = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await once(left.stdout, 'data');
    await recordProcess(run, left.pid ?? 0);
    expect(await endLeftovers(directory, signal)).toEqual([left.pid]);
  } finally {
    left.kill('SIGKILL');
    await once(left, 'exit');
  }
});

it('does nothing where nothing ran', async () => {
  expect(await endLeftovers(join(directory, 'missing'), signal)).toEqual([]);
});
