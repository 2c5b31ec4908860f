// The control API of the simulated Exchange's command line: HTTP on loopback, JSON both ways.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { FaultSpecification } from '../faults.ts';
import type { Exchange } from './exchange.ts';

const cannedAnswer = {
  status: z.int().min(200).max(599),
  reason: z.string().optional(),
  headers: z.array(z.tuple([z.string(), z.string()])).optional(),
  body: z.string().optional(),
};

const fault = z.strictObject({
  match: z
    .strictObject({
      frontEnd: z.string().optional(),
      user: z.string().optional(),
      deviceId: z.string().optional(),
      command: z.string().optional(),
    })
    .optional(),
  skip: z.int().min(0).optional(),
  times: z.int().min(1).optional(),
  action: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('reset-request'), afterBytes: z.int().min(0) }),
    z.strictObject({ kind: z.literal('reset-answer'), afterBytes: z.int().min(0) }),
    z.strictObject({ kind: z.literal('close-answer'), afterBytes: z.int().min(0) }),
    z.strictObject({ kind: z.literal('hang') }),
    z.strictObject({ kind: z.literal('delay'), milliseconds: z.int().min(0) }),
    z.strictObject({
      kind: z.literal('slow-answer'),
      chunkBytes: z.int().min(1),
      everyMilliseconds: z.int().min(0),
    }),
    z.strictObject({ kind: z.literal('slow-request'), bytesPerSecond: z.int().min(1) }),
    z.strictObject({
      kind: z.literal('answer'),
      delayMilliseconds: z.int().min(0).optional(),
      ...cannedAnswer,
    }),
    z.strictObject({ kind: z.literal('early-answer'), close: z.boolean().optional(), ...cannedAnswer }),
    z.strictObject({ kind: z.literal('garbage'), text: z.string().optional() }),
    z.strictObject({ kind: z.literal('wrong-length'), by: z.int() }),
    z.strictObject({ kind: z.literal('chunked'), chunkBytes: z.int().min(1) }),
  ]),
});

const mail = z.strictObject({
  user: z.string(),
  subject: z.string(),
  body: z.string().optional(),
  from: z.string().optional(),
  attachmentBytes: z.array(z.int().min(0)).optional(),
});

const user = z.strictObject({ name: z.string().min(1), password: z.string().optional() });

/** A request that cannot be carried out; `status` is that of the answer. */
class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What `GET /` answers, and the command line's help shows. */
export const controlHelp = `GET  /                          this list
GET  /status                    front ends, open polls, figures
GET  /violations                breaches of the specification
GET  /requests                  requests as they came (without credentials)
GET  /sent-mail                 what clients submitted
POST /clear                     forget violations, requests and sent mail
POST /deliver                   {"user", "subject", "body"?, "from"?, "attachmentBytes"?: [N]}
POST /users                     {"name", "password"?}
POST /policy/USER               the user's devices must provision anew
POST /front-ends/NAME/ACTION    kill, refuse, stall, serve or reset-connections
GET  /faults                    the faults that are set
POST /faults                    {"match"?: {"frontEnd"?, "user"?, "deviceId"?, "command"?}, "skip"?, "times"?,
                                 "action": {"kind": "hang" | "delay" | "answer" | …}}; answers {"id"}
POST /faults/clear              remove all faults
`;

type Body = unknown;
type Route = (exchange: Exchange, body: Body, argument: string) => unknown;

/** By method and path; `*` stands for one segment, which is handed over. */
const routes: Readonly<Record<string, Route>> = {
  'GET /': () => controlHelp,
  'GET /status': statusOf,
  'GET /violations': ({ violations }) => violations,
  'GET /requests': ({ organisation }) => organisation.journal.requests.map(withoutCredentials),
  'GET /sent-mail': ({ organisation }) => organisation.journal.sentMail,
  'POST /clear': ({ organisation }) => organisation.journal.clear(),
  'POST /deliver': ({ organisation }, body) => {
    const { user: name, ...content } = mail.parse(body);
    if (!organisation.mailboxOf(name)) throw new ControlError(404, `no user ${name}`);
    return {
      serverId: organisation.deliver(name, content as Parameters<typeof organisation.deliver>[1]).serverId,
    };
  },
  'POST /users': ({ organisation }, body) => {
    organisation.addUser(user.parse(body) as Parameters<typeof organisation.addUser>[0]);
  },
  'POST /policy/*': ({ organisation }, _, name) => {
    if (!organisation.mailboxOf(name)) throw new ControlError(404, `no user ${name}`);
    organisation.changePolicy(name);
  },
  'GET /faults': ({ organisation }) => organisation.faults.list(),
  'POST /faults': ({ organisation }, body) => ({
    id: organisation.faults.add(fault.parse(body) as FaultSpecification),
  }),
  'POST /faults/clear': ({ organisation }) => organisation.faults.remove(),
};

/** A running control API. */
export class ControlServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on loopback. */
  static async start(exchange: Exchange, port: number): Promise<ControlServer> {
    const server = createServer((request, response) => {
      void answer(exchange, request).then(({ status, content }) => {
        const text = typeof content === 'string' ? content : `${JSON.stringify(content ?? {}, null, 2)}\n`;
        const type = typeof content === 'string' ? 'text/plain' : 'application/json';
        return response.writeHead(status, { 'Content-Type': type }).end(text);
      });
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new ControlServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

async function answer(
  exchange: Exchange,
  request: IncomingMessage,
): Promise<{ status: number; content: unknown }> {
  try {
    return { status: 200, content: await carryOut(exchange, request) };
  } catch (error) {
    if (error instanceof ControlError) return { status: error.status, content: { error: error.message } };
    if (error instanceof z.ZodError) return { status: 400, content: { error: z.prettifyError(error) } };
    return { status: 500, content: { error: String(error) } };
  }
}

async function carryOut(exchange: Exchange, request: IncomingMessage): Promise<unknown> {
  const [, ...segments] = (request.url ?? '/').split('/').map(decodeURIComponent);
  if (request.method === 'POST' && segments[0] === 'front-ends') return actOnFrontEnd(exchange, segments);
  const body = request.method === 'POST' ? await readJson(request) : undefined;
  const whole = routes[`${request.method} /${segments.join('/')}`];
  if (whole) return whole(exchange, body, '');
  const withArgument = segments.length === 2 ? routes[`${request.method} /${segments[0]}/*`] : undefined;
  if (withArgument) return withArgument(exchange, body, segments[1] ?? '');
  throw new ControlError(404, `no ${request.method} ${request.url}: GET / lists what there is`);
}

async function actOnFrontEnd(
  exchange: Exchange,
  [, name = '', action = '']: readonly string[],
): Promise<unknown> {
  const frontEnd = exchange.frontEnds.get(name);
  if (!frontEnd)
    throw new ControlError(
      404,
      `no front end ${name}: there are ${[...exchange.frontEnds.keys()].join(', ')}`,
    );
  switch (action) {
    case 'kill':
      frontEnd.kill();
      break;
    case 'refuse':
      frontEnd.refuse();
      break;
    case 'stall':
      await frontEnd.stall();
      break;
    case 'serve':
      await frontEnd.serve();
      break;
    case 'reset-connections':
      frontEnd.resetConnections();
      break;
    default:
      throw new ControlError(404, `no action ${action}: kill, refuse, stall, serve or reset-connections`);
  }
  return { name, state: frontEnd.state };
}

function statusOf({ frontEnds, organisation }: Exchange): unknown {
  return {
    frontEnds: [...frontEnds.values()].map(({ name, url, state }) => ({ name, url, state })),
    statistics: organisation.journal.statistics(),
    openPolls: organisation.journal.openPolls,
  };
}

function withoutCredentials<T extends { readonly rawHeaders: readonly string[] }>(record: T): T {
  const rawHeaders = record.rawHeaders.map((value, index) =>
    index % 2 === 1 && record.rawHeaders[index - 1]?.toLowerCase() === 'authorization'
      ? `${value.split(' ', 1)[0]} …`
      : value,
  );
  return { ...record, rawHeaders };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  const text = Buffer.concat(pieces).toString('utf8');
  try {
    return text === '' ? {} : (JSON.parse(text) as unknown);
  } catch {
    throw new ControlError(400, 'the body is not JSON');
  }
}
