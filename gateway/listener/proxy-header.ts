// Reads the header of the PROXY protocol, versions 1 and 2, from the first bytes of a connection: where the phone really is.
// https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { plainAddress } from '../http/peer-address.ts';

/**
 * `header`: `length` bytes long; `client` is the phone's address, null where the proxy speaks for itself (LOCAL, its health
 * checks) or does not know it (UNKNOWN, UNSPEC, Unix sockets). `malformed`: anything else than a whole, exact header.
 */
export type ProxyHeader =
  | { readonly kind: 'header'; readonly length: number; readonly client: string | null }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed' };

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };
const MALFORMED: ProxyHeader = { kind: 'malformed' };

const V1_START = Buffer.from('PROXY ');
/** Line end included (section 2.1). */
const V1_MAX_BYTES = 107;
const V1_UNKNOWN = /^PROXY UNKNOWN(?: [ -~]*)?$/;
const V1_ADDRESSES = /^PROXY (TCP4|TCP6) ([0-9a-fA-F:.]+) ([0-9a-fA-F:.]+) (\d{1,5}) (\d{1,5})$/;
const CR = 13;

const V2_START = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V2_FIXED_BYTES = 16;
/** Addresses and additions. The protocol allows 64 KiB; what load balancers send stays far below this. */
const V2_MAX_BODY_BYTES = 4096;
const V2_LOCAL = 0x20;
const V2_PROXY = 0x21;
/** By the byte of address family and transport; `bytes`: of both addresses with their ports. */
const V2_FAMILIES: ReadonlyMap<number, { bytes: number; client: (body: Buffer) => string | null }> = new Map([
  [0x00, { bytes: 0, client: () => null }],
  [0x11, { bytes: 12, client: (body: Buffer) => body.subarray(0, 4).join('.') }],
  [0x21, { bytes: 36, client: (body: Buffer) => ipv6Of(body.subarray(0, 16)) }],
  [0x31, { bytes: 216, client: () => null }],
]);

/** Looks at the first bytes of a connection, however they were cut; what follows the header is left alone. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, V2_START)) return bytes.length < V2_FIXED_BYTES ? INCOMPLETE : readV2(bytes);
  return startsLike(bytes, V1_START) ? readV1(bytes) : MALFORMED;
}

/** As far as both go. */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_MAX_BYTES - 1).indexOf(CR);
  const line = bytes.toString('latin1', 0, end === -1 ? V1_MAX_BYTES : end);
  if (/[^ -~]/.test(line)) return MALFORMED;
  if (end === -1) return bytes.length < V1_MAX_BYTES ? INCOMPLETE : MALFORMED;
  if (bytes.length === end + 1) return INCOMPLETE;
  if (bytes[end + 1] !== 0x0a) return MALFORMED;
  const length = end + 2;
  if (V1_UNKNOWN.test(line)) return { kind: 'header', length, client: null };
  const client = clientOfV1(line);
  return client === null ? MALFORMED : { kind: 'header', length, client };
}

function clientOfV1(line: string): string | null {
  const [, family, client = '', server = '', ...ports] = V1_ADDRESSES.exec(line) ?? [];
  const isAddress = family === 'TCP4' ? isIPv4 : isIPv6;
  if (!isAddress(client) || !isAddress(server) || !ports.every(isPort)) return null;
  return family === 'TCP4' ? client : canonicalIPv6(client);
}

function isPort(text: string): boolean {
  return String(Number(text)) === text && Number(text) <= 65_535;
}

function readV2(bytes: Buffer): ProxyHeader {
  const [command, family = 0] = bytes.subarray(12, 14);
  const bodyBytes = bytes.readUInt16BE(14);
  const shape = V2_FAMILIES.get(family);
  if (command !== V2_LOCAL && command !== V2_PROXY) return MALFORMED;
  if (bodyBytes > V2_MAX_BODY_BYTES) return MALFORMED;
  if (command === V2_PROXY && (shape === undefined || bodyBytes < shape.bytes)) return MALFORMED;
  const length = V2_FIXED_BYTES + bodyBytes;
  if (bytes.length < length) return INCOMPLETE;
  if (command === V2_LOCAL || shape === undefined || family === 0)
    return { kind: 'header', length, client: null };
  const body = bytes.subarray(V2_FIXED_BYTES, length);
  if (!areAdditions(body.subarray(shape.bytes))) return MALFORMED;
  return { kind: 'header', length, client: shape.client(body) };
}

/** Whether type, length and value follow one another up to the very end (section 2.2.1). None of them is ours to read. */
function areAdditions(bytes: Buffer): boolean {
  let at = 0;
  while (at + 3 <= bytes.length) at += 3 + bytes.readUInt16BE(at + 1);
  return at === bytes.length;
}

function ipv6Of(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16));
  return canonicalIPv6(groups.join(':'));
}

/** One text for one address, as sockets give it: limits count by it. */
function canonicalIPv6(address: string): string {
  return plainAddress(new SocketAddress({ address, family: 'ipv6' }).address);
}
