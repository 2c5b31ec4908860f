// The admin port: read only, the report and nothing else. Mutual TLS, or a Unix socket whose directory keeps others out.
import { rm } from 'node:fs/promises';
import type { Server as HttpsServer } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import fastify, { type FastifyInstance } from 'fastify';
import { type ListenAddress, listenOptions } from './address.ts';
import type { GatewayReport } from './config/report.ts';
import type { Snapshot, SnapshotFiles } from './config/snapshot.ts';

export interface AdminOptions {
  readonly address: ListenAddress;
  readonly report: () => Promise<GatewayReport>;
}

export class Admin {
  private readonly options: AdminOptions;
  private server: FastifyInstance | undefined;

  constructor(options: AdminOptions) {
    this.options = options;
  }

  /** Binds a Unix socket; a TCP port waits for the certificates of the first snapshot. Rejects with the system's error. */
  async start(): Promise<void> {
    const { address } = this.options;
    if (address.kind !== 'unix') return;
    await rm(address.path, { force: true });
    await this.listen(fastify());
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
    const secure = secureOptions(snapshot.admin, files);
    return async () => {
      if (this.server === undefined) {
        await this.listen(fastify({ https: { ...secure, requestCert: true, rejectUnauthorized: true } }));
      } else {
        (this.server.server as unknown as HttpsServer).setSecureContext(secure);
      }
    };
  }

  async close(): Promise<void> {
    await this.server?.close();
  }

  private async listen(server: FastifyInstance): Promise<void> {
    server.get('/report', () => this.options.report());
    this.server = server;
    await server.listen(listenOptions(this.options.address));
  }
}

function secureOptions(admin: NonNullable<Snapshot['admin']>, files: SnapshotFiles): SecureContextOptions {
  return {
    cert: files.get(admin.certificateFile),
    key: files.get(admin.keyFile),
    ca: files.get(admin.clientCAFile),
    minVersion: 'TLSv1.3',
  };
}
