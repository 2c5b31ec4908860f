import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ExchangeRoute } from '../../api/exchange-route.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { parseManifest } from '../../api/validate.ts';
import { StatusFiles } from './status-files.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sentry-status-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function gateway(name: string, readyReplicas: number): SentryGateway {
  const listeners = [{ name: 'phones', hostnames: ['a.example.com'], tls: { selfSigned: {} } }];
  const parsed = parseManifest('SentryGateway', {
    apiVersion: 'sentrygateway.io/v1alpha1',
    kind: 'SentryGateway',
    metadata: { name },
    spec: { listeners },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return { ...parsed.object, status: { readyReplicas } };
}

function route(name: string): ExchangeRoute {
  const parsed = parseManifest('ExchangeRoute', {
    apiVersion: 'sentrygateway.io/v1alpha1',
    kind: 'ExchangeRoute',
    metadata: { name },
    spec: { gatewayRefs: [{ name: 'mail' }], servers: [{ name: 'mbx', url: 'https://mbx.example.com' }] },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.object;
}

it('keeps one file for each object and reads them back, gateways first', async () => {
  const path = join(directory, 'status');
  const objects = [gateway('mail', 1), route('mail')];
  await new StatusFiles(path).write(objects);
  expect((await readdir(path)).toSorted()).toEqual([
    'exchangeroute.default.mail.yaml',
    'sentrygateway.default.mail.yaml',
  ]);
  expect(await new StatusFiles(path).read()).toEqual(objects);
});

it('writes only what changed and removes what is gone, also what an earlier run left', async () => {
  await new StatusFiles(directory).write([gateway('old', 1), gateway('mail', 1)]);
  const files = new StatusFiles(directory);
  await files.write([gateway('mail', 1), gateway('more', 1)]);
  expect((await readdir(directory)).toSorted()).toEqual([
    'sentrygateway.default.mail.yaml',
    'sentrygateway.default.more.yaml',
  ]);
  const inode = async (name: string) =>
    (await stat(join(directory, `sentrygateway.default.${name}.yaml`))).ino;
  const before = [await inode('mail'), await inode('more')];
  await files.write([gateway('mail', 1), gateway('more', 0)]);
  expect(await inode('mail')).toBe(before[0]);
  expect(await inode('more')).not.toBe(before[1]);
});

it('reads nothing where nothing was written, and leaves out what cannot be read', async () => {
  expect(await new StatusFiles(join(directory, 'missing')).read()).toEqual([]);
  await writeFile(join(directory, 'sentrygateway.default.mail.yaml'), 'a: [');
  expect(await new StatusFiles(directory).read()).toEqual([]);
});
