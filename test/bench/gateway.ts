// The gateway under measurement: bundled as in the image, pinned to core 0, on a snapshot made here.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeSnapshot } from '../../gateway/config/files.ts';
import { writeSlots } from '../../gateway/config/directory.ts';
import type { Snapshot } from '../../gateway/config/snapshot.ts';
import { bundle } from '../../build/bundle.ts';
import { MeasuredProcess, PROXY_CORE } from './process.ts';

const JEMALLOC = [
  '/usr/lib/x86_64-linux-gnu/libjemalloc.so.2',
  '/usr/lib/aarch64-linux-gnu/libjemalloc.so.2',
];
const MALLOC_CONF = 'dirty_decay_ms:500,muzzy_decay_ms:0,background_thread:true';

export interface GatewayOptions {
  readonly directory: string;
  readonly listen: number;
  /** `http://127.0.0.1:PORT` or `https://localhost:PORT`. */
  readonly upstream: string;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

/**
 * Starts the gateway and waits until it listens; the access log is off (errors only). The environment's BENCH_NODE_FLAGS go to its
 * Node, for profiles: `--cpu-prof --cpu-prof-dir=/tmp/profile`.
 */
export async function startGateway(options: GatewayOptions): Promise<MeasuredProcess> {
  const entry = await bundleGateway(options.directory);
  const snapshots = join(options.directory, `snapshot-${options.listen}`);
  await mkdir(snapshots, { recursive: true });
  const files = new Map([
    ['server.pem', Buffer.from(options.certificate)],
    ['server-key.pem', Buffer.from(options.key)],
    ['ca.pem', Buffer.from(options.ca)],
    ['ticket.key', Buffer.alloc(48, 7)],
  ]);
  await writeSlots(snapshots, encodeSnapshot(snapshotOf(options), files, 1));
  const jemalloc = JEMALLOC.find((path) => existsSync(path));
  const gateway = MeasuredProcess.start(
    PROXY_CORE,
    [
      process.execPath,
      ...(process.env['BENCH_NODE_FLAGS']?.split(' ') ?? []),
      entry,
      ...['--snapshot', snapshots, '--address', '127.0.0.1', '--port', String(options.listen)],
      ...['--metrics', `unix:${options.directory}/metrics-${options.listen}.sock`],
      ...['--admin', `unix:${options.directory}/admin-${options.listen}.sock`],
    ],
    {
      logFile: join(options.directory, 'gateway.log'),
      env: jemalloc === undefined ? {} : { LD_PRELOAD: jemalloc, MALLOC_CONF },
    },
  );
  try {
    await gateway.listening(options.listen);
  } catch (error) {
    await gateway.stop();
    throw error;
  }
  return gateway;
}

async function bundleGateway(directory: string): Promise<string> {
  const { files } = await bundle({ entry: 'gateway/main.ts' });
  const folder = join(directory, 'bundle');
  await mkdir(folder, { recursive: true });
  for (const [name, content] of files) await writeFile(join(folder, name), content);
  return join(folder, 'main.mjs');
}

function snapshotOf({ upstream }: GatewayOptions): Snapshot {
  return {
    version: 2,
    gateway: { namespace: 'default', name: 'bench' },
    listeners: [
      {
        name: 'phones',
        hostnames: ['localhost'],
        certificates: [{ certificateFile: 'server.pem', keyFile: 'server-key.pem' }],
        minVersion: 'TLSv1.3',
      },
    ],
    routes: [
      {
        namespace: 'default',
        name: 'bench',
        listeners: ['phones'],
        match: { users: [], deviceTypes: [], domains: [] },
        servers: [{ name: 'mbx1', url: upstream, priority: 0 }],
        serverTLS: { caFile: 'ca.pem' },
        authentication: { type: 'PassThrough' },
        redirects: { policy: 'Rewrite' },
        limits: { maxRequestBytes: 30_000_000 },
        timeouts: {
          connectSeconds: 5,
          firstByteSeconds: 120,
          idleSeconds: 60,
          pollSeconds: 3600,
          keepAliveSeconds: 120,
        },
      },
    ],
    ticketKeyFile: 'ticket.key',
    drain: { seconds: 1, propagationSeconds: 0 },
    logging: { access: 'Errors', samplePercent: 1, identifiers: 'Hashed' },
  };
}
