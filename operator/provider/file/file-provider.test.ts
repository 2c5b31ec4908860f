import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Problem, ProvidedResources } from '../types.ts';
import { FileProvider, readManifests } from './file-provider.ts';

interface State {
  readonly resources: ProvidedResources;
  readonly problems: readonly Problem[];
}

let directory: string;
let stop: AbortController;
let running: Promise<void>;
let states: State[];

const configMap = (value: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {key: ${JSON.stringify(value)}}\n`;
const write = (text: string) => writeFile(join(directory, 'a.yaml'), text);
const value = (state: State | undefined) => state?.resources.configMaps[0]?.data?.['key'];
const until = (check: () => boolean) => vi.waitFor(() => expect(check()).toBe(true), { timeout: 10_000 });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sentry-provider-'));
  stop = new AbortController();
  states = [];
});
afterEach(async () => {
  stop.abort();
  await running;
  await rm(directory, { recursive: true, force: true });
});

function start() {
  running = new FileProvider(directory).start(stop.signal, (resources, problems) => {
    states.push({ resources, problems });
  });
}

it('gives the first state, also an empty one, then one for each edit, and ends when it is told', async () => {
  start();
  await until(() => states.length === 1);
  expect(states[0]?.resources.configMaps).toEqual([]);
  await write(configMap('one'));
  await until(() => value(states.at(-1)) === 'one');
  await write(configMap('two'));
  await until(() => value(states.at(-1)) === 'two');
  expect(states).toHaveLength(3);
  stop.abort();
  await running;
});

it('gives no first state while a file is still being written', async () => {
  await write('apiVersion: v1\n');
  start();
  for (let length = 1; length <= 8; length += 1) {
    await write(configMap('x'.repeat(length)));
    await sleep(50);
  }
  await until(() => value(states.at(-1)) === 'xxxxxxxx');
  expect(states.map(value)).not.toContain(undefined);
});

it('keeps the last state and says so while the directory is away', async () => {
  await write(configMap('one'));
  start();
  await until(() => value(states.at(-1)) === 'one');
  await rename(directory, `${directory}-away`);
  await until(() => states.at(-1)?.problems.length === 1);
  expect(value(states.at(-1))).toBe('one');
  expect(states.at(-1)?.problems[0]?.message).toMatch(/ENOENT.*what was read last stays/);
  await rename(`${directory}-away`, directory);
  await until(() => states.at(-1)?.problems.length === 0);
});

it('rejects at the start when the directory is missing', async () => {
  running = Promise.resolve();
  const provider = new FileProvider(join(directory, 'missing'));
  await expect(provider.start(stop.signal, () => states.push())).rejects.toThrow(/ENOENT/);
});

it('reads a directory once, with the place of each object', async () => {
  running = Promise.resolve();
  await write(configMap('one'));
  const { resources, problems, sources } = await readManifests(directory, stop.signal);
  expect(resources.configMaps).toHaveLength(1);
  expect(problems).toEqual([]);
  expect(sources.get('ConfigMap default/a')).toEqual({ file: join(directory, 'a.yaml'), line: 1 });
});
