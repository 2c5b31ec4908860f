// The header of the PROXY protocol: what a proxy writes is read, whatever the cut; everything else is refused.
import { SocketAddress } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ProxyHeader, readProxyHeader } from './proxy-header.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const BEHIND = Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3]);

interface V2 {
  readonly command?: number;
  readonly family?: number;
  readonly body?: Buffer;
  /** Instead of the true length of the body. */
  readonly length?: number;
}

function v2({ command = 0x21, family = 0x11, body = ipv4Body(), length = body.length }: V2): Buffer {
  const fixed = Buffer.from([command, family, 0, 0]);
  fixed.writeUInt16BE(length, 2);
  return Buffer.concat([SIGNATURE, fixed, body]);
}

function ipv4Body(client = [192, 0, 2, 1], additions: readonly Buffer[] = []): Buffer {
  return Buffer.concat([Buffer.from([...client, 10, 0, 0, 1, 0xc0, 0, 1, 0xbb]), ...additions]);
}

function ipv6Body(client: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from(client), Buffer.alloc(16, 1), Buffer.from([0xc0, 0, 1, 0xbb])]);
}

function addition(type: number, value: Uint8Array): Buffer {
  const start = Buffer.from([type, 0, 0]);
  start.writeUInt16BE(value.length, 1);
  return Buffer.concat([start, value]);
}

const header = (bytes: Buffer, client: string | null): ProxyHeader => ({
  kind: 'header',
  length: bytes.length,
  client,
});

const byte = fc.nat(255);
const port = fc.nat(65_535);
const ipv6Text = fc.ipV6().filter((text) => !text.includes('.'));

/** A header as proxies write it, with the address that it names. */
const written: fc.Arbitrary<{ readonly bytes: Buffer; readonly client: string | null }> = fc.oneof(
  fc.tuple(fc.ipV4(), fc.ipV4(), port, port).map(([client, server, from, to]) => ({
    bytes: Buffer.from(`PROXY TCP4 ${client} ${server} ${from} ${to}\r\n`),
    client,
  })),
  fc.tuple(ipv6Text, ipv6Text, port, port).map(([client, server, from, to]) => ({
    bytes: Buffer.from(`PROXY TCP6 ${client} ${server} ${from} ${to}\r\n`),
    client: new SocketAddress({ address: client, family: 'ipv6' }).address.replace(/^::ffff:(?=\d+\.)/, ''),
  })),
  fc.constantFrom('PROXY UNKNOWN\r\n', 'PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n').map((line) => ({
    bytes: Buffer.from(line),
    client: null,
  })),
  fc
    .tuple(
      fc.tuple(byte, byte, byte, byte),
      fc.array(fc.tuple(byte, fc.uint8Array({ maxLength: 80 })), { maxLength: 6 }),
    )
    .map(([client, additions]) => ({
      bytes: v2({
        body: ipv4Body(
          client,
          additions.map(([type, value]) => addition(type, value)),
        ),
      }),
      client: client.join('.'),
    })),
  fc.tuple(byte, fc.uint8Array({ maxLength: 300 })).map(([family, body]) => ({
    bytes: v2({ command: 0x20, family, body: Buffer.from(body) }),
    client: null,
  })),
);

describe('a header', () => {
  test.each<[string, Buffer, string | null]>([
    ['version 1, IPv4', Buffer.from('PROXY TCP4 192.0.2.1 10.0.0.1 49152 443\r\n'), '192.0.2.1'],
    ['version 1, IPv6', Buffer.from('PROXY TCP6 2001:DB8:0::1 2001:db8::2 49152 443\r\n'), '2001:db8::1'],
    ['version 1, IPv4 in IPv6', Buffer.from('PROXY TCP6 ::ffff:192.0.2.1 ::1 49152 443\r\n'), '192.0.2.1'],
    ['version 1, of a client that is not known', Buffer.from('PROXY UNKNOWN\r\n'), null],
    ['version 2, IPv4', v2({}), '192.0.2.1'],
    [
      'version 2, IPv6',
      v2({ family: 0x21, body: ipv6Body([0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1]) }),
      '2001:db8::1',
    ],
    [
      'version 2, IPv4 in IPv6',
      v2({ family: 0x21, body: ipv6Body([...Array(10).fill(0), 255, 255, 192, 0, 2, 1]) }),
      '192.0.2.1',
    ],
    ['version 2, of the proxy itself', v2({ command: 0x20, family: 0, body: Buffer.alloc(0) }), null],
    ['version 2, of the proxy itself, with an address', v2({ command: 0x20 }), null],
    ['version 2, of no family, with additions', v2({ family: 0, body: addition(4, Buffer.from('x')) }), null],
    ['version 2, of a Unix socket', v2({ family: 0x31, body: Buffer.alloc(216) }), null],
    [
      'version 2 with a checksum',
      v2({ body: ipv4Body([192, 0, 2, 1], [addition(3, Buffer.alloc(4))]) }),
      '192.0.2.1',
    ],
  ])('of %s says whose connection it is', (_, bytes, client) => {
    expect(readProxyHeader(Buffer.concat([bytes, BEHIND]))).toEqual(header(bytes, client));
  });

  test('is incomplete wherever it is cut, and the same whatever follows', () => {
    fc.assert(
      fc.property(written, fc.uint8Array({ maxLength: 40 }), ({ bytes, client }, behind) => {
        for (let length = 0; length < bytes.length; length++) {
          expect(readProxyHeader(bytes.subarray(0, length))).toEqual({ kind: 'incomplete' });
        }
        expect(readProxyHeader(Buffer.concat([bytes, behind]))).toEqual(header(bytes, client));
      }),
    );
  });
});

describe('what is no header', () => {
  test.each<[string, Buffer]>([
    ['a ClientHello', BEHIND],
    ['HTTP', Buffer.from('POST / HTTP/1.1\r\n')],
    ['a signature with a wrong byte', Buffer.from('\r\n\r\n\0\r\nQUIX', 'latin1')],
    ['version 1 in lower case', Buffer.from('proxy')],
    ['another protocol', Buffer.from('PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n')],
    ['two spaces', Buffer.from('PROXY TCP4  192.0.2.1 10.0.0.1 1 2\r\n')],
    ['a space at the end', Buffer.from('PROXY TCP4 192.0.2.1 10.0.0.1 1 2 \r\n')],
    ['a line feed alone', Buffer.from('PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n')],
    ['a carriage return alone', Buffer.from('PROXY TCP4 192.0.2.1 10.0.0.1 1 2\rX')],
    ['an address of the other family', Buffer.from('PROXY TCP4 ::1 ::2 1 2\r\n')],
    ['a host name', Buffer.from('PROXY TCP4 phone.example.com 10.0.0.1 1 2\r\n')],
    ['an address with a zone', Buffer.from('PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n')],
    ['an address with leading zeros', Buffer.from('PROXY TCP4 192.000.002.001 10.0.0.1 1 2\r\n')],
    ['a port with a leading zero', Buffer.from('PROXY TCP4 192.0.2.1 10.0.0.1 01 2\r\n')],
    ['a port that is too large', Buffer.from('PROXY TCP4 192.0.2.1 10.0.0.1 65536 2\r\n')],
    ['a line of 108 bytes', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`)],
    ['a line without end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(94)}`)],
    ['version 3', v2({ command: 0x31 })],
    ['an unknown command', v2({ command: 0x22 })],
    ['a datagram', v2({ family: 0x12 })],
    ['an unknown family', v2({ family: 0x41 })],
    ['a body that is too short for its addresses', v2({ body: Buffer.alloc(11) })],
    ['a body of 4097 bytes', v2({ length: 4097 })],
    [
      'an addition that ends behind the header',
      v2({ body: ipv4Body([1, 2, 3, 4], [Buffer.from([4, 0, 9, 1])]) }),
    ],
    ['half an addition', v2({ body: ipv4Body([1, 2, 3, 4], [Buffer.from([4, 0])]) })],
  ])('is refused: %s', (_, bytes) => {
    expect(readProxyHeader(bytes)).toEqual({ kind: 'malformed' });
  });

  test('of 107 bytes is still one, with its line end', () => {
    const line = Buffer.from(`PROXY UNKNOWN ${'x'.repeat(91)}\r\n`);
    expect([line.length, readProxyHeader(line)]).toEqual([107, header(line, null)]);
  });

  test('is said to be incomplete for less than 4 KiB, whatever comes', () => {
    const start = fc.constantFrom(SIGNATURE, Buffer.from('PROXY '), Buffer.alloc(0));
    const noise = fc.uint8Array({ minLength: 4096 + 16, maxLength: 4096 + 16 });
    fc.assert(
      fc.property(start, noise, (first, rest) => {
        expect(readProxyHeader(Buffer.concat([first, rest])).kind).not.toBe('incomplete');
      }),
    );
  });

  test('never becomes a longer header by one changed byte: what is read is within the bytes', () => {
    fc.assert(
      fc.property(written, fc.nat(), byte, ({ bytes }, at, value) => {
        const changed = Buffer.from(bytes);
        changed[at % changed.length] = value;
        const read = readProxyHeader(changed);
        const end = read.kind === 'header' ? read.length : 0;
        expect(end).toBeLessThanOrEqual(changed.length);
      }),
      { numRuns: 5000 },
    );
  });
});
