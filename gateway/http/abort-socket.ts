// Takes back what a socket has sent and its peer has not confirmed.
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Node's handle below a TLS socket, to which it has no public way. */
interface TCPHandle {
  close(done: () => void): void;
  /** 0, or a negative number where it is closing already. */
  reset(done: () => void): number;
}

/**
 * Destroys the socket by a TCP reset (RFC 9293, 3.10.5 ABORT): what the kernel still holds of it is dropped. After a plain close
 * it would go on sending that for minutes, and a path that returns would deliver what was given up.
 */
export function abortSocket(socket: Socket): void {
  if (socket instanceof TLSSocket) closeByReset(socket);
  else if (!socket.connecting) socket.resetAndDestroy();
  socket.destroy();
}

function closeByReset(socket: TLSSocket): void {
  const { _handle } = socket as unknown as { readonly _handle: { readonly _parent?: TCPHandle } | null };
  const transport = _handle?._parent;
  if (typeof transport?.reset !== 'function') return;
  const close = transport.close.bind(transport);
  transport.close = (done) => {
    if (transport.reset(done) !== 0) close(done);
  };
}
