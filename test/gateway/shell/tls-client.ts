// TLS connections as phones make them, with everything about the handshake that a test wants to know.
import { once } from 'node:events';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

export interface ClientOptions extends ConnectionOptions {
  readonly port: number;
}

/** A secure connection; rejects with the error of the handshake (`error.code` such as ERR_SSL_TLSV1_UNRECOGNIZED_NAME). */
export async function connectTls(options: ClientOptions): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', ...options });
  await once(socket, 'secureConnect');
  socket.on('error', () => undefined);
  return socket;
}

/** The error code with which a handshake ends, or `connected`. */
export async function outcomeOf(options: ClientOptions): Promise<string> {
  try {
    const socket = await connectTls(options);
    socket.destroy();
    return 'connected';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Sends a request head (and nothing else) and resolves with what comes back up to the end of the answer's head. */
export async function exchangeHead(
  socket: TLSSocket,
  target = '/',
  host = 'sentry.example.com',
): Promise<string> {
  socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 'latin1');
  let answer = '';
  while (!answer.includes('\r\n\r\n')) {
    const [piece] = (await once(socket, 'data')) as [Buffer];
    answer += piece.toString('latin1');
  }
  return answer;
}

/** A session that a later connection may resume: of TLS 1.3 it comes after the handshake. */
export async function sessionOf(socket: TLSSocket): Promise<Buffer> {
  if (socket.getProtocol() === 'TLSv1.2') return socket.getSession() ?? Buffer.alloc(0);
  const [session] = (await once(socket, 'session')) as [Buffer];
  return session;
}
