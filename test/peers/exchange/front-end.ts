// One front end of the simulated Exchange: an HTTPS server that can be killed, stalled and started again.
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import type { Credentials } from '../certificates.ts';
import type { FaultAction } from '../faults.ts';
import { claimedUser } from './authentication.ts';
import { groupHeaders, healthPath, judgeHead, type Finding } from './head-judge.ts';
import type { RequestRecord } from './journal.ts';
import type { Organisation } from './organisation.ts';
import { parseQuery, QueryError, type EasQuery } from './query.ts';
import { writeFaultyReply, writeReply } from './reply-writer.ts';
import { statusReply, type Reply } from './reply.ts';
import { respond } from './respond.ts';

export interface FrontEndOptions {
  readonly organisation: Organisation;
  /** Told in X-FEServer and in every record. */
  readonly name: string;
  readonly credentials: Credentials;
  /** Names by which clients may address it (Host, SNI); default localhost and 127.0.0.1. */
  readonly hostnames?: readonly string[];
  /** 0 (the default) lets the system choose. */
  readonly port?: number;
  readonly address?: string;
}

/**
 * `serving`; `refusing`: connections are refused, those that are open go on; `stalled`: connections are accepted and
 * nothing is said; `killed`: refused, and those that were open were reset.
 */
export type FrontEndState = 'serving' | 'refusing' | 'stalled' | 'killed';

const mostBodyBytes = 64 * 1024 * 1024;

export class FrontEnd {
  readonly name: string;
  readonly #organisation: Organisation;
  readonly #hostnames: readonly string[];
  readonly #address: string;
  readonly #https: HttpsServer;
  readonly #sockets = new Map<string, Socket>();
  readonly #connectionNumbers = new WeakMap<object, number>();
  readonly #busy = new WeakSet<object>();
  #listener: Server | undefined;
  #state: FrontEndState = 'killed';
  #port: number;

  private constructor(options: FrontEndOptions) {
    this.name = options.name;
    this.#organisation = options.organisation;
    this.#hostnames = options.hostnames ?? ['localhost', '127.0.0.1'];
    this.#address = options.address ?? '127.0.0.1';
    this.#port = options.port ?? 0;
    this.#https = createHttpsServer(
      { ...options.credentials, keepAliveTimeout: 120_000, requestTimeout: 0, headersTimeout: 60_000 },
      (request, response) => void this.#serve(request, response),
    );
    this.#https.timeout = 0;
    this.#https.maxHeadersCount = 0;
    this.#https.on('checkContinue', (request, response) => void this.#serve(request, response));
    this.#https.on('secureConnection', (socket: TLSSocket) => {
      this.#connectionNumbers.set(socket, this.#organisation.journal.addConnection());
      socket.once('close', () => this.#organisation.journal.endConnection());
      socket.on('error', () => undefined);
    });
    this.#https.on('tlsClientError', (_, socket) => socket.destroy());
  }

  /** Starts a front end and resolves once it listens. */
  static async start(options: FrontEndOptions): Promise<FrontEnd> {
    const frontEnd = new FrontEnd(options);
    await frontEnd.serve();
    return frontEnd;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `https://${this.#hostnames[0]}:${this.#port}`;
  }

  get state(): FrontEndState {
    return this.#state;
  }

  /** Listens (again, on the same port). */
  async serve(): Promise<void> {
    await this.#listen('serving');
  }

  /** Accepts connections and never says a word on them; those that are open go on. */
  async stall(): Promise<void> {
    await this.#listen('stalled');
  }

  /** Refuses new connections; those that are open go on. */
  refuse(): void {
    this.#state = 'refusing';
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Refuses new connections and resets all that are open, as when the machine died. */
  kill(): void {
    this.refuse();
    this.#state = 'killed';
    this.resetConnections();
  }

  /** Resets all open connections; new ones are accepted as before. */
  resetConnections(): void {
    for (const socket of this.#sockets.values()) socket.resetAndDestroy();
  }

  /** Serves new connections with another certificate. */
  replaceCredentials(credentials: Credentials): void {
    this.#https.setSecureContext(credentials);
  }

  /** Ends everything and frees the port. */
  close(): void {
    this.kill();
    this.#https.close();
  }

  async #listen(state: 'serving' | 'stalled'): Promise<void> {
    this.#state = state;
    if (this.#listener) return;
    const listener = createServer((socket) => this.#accept(socket));
    listener.listen(this.#port, this.#address);
    await once(listener, 'listening');
    this.#listener = listener;
    this.#port = (listener.address() as AddressInfo).port;
  }

  #accept(socket: Socket): void {
    const key = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#sockets.set(key, socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(key));
    if (this.#state === 'serving') this.#https.emit('connection', socket);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = new HttpExchange(request, response, {
      organisation: this.#organisation,
      frontEnd: this.name,
      connection: this.#connectionNumbers.get(request.socket) ?? 0,
      reset: () =>
        this.#sockets.get(`${request.socket.remoteAddress}:${request.socket.remotePort}`)?.resetAndDestroy(),
    });
    exchange.judge({ hostnames: this.#hostnames, port: this.#port });
    if (this.#busy.has(request.socket)) {
      exchange.violate({
        rule: 'pipelined',
        message: 'a request came before the one before it was answered',
        reference: 'design: one request in flight',
      });
    }
    this.#busy.add(request.socket);
    response.once('close', () => this.#busy.delete(request.socket));
    await exchange.run();
  }
}

interface Place {
  readonly organisation: Organisation;
  readonly frontEnd: string;
  readonly connection: number;
  readonly reset: () => void;
}

/** One request and its answer. */
class HttpExchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #place: Place;
  readonly #headers: ReadonlyMap<string, readonly string[]>;
  readonly #record: RequestRecord;
  readonly #gone = new AbortController();
  readonly #query: EasQuery | QueryError;
  readonly #path: string;
  readonly #started = performance.now();

  constructor(request: IncomingMessage, response: ServerResponse, place: Place) {
    this.#request = request;
    this.#response = response;
    this.#place = place;
    this.#headers = groupHeaders(request.rawHeaders);
    const target = request.url ?? '';
    this.#path = target.split('?', 1)[0] ?? '';
    this.#query = readQuery(target);
    const query = this.#query instanceof QueryError ? undefined : this.#query;
    const user = claimedUser(this.#header('authorization'));
    const method = request.method ?? '';
    const { organisation, frontEnd, connection } = place;
    this.#record = {
      at: new Date().toISOString(),
      frontEnd,
      connection,
      method,
      target,
      rawHeaders: request.rawHeaders,
      command: this.#path === healthPath ? 'healthcheck' : (method === 'POST' && query?.command) || method,
      ...(user !== undefined && { user: organisation.mailboxOf(user)?.user ?? user }),
      ...(query && { deviceId: query.deviceId }),
      bodyBytes: 0,
      outcome: 'open',
    };
    organisation.journal.addRequest(this.#record);
    response.once('close', () => this.#end());
    response.on('error', () => undefined);
    request.on('error', () => undefined);
  }

  violate(finding: Finding): void {
    const { user, deviceId, command, frontEnd } = this.#record;
    this.#place.organisation.journal.addViolation({
      ...finding,
      at: new Date().toISOString(),
      frontEnd,
      user,
      deviceId,
      command,
    });
  }

  judge(names: { hostnames: readonly string[]; port: number }): void {
    const { method, target, rawHeaders } = this.#record;
    const serverName = (this.#request.socket as TLSSocket).servername;
    const head = {
      method,
      target,
      rawHeaders,
      httpVersion: this.#request.httpVersion,
      serverName: typeof serverName === 'string' ? serverName : undefined,
    };
    for (const finding of judgeHead(head, names)) this.violate(finding);
  }

  async run(): Promise<void> {
    const { frontEnd, organisation } = this.#place;
    const { user, deviceId, command } = this.#record;
    const fault = organisation.faults.take({ frontEnd, user, deviceId, command });
    if (fault) this.#record.outcome = 'faulted';
    try {
      if (fault && (await this.#replaceBeforeBody(fault))) return;
      if (this.#header('expect')?.toLowerCase() === '100-continue') this.#response.writeContinue();
      const body = await this.#readBody(fault);
      if (!body) return;
      if (fault && (await this.#replaceAfterBody(fault))) return;
      const reply = await this.#respond(body);
      await this.#write(reply, fault);
    } catch (error) {
      if (this.#gone.signal.aborted) return;
      this.violate({ rule: 'internal', message: String(error), reference: 'the simulated Exchange itself' });
      await this.#write(statusReply(500), undefined);
    }
  }

  async #respond(body: Buffer): Promise<Reply> {
    const { frontEnd, organisation } = this.#place;
    const reply = await respond({
      organisation,
      frontEnd,
      method: this.#record.method,
      path: this.#path,
      query: this.#query,
      header: (name) => this.#header(name),
      body,
      gone: this.#gone.signal,
      violate: (finding) => this.violate(finding),
    });
    return { ...reply, headers: [...serverHeaders(frontEnd), ...reply.headers] };
  }

  /** True when the fault answered, or ended the connection, before the body was read. */
  async #replaceBeforeBody(fault: FaultAction): Promise<boolean> {
    switch (fault.kind) {
      case 'early-answer':
        if (fault.close) this.#response.shouldKeepAlive = false;
        await this.#write(cannedReply(fault), undefined);
        return true;
      case 'reset-request':
        await this.#readUpTo(fault.afterBytes);
        this.#place.reset();
        return true;
      default:
        return false;
    }
  }

  /** True when the fault took the place of the command. */
  async #replaceAfterBody(fault: FaultAction): Promise<boolean> {
    switch (fault.kind) {
      case 'hang':
        return true;
      case 'answer':
        await sleep(fault.delayMilliseconds ?? 0, undefined, { signal: this.#gone.signal });
        await this.#write(cannedReply(fault), undefined);
        return true;
      default:
        return false;
    }
  }

  async #write(reply: Reply, fault: FaultAction | undefined): Promise<void> {
    if (this.#gone.signal.aborted) return;
    this.#record.status = reply.status;
    if (this.#record.outcome === 'open') this.#record.outcome = 'answered';
    const connection = { reset: this.#place.reset, gone: this.#gone.signal };
    if (fault?.kind === 'delay') await sleep(fault.milliseconds, undefined, { signal: this.#gone.signal });
    if (fault && (await writeFaultyReply(this.#response, reply, fault, connection))) return;
    await writeReply(this.#response, reply, connection);
  }

  /** The whole body; undefined when the client left before its end, or when it is too large. */
  async #readBody(fault: FaultAction | undefined): Promise<Buffer | undefined> {
    const hash = createHash('sha256');
    const pieces: Buffer[] = [];
    try {
      for await (const piece of this.#request as AsyncIterable<Buffer>) {
        this.#record.bodyBytes += piece.length;
        hash.update(piece);
        pieces.push(piece);
        if (this.#record.bodyBytes > mostBodyBytes) {
          await this.#write(statusReply(413), undefined);
          return undefined;
        }
        if (fault?.kind === 'slow-request') await sleep((piece.length / fault.bytesPerSecond) * 1000);
      }
    } catch {
      return undefined;
    }
    if (!this.#request.complete) return undefined;
    this.#record.bodySha256 = hash.digest('hex');
    return Buffer.concat(pieces);
  }

  async #readUpTo(bytes: number): Promise<void> {
    if (bytes === 0) return;
    for await (const piece of this.#request as AsyncIterable<Buffer>) {
      this.#record.bodyBytes += piece.length;
      if (this.#record.bodyBytes >= bytes) return;
    }
  }

  #end(): void {
    const finished = this.#response.writableFinished;
    if (!finished) this.#gone.abort();
    if (this.#record.outcome === 'open' || (this.#record.outcome === 'answered' && !finished)) {
      this.#record.outcome = 'aborted';
    }
    this.#record.milliseconds = performance.now() - this.#started;
    this.#place.organisation.journal.endRequest(this.#record);
  }

  #header(name: string): string | undefined {
    return this.#headers.get(name)?.[0];
  }
}

function readQuery(target: string): EasQuery | QueryError {
  const at = target.indexOf('?');
  if (at < 0) return new QueryError('the query is missing');
  try {
    return parseQuery(target.slice(at + 1));
  } catch (error) {
    if (error instanceof QueryError) return error;
    throw error;
  }
}

function cannedReply({
  status,
  reason,
  headers = [],
  body = '',
}: Extract<FaultAction, { status: number }>): Reply {
  return { status, reason, headers, body: Buffer.from(body) };
}

function serverHeaders(frontEnd: string): (readonly [string, string])[] {
  return [
    ['Cache-Control', 'private'],
    ['Server', 'Microsoft-IIS/10.0'],
    ['request-id', randomUUID()],
    ['X-CalculatedBETarget', `${frontEnd}.corp.example.com`],
    ['MS-Server-ActiveSync', '15.2'],
    ['X-BEServer', frontEnd],
    ['X-FEServer', frontEnd],
    ['X-AspNet-Version', '4.0.30319'],
  ];
}
