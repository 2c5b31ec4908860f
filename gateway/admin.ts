// The admin port: read only, the report and nothing else. Mutual TLS, or a Unix socket whose directory keeps others out.
// node:http and not fastify: one fixed path, and 7 MB less memory in every gateway.
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { type ListenAddress, listenOptions } from './address.ts';
import type { GatewayReport } from './config/report.ts';
import type { Snapshot, SnapshotFiles } from './config/snapshot.ts';

export interface AdminOptions {
  readonly address: ListenAddress;
  readonly report: () => Promise<GatewayReport>;
}

export class Admin {
  private readonly options: AdminOptions;
  private plain: Server | undefined;
  private secure: SecureServer | undefined;

  constructor(options: AdminOptions) {
    this.options = options;
  }

  /** Binds a Unix socket; a TCP port waits for the certificates of the first snapshot. Rejects with the system's error. */
  async start(): Promise<void> {
    const { address } = this.options;
    if (address.kind !== 'unix') return;
    await rm(address.path, { force: true });
    this.plain = createServer(this.answer);
    await this.listen(this.plain);
  }

  /**
   * Looks at the certificates of a validated snapshot. What it returns takes them into use: it binds the port with the first
   * (rejecting with the system's error), and afterwards changes them for new connections.
   *
   * @throws Error when a TCP port is to be served without certificates.
   */
  prepare(snapshot: Snapshot, files: SnapshotFiles): () => Promise<void> {
    if (this.options.address.kind === 'unix') return () => Promise.resolve();
    if (snapshot.admin === undefined)
      throw new Error('`admin` is missing: the admin port needs its certificates');
    const context = secureOptions(snapshot.admin, files);
    return async () => {
      if (this.secure !== undefined) {
        this.secure.setSecureContext(context);
        return;
      }
      this.secure = createSecureServer(
        { ...context, requestCert: true, rejectUnauthorized: true },
        this.answer,
      );
      await this.listen(this.secure);
    };
  }

  async close(): Promise<void> {
    const server = this.secure ?? this.plain;
    if (server?.listening !== true) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  private async listen(server: Server | SecureServer): Promise<void> {
    server.listen(listenOptions(this.options.address));
    await once(server, 'listening');
  }

  private readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.method !== 'GET' || request.url !== '/report') {
      response.writeHead(404).end();
      return;
    }
    this.options.report().then(
      (report) => response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(report)),
      () => response.writeHead(500).end(),
    );
  };
}

function secureOptions(admin: NonNullable<Snapshot['admin']>, files: SnapshotFiles): SecureContextOptions {
  return {
    cert: files.get(admin.certificateFile),
    key: files.get(admin.keyFile),
    ca: files.get(admin.clientCAFile),
    minVersion: 'TLSv1.3',
  };
}
