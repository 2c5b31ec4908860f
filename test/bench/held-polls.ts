// Phones that hold a Ping, and phones that upload and leave: what the gateway's memory is measured with.
import { once } from 'node:events';
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTLSServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';

const UPLOAD_BYTES = 60_000;
const CONNECTS_AT_ONCE = 50;
const EMPTY_PING_BODY = Buffer.from(
  '03016a00000d45480338300001494a4b033500014c03456d61696c0001010101',
  'hex',
);

/** An upstream that holds each Ping for ever and answers everything else at once. */
export async function startHoldingUpstream(tls?: { cert: string; key: string }): Promise<Server> {
  const listener: RequestListener = (request, response) => {
    request.resume();
    if (request.url?.includes('Cmd=Ping') === true) return;
    request.on('end', () => response.end());
  };
  const server = tls === undefined ? createPlainServer(listener) : createTLSServer({ ...tls }, listener);
  server.requestTimeout = 0;
  server.timeout = 0;
  server.listen(0, '127.0.0.1', 8192);
  await once(server, 'listening');
  return server;
}

/** The port of a listening server. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Opens that many phones, each with one Ping that is not answered. */
export async function holdPings(port: number, ca: string, count: number): Promise<TLSSocket[]> {
  const phones: TLSSocket[] = [];
  await inParallel(count, async (index) => {
    const phone = await connectPhone(port, ca);
    phone.write(Buffer.concat([head('Ping', index, EMPTY_PING_BODY.length), EMPTY_PING_BODY]));
    phones.push(phone);
  });
  return phones;
}

/** That many phones upload 60 KB each, read the answer and leave. */
export async function uploadAndLeave(port: number, ca: string, count: number): Promise<void> {
  const body = Buffer.alloc(UPLOAD_BYTES, 'm');
  const phones: TLSSocket[] = [];
  await inParallel(count, async (index) => {
    const phone = await connectPhone(port, ca);
    phone.write(Buffer.concat([head('SendMail', index, body.length), body]));
    const [answer] = (await once(phone, 'data')) as [Buffer];
    if (!answer.toString('latin1').startsWith('HTTP/1.1 200')) {
      throw new Error(`an upload was answered with ${answer.toString('latin1').split('\r\n')[0]}`);
    }
    phones.push(phone);
  });
  await leave(phones);
}

/** Closes the connections and waits until they are gone. */
export async function leave(phones: readonly TLSSocket[]): Promise<void> {
  await Promise.all(
    phones.map(async (phone) => {
      if (phone.destroyed) return;
      const closed = once(phone, 'close');
      phone.destroy();
      await closed;
    }),
  );
}

async function connectPhone(port: number, ca: string): Promise<TLSSocket> {
  const phone = connect({ host: '127.0.0.1', port, ca, servername: 'localhost', ecdhCurve: 'X25519' });
  await once(phone, 'secureConnect');
  phone.on('error', () => phone.destroy());
  return phone;
}

function head(command: string, index: number, length: number): Buffer {
  const user = `u${index}@example.com`;
  return Buffer.from(
    [
      `POST /Microsoft-Server-ActiveSync?Cmd=${command}&User=${user}&DeviceId=bench${index}&DeviceType=bench HTTP/1.1`,
      'Host: localhost',
      `Authorization: Basic ${Buffer.from(`${user}:bench`).toString('base64')}`,
      'Content-Type: application/vnd.ms-sync.wbxml',
      'MS-ASProtocolVersion: 16.1',
      `Content-Length: ${length}`,
      '\r\n',
    ].join('\r\n'),
  );
}

async function inParallel(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: CONNECTS_AT_ONCE }, async () => {
      while (next < count) await work(next++);
    }),
  );
}
