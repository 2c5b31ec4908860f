// TLS connections as phones make them, with everything about the handshake that a test wants to know.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

export interface ClientOptions extends ConnectionOptions {
  readonly port: number;
  /** Where it comes from; default: the system's choice. */
  readonly localAddress?: string;
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

/** The ClientHello of a phone that asks for sentry.example.com. */
export async function helloBytes(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const phone = connect({ host: '127.0.0.1', port, servername: 'sentry.example.com' }).on(
    'error',
    () => undefined,
  );
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  phone.destroy();
  server.close();
  return bytes;
}
