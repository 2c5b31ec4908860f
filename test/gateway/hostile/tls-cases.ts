// Connections that are no TLS, or broken TLS: name and bytes, in hex where they are no text.

export interface TlsCase {
  readonly name: string;
  readonly bytes: Buffer;
  /** The gateway ends the connection, or waits for more as long as it waits for anybody. */
  readonly expected: 'closes' | 'waits';
  /** The phone goes away in the middle. */
  readonly leaves?: boolean;
}

const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex');
const text = (latin1: string): Buffer => Buffer.from(latin1, 'latin1');

/** A record of TLS 1.0 on the wire. */
const record = (type: number, payload: Buffer, length = payload.length): Buffer =>
  Buffer.concat([Buffer.from([type, 3, 1, length >> 8, length & 255]), payload]);

/** The variants of a real ClientHello. */
export function tlsCases(hello: Buffer): readonly TlsCase[] {
  const payload = hello.subarray(5);
  const changed = (at: number, ...bytes: number[]): Buffer => {
    const copy = Buffer.from(hello);
    bytes.forEach((byte, i) => (copy[at + i] = byte));
    return copy;
  };
  const sessionId = 5 + 38 + 1;
  const ciphers = sessionId + 32;
  const extensions = ciphers + 2 + hello.readUInt16BE(ciphers) + 2;
  const closes = (name: string, bytes: Buffer): TlsCase => ({ name, bytes, expected: 'closes' });
  const waits = (name: string, bytes: Buffer): TlsCase => ({ name, bytes, expected: 'waits' });
  return [
    closes('HTTP without TLS', text('GET / HTTP/1.1\r\nHost: sentry.example.com\r\n\r\n')),
    closes('the preface of HTTP/2 without TLS', text('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')),
    closes(
      'a header of the PROXY protocol that nobody asked for',
      text('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n'),
    ),
    closes('SSH', text('SSH-2.0-OpenSSH_9.6\r\n')),
    closes('SMTP', text('EHLO evil.example\r\n')),
    closes('an RDP request', hex('03 00 00 13 0e e0 00 00 00 00 00 01 00 08 00 03 00 00 00')),
    closes(
      'an SSL 2 hello',
      hex(
        '80 2e 01 00 02 00 15 00 00 00 10 01 00 80 02 00 80 03 00 80 04 00 80 05 00 80 06 00 40 07 00 c0 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f',
      ),
    ),
    closes('64 zero bytes', Buffer.alloc(64)),
    closes('64 bytes of 255', Buffer.alloc(64, 255)),
    closes('application data before a hello', record(23, text('GET / HTTP/1.1\r\n\r\n'))),
    closes('an alert before a hello', record(21, hex('02 28'))),
    closes('a change of ciphers before a hello', record(20, hex('01'))),
    closes('a heartbeat that asks for 64 KB', record(24, hex('01 ff ff'))),
    closes('a record of an unknown type', record(99, payload)),
    closes('a record that says 65,535 bytes', record(22, payload, 65_535)),
    closes('a ServerHello', record(22, Buffer.concat([hex('02'), payload.subarray(1)]))),
    closes(
      'a Finished as the first message',
      record(22, hex('14 00 00 0c 00 01 02 03 04 05 06 07 08 09 0a 0b')),
    ),
    closes('a hello that says it is empty', record(22, hex('01 00 00 00'))),
    closes('a hello whose session id is longer than it', changed(sessionId - 1, 255)),
    closes('a hello whose ciphers are longer than it', changed(ciphers, 255, 255)),
    closes('a hello without ciphers that are left', changed(ciphers, 0, 0)),
    closes('a hello of a version before SSL', changed(9, 0, 0)),
    closes('a hello with another message behind it', Buffer.concat([hello, record(22, hex('14 00 00 00'))])),
    closes('a hello with HTTP behind it', Buffer.concat([hello, text('GET / HTTP/1.1\r\nHost: a\r\n\r\n')])),
    closes('a hello with application data behind it', Buffer.concat([hello, record(23, Buffer.alloc(64))])),
    closes('the same hello twice', Buffer.concat([hello, hello])),
    closes('a hello with a fatal alert behind it', Buffer.concat([hello, record(21, hex('02 28'))])),
    closes(
      'a hello with a hundred changes of ciphers behind it',
      Buffer.concat([hello, ...Array.from({ length: 100 }, () => record(20, hex('01')))]),
    ),
    closes('a hello whose extensions are longer than it', changed(extensions, 255, 255)),
    waits('nothing at all', Buffer.alloc(0)),
    waits('an empty record', record(22, Buffer.alloc(0))),
    waits('one byte', hex('16')),
    waits('the head of a record', hex('16 03 01 02 00')),
    waits('half a hello', hello.subarray(0, hello.length / 2)),
    waits('a hello without its last byte', hello.subarray(0, -1)),
    waits('a hello, and then nothing', hello),
    { name: 'a hello, and gone', bytes: hello, expected: 'waits', leaves: true },
    { name: 'half a hello, and gone', bytes: hello.subarray(0, 100), expected: 'waits', leaves: true },
    { name: 'nothing, and gone', bytes: Buffer.alloc(0), expected: 'waits', leaves: true },
  ];
}
