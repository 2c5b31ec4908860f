// llhttp (Node), nginx and HAProxy as readers of raw requests: what each hands on, or that it refuses.
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Reference } from './corpus.ts';
import { RECORDED, recordingUpstream } from './recording-upstream.ts';
import type { RecordedRequest } from './recording-upstream.ts';

/** What one of them made of the bytes of a connection. */
export interface ReferenceReading {
  requests: RecordedRequest[];
  /** It answered something with an error of its own, or closed the connection without an answer. */
  refused: boolean;
  /** Status of each answer. */
  statuses: number[];
}

/** When a reading is over. */
export interface ReadUntil {
  /** So many requests were handed on and answered; undefined: when nothing has happened for a while. */
  readonly requests: number | undefined;
}

export interface RunningReference {
  readonly name: Reference;
  /** Where it listens on 127.0.0.1, in the clear. */
  readonly port: number;
  /** What it has handed on; whoever reads may empty it. */
  readonly requests: RecordedRequest[];
  read(raw: string, until: ReadUntil): Promise<ReferenceReading>;
  stop(): Promise<void>;
}

const QUIET_MS = 150;
const PATIENCE_MS = 20_000;

/** Which of them can be started here; nginx and HAProxy are Debian packages. */
export function availableReferences(): Reference[] {
  const isInstalled = (command: string): boolean => spawnSync(command, ['-v']).error === undefined;
  return ['llhttp', ...(['nginx', 'haproxy'] as const).filter(isInstalled)];
}

export async function startReference(name: Reference): Promise<RunningReference> {
  if (name === 'llhttp') return startLlhttp();
  const requests: RecordedRequest[] = [];
  const upstream = recordingUpstream(requests);
  const upstreamPort = await listenOn(upstream);
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  const port = await freePort();
  const child =
    name === 'nginx' ? startNginx(folder, port, upstreamPort) : startHAProxy(folder, port, upstreamPort);
  await accepts(port, child);
  return {
    name,
    port,
    requests,
    read: (raw, until) => readThrough(port, raw, until, requests),
    async stop() {
      child.kill('SIGKILL');
      await once(child, 'exit');
      upstream.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function startLlhttp(): Promise<RunningReference> {
  const requests: RecordedRequest[] = [];
  const server = createHttpServer(
    { maxHeaderSize: 131_072, requireHostHeader: true, keepAliveTimeout: 0 },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('error', () => response.destroy());
      request.on('data', (bytes: Buffer) => chunks.push(bytes));
      request.on('end', () => {
        const { method = '', url: target = '', rawHeaders } = request;
        requests.push({ method, target, lines: rawHeaders, body: Buffer.concat(chunks).toString('latin1') });
        const [name = '', value = ''] = RECORDED.split(': ');
        response.writeHead(200, { [name]: value, 'Content-Length': 0 }).end();
      });
    },
  );
  const port = await listenOn(server);
  return {
    name: 'llhttp',
    port,
    requests,
    read: (raw, until) => readThrough(port, raw, until, requests),
    async stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Parsing alone is compared: what nginx leaves out by policy (odd names, slashes) is switched off. */
function startNginx(folder: string, port: number, upstreamPort: number): ChildProcess {
  const file = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  writeFileSync(
    file,
    `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events { worker_connections 256; }
    http {
      access_log off; ${temporary.join(' ')}
      server {
        listen 127.0.0.1:${port};
        underscores_in_headers on; ignore_invalid_headers off; merge_slashes off; client_max_body_size 0;
        large_client_header_buffers 8 64k;
        location / {
          proxy_pass http://127.0.0.1:${upstreamPort}; proxy_http_version 1.1;
          proxy_set_header Host $http_host; proxy_set_header Connection "";
        }
      }
    }`,
  );
  return spawn('nginx', ['-c', file, '-e', join(folder, 'error.log')], { stdio: 'ignore' });
}

function startHAProxy(folder: string, port: number, upstreamPort: number): ChildProcess {
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `global
  maxconn 256
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend phones
  bind 127.0.0.1:${port}
  default_backend recorder
backend recorder
  server recorder 127.0.0.1:${upstreamPort}
`,
  );
  return spawn('haproxy', ['-db', '-q', '-f', file], { stdio: 'ignore' });
}

/** Sends the bytes on a connection of their own, and waits for what comes of them. */
async function readThrough(
  port: number,
  raw: string,
  until: ReadUntil,
  requests: RecordedRequest[],
): Promise<ReferenceReading> {
  requests.length = 0;
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let received = '';
  let lastEvent = Date.now();
  let closed = false;
  const note = (): void => {
    lastEvent = Date.now();
  };
  socket.on('data', (bytes) => {
    received += bytes.toString('latin1');
    note();
  });
  socket.on('error', () => {
    closed = true;
  });
  socket.on('end', () => {
    closed = true;
  });
  await once(socket, 'connect');
  socket.write(raw, 'latin1');
  note();
  const begun = Date.now();
  for (;;) {
    const { statuses, own } = readStatuses(received);
    const isQuiet = Date.now() - lastEvent > QUIET_MS;
    const isEnough = until.requests === undefined ? isQuiet : statuses.length >= until.requests;
    if (closed || own > 0 || isEnough || Date.now() - begun > PATIENCE_MS) {
      socket.destroy();
      const refused = own > 0 || (closed && statuses.length === 0);
      return { requests: [...requests], refused, statuses };
    }
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

/** The final answers, and how many of them are the reader's own. */
function readStatuses(received: string): { statuses: number[]; own: number } {
  const answers = received
    .split(/^(?=HTTP\/1\.[01] \d{3})/m)
    .filter((answer) => /^HTTP\/1\.[01] [2-5]/.test(answer));
  return {
    statuses: answers.map((answer) => Number(answer.slice(9, 12))),
    own: answers.filter((answer) => !answer.toLowerCase().includes(RECORDED.toLowerCase())).length,
  };
}

async function listenOn(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listenOn(server);
  await once(server.close(), 'close');
  return port;
}

async function accepts(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
    const socket = connect({ port, host: '127.0.0.1' });
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
