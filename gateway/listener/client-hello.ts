// Reads the server name out of a TLS ClientHello (RFC 8446, 4.1.2; RFC 6066, 3) before TLS itself has seen a byte.

/**
 * `serverName`: lower case, null where none was sent. `malformed`: no ClientHello; OpenSSL is to say so in its own words.
 */
export type ClientHello =
  | { readonly kind: 'hello'; readonly serverName: string | null }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed' };

const RECORD_HEADER = 5;
const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const MAX_RECORD_BYTES = 16_384;
/** Larger ones exist in no phone, not even with post-quantum keys. */
const MAX_HELLO_BYTES = 16_384;
/** The same with the headers of its records, however small these are. */
const MAX_BYTES = 32_768;
const SERVER_NAME_EXTENSION = 0;
const HOST_NAME = 0;

/** Looks at the first bytes of a connection, however they were cut into segments and records. */
export function readClientHello(bytes: Buffer): ClientHello {
  const message = joinRecords(bytes);
  if (message === null) return { kind: 'malformed' };
  const length = helloLength(message);
  if (message.length > 0 && (message[0] !== CLIENT_HELLO || (length ?? 0) > MAX_HELLO_BYTES)) {
    return { kind: 'malformed' };
  }
  if (length === null || message.length < length) {
    return { kind: bytes.length < MAX_BYTES ? 'incomplete' : 'malformed' };
  }
  try {
    return { kind: 'hello', serverName: serverNameOf(new Reader(message.subarray(4, length))) };
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'malformed' };
    throw error;
  }
}

/** The handshake bytes of the records that are there so far, up to a whole message; null when one is no handshake record. */
function joinRecords(bytes: Buffer): Buffer | null {
  const message = Buffer.allocUnsafe(bytes.length);
  let joined = 0;
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] !== HANDSHAKE_RECORD || (at + 1 < bytes.length && bytes[at + 1] !== 3)) return null;
    if (bytes.length - at < RECORD_HEADER) break;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_RECORD_BYTES) return null;
    joined += bytes.copy(message, joined, at + RECORD_HEADER, at + RECORD_HEADER + length);
    at += RECORD_HEADER + length;
    const wanted = helloLength(message.subarray(0, joined));
    if (wanted !== null && joined >= wanted) break;
  }
  return message.subarray(0, joined);
}

/** Length of the handshake message with its header, once that is there. What follows it (early data) is none of our business. */
function helloLength(message: Buffer): number | null {
  return message.length < 4 ? null : 4 + message.readUIntBE(1, 3);
}

function serverNameOf(hello: Reader): string | null {
  hello.skip(2 + 32);
  hello.vector(1);
  hello.vector(2);
  hello.vector(1);
  if (hello.atEnd) return null;
  const extensions = hello.vector(2);
  while (!extensions.atEnd) {
    const type = extensions.uint(2);
    const extension = extensions.vector(2);
    if (type === SERVER_NAME_EXTENSION) return hostNameOf(extension);
  }
  return null;
}

function hostNameOf(extension: Reader): string | null {
  const names = extension.vector(2);
  while (!names.atEnd) {
    const type = names.uint(1);
    const name = names.vector(2);
    if (type === HOST_NAME) return name.text().toLowerCase();
  }
  return null;
}

/** A cursor over bytes; every method throws a RangeError where the bytes end too early. */
class Reader {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get atEnd(): boolean {
    return this.at === this.bytes.length;
  }

  skip(length: number): void {
    if (this.at + length > this.bytes.length) throw new RangeError('the ClientHello is cut short');
    this.at += length;
  }

  uint(size: number): number {
    this.skip(size);
    return this.bytes.readUIntBE(this.at - size, size);
  }

  /** A vector whose length stands before it in `size` bytes. */
  vector(size: number): Reader {
    const length = this.uint(size);
    this.skip(length);
    return new Reader(this.bytes.subarray(this.at - length, this.at));
  }

  text(): string {
    return this.bytes.toString('latin1');
  }
}
