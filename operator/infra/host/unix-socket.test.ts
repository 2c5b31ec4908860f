import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SocketClient } from './unix-socket.ts';

const signal = new AbortController().signal;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sentry-socket-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

it.each([
  ['short', 'a'],
  ['longer than the path of a Unix socket may be', `${'a'.repeat(100)}/${'b'.repeat(100)}`],
])('talks to a socket in a directory whose path is %s', async (_, folder) => {
  const deep = join(directory, folder);
  await mkdir(deep, { recursive: true });
  const here = process.cwd();
  const server = createServer((request, response) => response.writeHead(203).end(request.url));
  try {
    process.chdir(deep);
    server.listen('admin.sock');
    await once(server, 'listening');
  } finally {
    process.chdir(here);
  }
  await using client = await SocketClient.open(deep, 'admin.sock');
  expect(await client.get('/report', signal)).toEqual({ status: 203, text: '/report' });
  server.close();
  server.closeAllConnections();
  await expect(client.get('/report', signal)).rejects.toThrow(/ENOENT|ECONNREFUSED|other side closed/);
});
