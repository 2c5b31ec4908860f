// The recorder in the phone's place: sends the bytes of a case on a connection that it keeps, and writes down what comes back.
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { MessageReader, type ReadMessage } from './message-reader.ts';
import { type AnswerMessage, type RequestMessage, valuesOf, writeRequest } from './message.ts';

export interface RawClientOptions {
  readonly port: number;
  readonly serverName: string;
  readonly ca: string;
}

export class RawClient {
  private readonly options: RawClientOptions;
  private socket: TLSSocket | undefined;
  private reader = new MessageReader(true);
  private waiting: PromiseWithResolvers<ReadMessage> | undefined;

  constructor(options: RawClientOptions) {
    this.options = options;
  }

  /** Sends a request as its lines say it and resolves with the answer; rejects where the connection ends before it is whole. */
  async exchange(request: RequestMessage): Promise<AnswerMessage> {
    const socket = await this.connection();
    this.waiting = Promise.withResolvers();
    socket.write(writeRequest(request));
    const { startLine, lines, body } = await this.waiting.promise;
    this.waiting = undefined;
    const answer = {
      status: Number(startLine.slice(9, 12)),
      reason: startLine.slice(13),
      lines,
      body,
    };
    if (valuesOf(answer, 'connection').includes('close')) this.close();
    return answer;
  }

  close(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }

  private async connection(): Promise<TLSSocket> {
    if (this.socket !== undefined && !this.socket.destroyed && this.socket.readyState === 'open') {
      return this.socket;
    }
    const { port, serverName, ca } = this.options;
    const socket = connect({
      port,
      host: '127.0.0.1',
      servername: serverName,
      ca,
      ALPNProtocols: ['http/1.1'],
    });
    await once(socket, 'secureConnect');
    socket.setNoDelay(true);
    this.socket = socket;
    this.reader = new MessageReader(true);
    socket.on('data', (bytes: Buffer) => this.settle(socket, this.reader.push(bytes)));
    socket.on('end', () => this.settle(socket, this.reader.end()));
    socket.on('error', (error) => this.waiting?.reject(error));
    socket.on('close', () => this.lose(socket));
    return socket;
  }

  private settle(socket: TLSSocket, message: ReadMessage | undefined): void {
    if (socket === this.socket && message !== undefined) this.waiting?.resolve(message);
  }

  private lose(socket: TLSSocket): void {
    if (socket !== this.socket) return;
    this.socket = undefined;
    this.waiting?.reject(new Error('the connection ended before the answer did'));
  }
}
