// The recorder in Exchange's place: writes down each request of a case and answers as the case says; what it writes down and what
// it answers may be meddled with, as a faulty gateway would.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { CertificateAuthority } from '../../peers/certificates.ts';
import { MessageReader, type ReadMessage } from './message-reader.ts';
import { type AnswerMessage, framingOf, type RequestMessage, valuesOf, writeAnswer } from './message.ts';

/** What happens to the messages of a case between the gateway and the recorder. */
export interface Meddling {
  readonly request?: (request: RequestMessage) => RequestMessage;
  readonly answer?: (answer: AnswerMessage) => AnswerMessage;
}

const PROBE_ANSWER: AnswerMessage = {
  status: 200,
  reason: 'OK',
  lines: [['Content-Length', '0']],
  body: Buffer.alloc(0),
};

export class Recorder {
  /** What requests are answered with from now on. */
  answer: AnswerMessage = PROBE_ANSWER;
  meddling: Meddling = {};
  /** The last request that was no probe. */
  request: RequestMessage | undefined;
  private readonly server: Server;
  private readonly sockets = new Set<TLSSocket>();

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
    for (const socket of this.sockets) socket.destroy();
  }

  private serve(socket: TLSSocket): void {
    const reader = new MessageReader(false);
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      const isFirst = !reader.isWithin;
      const read = reader.push(bytes);
      if (read !== undefined) this.take(socket, read);
      else if (isFirst && bytes.includes('100-continue')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    });
  }

  private take(socket: TLSSocket, { startLine, lines, body }: ReadMessage): void {
    const [method = '', target = ''] = startLine.split(' ');
    const request = { method, target, lines, body };
    const isProbe = valuesOf(request, 'user-agent').some((agent) => agent.includes('sentry-gateway'));
    if (!isProbe) this.request = this.meddling.request?.(request) ?? request;
    const answer = isProbe ? PROBE_ANSWER : (this.meddling.answer?.(this.answer) ?? this.answer);
    socket.write(writeAnswer(answer));
    const closes = valuesOf(answer, 'connection').includes('close');
    if (closes || (framingOf(answer) === 'none' && answer.status !== 204 && answer.status !== 304))
      socket.end();
  }
}
