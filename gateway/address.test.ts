import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { listenOptions } from './address.ts';

const hasIPv6 = Object.values(networkInterfaces()).some((found) =>
  found?.some(({ family }) => family === 'IPv6'),
);

test.each(['127.0.0.1', ...(hasIPv6 ? ['::1'] : [])])(
  'a server at [::] is reached at %s',
  async (address) => {
    const server = createServer((socket) => socket.end('hello'));
    await once(server.listen(listenOptions({ kind: 'tcp', host: '::', port: 0 })), 'listening');
    const socket = connect((server.address() as AddressInfo).port, address);
    const [greeting] = (await once(socket, 'data')) as [Buffer];
    expect(greeting.toString()).toBe('hello');
    socket.destroy();
    server.close();
  },
);
