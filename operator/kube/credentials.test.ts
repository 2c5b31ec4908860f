// Tokens in files are replaced while we run: when the file is read, and what happens when it cannot be.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Credentials } from './credentials.ts';

let folder: string;
let tokenFile: string;
let nowMs: number;
let credentials: Credentials;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sentry-credentials-'));
  tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'first');
  nowMs = 0;
  credentials = new Credentials(load, () => nowMs);
});

afterEach(() => rmSync(folder, { recursive: true }));

/** As a pod's configuration is. */
async function load(): Promise<KubeConfig> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromOptions({
    clusters: [{ name: 'cluster', server: 'https://127.0.0.1' }],
    users: [{ name: 'pod', authProvider: { name: 'tokenFile', config: { tokenFile } } }],
    contexts: [{ name: 'pod', cluster: 'cluster', user: 'pod' }],
    currentContext: 'pod',
  });
  return kubeConfig;
}

async function token(): Promise<string | undefined> {
  return (await credentials.headers())['Authorization'];
}

test('a token is kept for a minute and then read anew', async () => {
  expect(await token()).toBe('Bearer first');
  writeFileSync(tokenFile, 'second');
  nowMs = 59_000;
  expect(await token()).toBe('Bearer first');
  nowMs = 60_000;
  expect(await token()).toBe('Bearer second');
});

test('a token that was refused is read anew at once, by the first of those whom it was refused', async () => {
  const refused = await credentials.headers();
  writeFileSync(tokenFile, 'second');
  await credentials.renew(refused);
  expect(await token()).toBe('Bearer second');
  writeFileSync(tokenFile, 'third');
  await credentials.renew(refused);
  expect(await token()).toBe('Bearer second');
});

test('a file that cannot be read leaves the token that is known', async () => {
  await token();
  rmSync(tokenFile);
  nowMs = 120_000;
  expect(await token()).toBe('Bearer first');
});

test('a file that could never be read is an error', async () => {
  rmSync(tokenFile);
  await expect(credentials.headers()).rejects.toThrow('ENOENT');
});
