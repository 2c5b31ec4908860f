// A server that writes down every request of a case and answers it as it is told; it may meddle with both, as a faulty proxy
// in front of it would. Its reader is its own: simple, lenient, and not the gateway's.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { CertificateAuthority } from '../peers/certificates.ts';
import { type AnswerMessage, type Line, type RequestMessage, valuesOf } from './message.ts';

/** Stands in each request of a case; requests without it are probes, which are answered and not written down. */
export const CASE_HEADER = 'client-request-id';

/** What happens to the messages on their way between the gateway and the recorder. */
export interface Meddling {
  readonly request?: (request: RequestMessage) => RequestMessage;
  readonly answer?: (answer: AnswerMessage) => AnswerMessage;
}

export interface Order {
  readonly answer: AnswerMessage;
  readonly meddling: Meddling;
}

const PROBED: AnswerMessage = {
  status: 200,
  reason: 'OK',
  lines: [['Content-Length', '0']],
  body: Buffer.alloc(0),
};

export class Recorder {
  /** What the next request of a case is answered with. */
  order: Order = { answer: PROBED, meddling: {} };
  /** The last request of a case. */
  request: RequestMessage | undefined;
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
    server.on('secureConnection', (socket) => this.serve(socket));
  }

  /** Listens on a port of the loopback interface, as `localhost`. */
  static async start(authority: CertificateAuthority): Promise<Recorder> {
    const server = createServer(await authority.issue({ names: ['localhost', '127.0.0.1'] }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Recorder(server);
  }

  get url(): string {
    return `https://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.close();
  }

  private serve(socket: TLSSocket): void {
    let bytes: Buffer = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece]);
      const read = readRequest(bytes);
      if (read === undefined) return;
      bytes = read.rest;
      socket.write(this.take(read.request));
    });
  }

  private take(request: RequestMessage): Buffer {
    if (valuesOf(request, CASE_HEADER).length === 0) return writeAnswer(PROBED);
    const { answer, meddling } = this.order;
    this.request = meddling.request?.(request) ?? request;
    return writeAnswer(meddling.answer?.(answer) ?? answer);
  }
}

/** An answer without Content-Length is sent in chunks. */
function writeAnswer({ status, reason, lines, body }: AnswerMessage): Buffer {
  const isCounted = lines.some(([name]) => name.toLowerCase() === 'content-length');
  const framing: Line[] = isCounted ? [] : [['Transfer-Encoding', 'chunked']];
  const head = [`HTTP/1.1 ${status} ${reason}`, ...[...lines, ...framing].map((line) => line.join(': '))];
  const chunk = body.length === 0 ? '' : `${body.length.toString(16)}\r\n${body.toString('latin1')}\r\n`;
  const content = isCounted ? body.toString('latin1') : `${chunk}0\r\n\r\n`;
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${content}`, 'latin1');
}

function readRequest(bytes: Buffer): { request: RequestMessage; rest: Buffer } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [requestLine = '', ...fields] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const [method = '', target = ''] = requestLine.split(' ');
  const lines = fields.map((field): Line => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon), field.slice(colon + 1).trim()];
  });
  const head = { method, target, lines, body: Buffer.alloc(0) };
  const bodyEnd = headEnd + 4 + Number(valuesOf(head, 'content-length')[0] ?? 0);
  if (bytes.length < bodyEnd) return undefined;
  const body = Buffer.from(bytes.subarray(headEnd + 4, bodyEnd));
  return { request: { ...head, body }, rest: bytes.subarray(bodyEnd) };
}
