// The address at the other end of a socket, written as its owner writes it.
import type { Socket } from 'node:net';

/** How a socket of both families writes an IPv4 address. */
const IPV4_IN_IPV6 = /^::ffff:(?=\d+\.)/i;

/** Without port; empty when the socket is closed. */
export function peerAddress(socket: Socket): string {
  return plainAddress(socket.remoteAddress ?? '');
}

/** An IPv4 address within an IPv6 address as the IPv4 address that it is. */
export function plainAddress(address: string): string {
  return address.replace(IPV4_IN_IPV6, '');
}
