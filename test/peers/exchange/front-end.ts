// One front end of the simulated Exchange: receives requests, judges and records them, and has them answered.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import type { Credentials } from '../certificates.ts';
import { Conversation, type ConversationEnd } from '../server/conversation.ts';
import { PeerServer, type ServerState } from '../server/peer-server.ts';
import { statusReply, type Reply } from '../server/reply.ts';
import { claimedUser } from './authentication.ts';
import { groupHeaders, healthPath, judgeHead, type Finding, type FrontEndNames } from './head-judge.ts';
import type { RequestRecord } from './journal.ts';
import type { KindTraits } from './kinds.ts';
import type { Organisation } from './organisation.ts';
import { parseQuery, QueryError, type EasQuery } from './query.ts';
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
  readonly address?: string | undefined;
}

export class FrontEnd {
  readonly name: string;
  readonly #hostnames: readonly string[];
  readonly #server: PeerServer;

  private constructor(name: string, hostnames: readonly string[], server: PeerServer) {
    this.name = name;
    this.#hostnames = hostnames;
    this.#server = server;
  }

  /** Starts a front end and resolves once it listens. */
  static async start(options: FrontEndOptions): Promise<FrontEnd> {
    const {
      organisation,
      name,
      credentials,
      port,
      address,
      hostnames = ['localhost', '127.0.0.1'],
    } = options;
    const { journal } = organisation;
    const connections = new Map<object, number>();
    const answering = new WeakMap<object, ServerResponse>();
    const server = await PeerServer.start({
      credentials,
      port,
      address,
      onConnection: (socket) => {
        connections.set(socket, journal.addConnection());
        socket.once('close', () => {
          connections.delete(socket);
          journal.endConnection();
        });
      },
      onRequest: (request, response, reset) => {
        const transfer = new Transfer(request, response, {
          organisation,
          frontEnd: name,
          connection: connections.get(request.socket) ?? 0,
          // Its `close` would come too late: the client may have read the answer before this process hears that it left.
          pipelined: answering.get(request.socket)?.writableEnded === false,
          reset,
        });
        answering.set(request.socket, response);
        transfer.judge({ hostnames, port: server.port });
        void transfer.run();
      },
    });
    return new FrontEnd(name, hostnames, server);
  }

  get port(): number {
    return this.#server.port;
  }

  get url(): string {
    return `https://${this.#hostnames[0]}:${this.port}`;
  }

  get state(): ServerState {
    return this.#server.state;
  }

  /** Listens (again, on the same port). */
  async serve(): Promise<void> {
    await this.#server.serve();
  }

  /** Accepts connections and never says a word on them; those that are open go on. */
  async stall(): Promise<void> {
    await this.#server.stall();
  }

  /** Refuses new connections; those that are open go on. */
  refuse(): void {
    this.#server.refuse();
  }

  /** Refuses new connections and resets all that are open, as when the machine died. */
  kill(): void {
    this.#server.kill();
  }

  /** Resets all open connections; new ones are accepted as before. */
  resetConnections(): void {
    this.#server.resetConnections();
  }

  /** Serves new connections with another certificate. */
  replaceCredentials(credentials: Credentials): void {
    this.#server.replaceCredentials(credentials);
  }

  /** Ends everything and frees the port. */
  close(): void {
    this.#server.close();
  }
}

interface Place {
  readonly organisation: Organisation;
  readonly frontEnd: string;
  readonly connection: number;
  /** The request came before the one before it was answered. */
  readonly pipelined: boolean;
  readonly reset: () => void;
}

/** One request with its record. */
class Transfer {
  readonly #request: IncomingMessage;
  readonly #place: Place;
  readonly #headers: ReadonlyMap<string, readonly string[]>;
  readonly #record: RequestRecord;
  readonly #conversation: Conversation;
  readonly #query: EasQuery | QueryError;
  readonly #path: string;

  constructor(request: IncomingMessage, response: ServerResponse, place: Place) {
    this.#request = request;
    this.#place = place;
    this.#headers = groupHeaders(request.rawHeaders);
    const target = request.url ?? '';
    this.#path = target.split('?', 1)[0] ?? '';
    this.#query = readQuery(target);
    this.#record = this.#begin(request.method ?? '', target);
    place.organisation.journal.addRequest(this.#record);
    this.#conversation = new Conversation(request, response, place.reset, {
      onAnswer: (status) => this.#answer(status),
      onEnd: (end) => this.#end(end),
    });
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

  judge(names: FrontEndNames): void {
    const { method, target, rawHeaders } = this.#record;
    const { httpVersion, socket } = this.#request;
    const { servername } = socket as TLSSocket;
    const serverName = typeof servername === 'string' ? servername : undefined;
    for (const finding of judgeHead({ method, target, rawHeaders, httpVersion, serverName }, names)) {
      this.violate(finding);
    }
    if (this.#place.pipelined) {
      this.violate({
        rule: 'pipelined',
        message: 'a request came before the one before it was answered',
        reference: 'design: one request in flight',
      });
    }
  }

  async run(): Promise<void> {
    const { frontEnd, organisation } = this.#place;
    const { user, deviceId, command } = this.#record;
    const fault = organisation.faults.take({ frontEnd, user, deviceId, command });
    await this.#conversation.run(fault, (body) => this.#respond(body));
  }

  async #respond(body: Buffer): Promise<Reply> {
    const { frontEnd, organisation } = this.#place;
    try {
      const reply = await respond({
        organisation,
        frontEnd,
        method: this.#record.method,
        path: this.#path,
        query: this.#query,
        header: (name) => this.#header(name),
        body,
        gone: this.#conversation.gone,
        violate: (finding) => this.violate(finding),
      });
      const headers = [...this.#serverHeaders(reply.status), ...reply.headers];
      return compressed({ ...reply, headers }, this.#header('accept-encoding'), organisation.kind);
    } catch (error) {
      this.violate({ rule: 'internal', message: String(error), reference: 'the simulated Exchange itself' });
      return statusReply(500);
    }
  }

  /** The lines of every answer of this front end. */
  #serverHeaders(status: number): (readonly [string, string])[] {
    const { frontEnd, organisation } = this.#place;
    const { kind, chance, now } = organisation;
    const { user, deviceId, method } = this.#record;
    const id = chance.uuid(`request of ${user} ${deviceId} ${method}`);
    if (kind === undefined) return serverHeaders(frontEnd, id);
    const isLetIn = status !== 401 && (user !== undefined || status !== 451);
    const places: Record<string, string> = {
      '{frontEnd}': frontEnd,
      '{FRONTEND}': frontEnd.toUpperCase(),
      '{id}': id,
      '{date}': now().toUTCString(),
    };
    const templates = [...kind.headers.value, ...(isLetIn ? kind.authenticatedHeaders.value : [])];
    return templates.map(([name, value]) => [
      name,
      value.replaceAll(/\{\w+\}/g, (place) => places[place] ?? place),
    ]);
  }

  #begin(method: string, target: string): RequestRecord {
    const { organisation, frontEnd, connection } = this.#place;
    const query = this.#query instanceof QueryError ? undefined : this.#query;
    const user = claimedUser(this.#header('authorization'));
    return {
      at: new Date().toISOString(),
      frontEnd,
      connection,
      method,
      target,
      rawHeaders: this.#request.rawHeaders,
      command: this.#path === healthPath ? 'healthcheck' : (method === 'POST' && query?.command) || method,
      ...(user !== undefined && { user: organisation.mailboxOf(user)?.user ?? user }),
      ...(query && { deviceId: query.deviceId }),
      bodyBytes: 0,
      outcome: 'open',
    };
  }

  /** Noted before the answer leaves, so that whoever has received it finds it in the record. */
  #answer(status: number): void {
    const { bodyBytes, bodySha256, faulted } = this.#conversation;
    Object.assign(this.#record, { status, bodyBytes, outcome: faulted ? 'faulted' : 'answered' });
    if (bodySha256 !== undefined) this.#record.bodySha256 = bodySha256;
  }

  #end({ status, outcome, milliseconds }: ConversationEnd): void {
    const { bodyBytes } = this.#conversation;
    Object.assign(this.#record, { outcome, milliseconds, bodyBytes });
    if (status !== undefined) this.#record.status = status;
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

function serverHeaders(frontEnd: string, id: string): (readonly [string, string])[] {
  return [
    ['Cache-Control', 'private'],
    ['Server', 'Microsoft-IIS/10.0'],
    ['request-id', id],
    ['X-CalculatedBETarget', `${frontEnd}.corp.example.com`],
    ['MS-Server-ActiveSync', '15.2'],
    ['X-BEServer', frontEnd],
    ['X-FEServer', frontEnd],
    ['X-AspNet-Version', '4.0.30319'],
  ];
}

/** A document in gzip for a client that takes it (MS-ASHTTP 2.2.2.1.2); streams are sent as they are. */
function compressed(reply: Reply, accepted: string | undefined, kind: KindTraits | undefined): Reply {
  const { body, headers } = reply;
  const isLong = kind !== undefined && Buffer.isBuffer(body) && body.length >= kind.compressedFrom.value;
  if (!isLong || !/\bgzip\b/.test(accepted ?? '')) return reply;
  return {
    ...reply,
    headers: [...headers, ['Content-Encoding', 'gzip'], ['Vary', 'Accept-Encoding']],
    body: gzipSync(body),
  };
}
