import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { jemallocEnvironment } from './jemalloc.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sentry-libraries-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

it('sets nothing where the library is not installed', () => {
  expect(jemallocEnvironment({}, [directory])).toEqual({});
});

it('preloads the first library that is there, after the preloads of the environment', async () => {
  const library = join(directory, 'libjemalloc.so.2');
  await writeFile(library, '');
  expect(jemallocEnvironment({ LD_PRELOAD: '/lib/other.so' }, ['/nowhere', directory])).toEqual({
    LD_PRELOAD: `/lib/other.so ${library}`,
    MALLOC_CONF: 'dirty_decay_ms:500,muzzy_decay_ms:0,background_thread:true',
  });
});

it('keeps the settings that the user gave', async () => {
  await writeFile(join(directory, 'libjemalloc.so.2'), '');
  expect(jemallocEnvironment({ MALLOC_CONF: 'narenas:2' }, [directory])['MALLOC_CONF']).toBe('narenas:2');
});
