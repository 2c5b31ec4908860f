// 5,000 phones reconnect at once to a gateway on one core: all are served in turn, and it stays alive meanwhile.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { GatewayProcess } from './gateway-process.ts';
import { sketchSnapshot } from './snapshot-sketch.ts';
import { connectTls, exchangeHead } from './tls-client.ts';

const PHONES = 5000;
/** A connection of TLS with its poll and the server's connection, and what a process has of its own. */
const MOST_BYTES = PHONES * 130_000 + 250_000_000;

interface StormState {
  readonly holding: number;
  readonly retries: number;
  readonly givenUp: number;
  readonly errors: Readonly<Record<string, number>>;
}

test('5,000 phones that reconnect at once are all served in turn by one core, which stays alive', async () => {
  const authority = await CertificateAuthority.create();
  const credentials = await authority.issue({ names: ['sentry.example.com'] });
  const exchange = await startSilentServer();
  const servers = [{ name: 'mbx1', url: `http://127.0.0.1:${(exchange.address() as AddressInfo).port}` }];
  await using gateway = await GatewayProcess.start({
    content: sketchSnapshot({
      listeners: [{ credentials: [credentials] }],
      routes: [{ servers }],
      logging: { access: 'Errors', samplePercent: 1, identifiers: 'Hashed' },
    }),
    launcher: onOneCore(),
  });
  const survivor = await connectTls({
    port: gateway.port,
    servername: 'sentry.example.com',
    ca: authority.certificate,
  });
  const caFile = join(gateway.folder, 'ca.crt');
  await writeFile(caFile, authority.certificate);

  const storm = startStorm(gateway.port, caFile);
  const observed = { mostBytes: 0, mostInFlight: 0, unhealthy: 0, survivorRequests: 0 };
  while ((await openPolls(gateway)) < PHONES) {
    expect(gateway.child.exitCode).toBeNull();
    expect(storm.state.givenUp).toBe(0);
    if ((await gateway.probe('/healthz')).status !== 200) observed.unhealthy++;
    expect(await exchangeHead(survivor)).toContain('HTTP/1.1 404');
    observed.survivorRequests++;
    observed.mostBytes = Math.max(observed.mostBytes, residentBytes(gateway));
    const inFlight = await gateway.metric('sentry_pending_handshakes{state="in-flight"}').catch(() => 0);
    observed.mostInFlight = Math.max(observed.mostInFlight, inFlight ?? 0);
    await sleep(100);
  }

  expect(observed.unhealthy).toBe(0);
  expect(observed.survivorRequests).toBeGreaterThan(3);
  expect(observed.mostInFlight).toBeLessThanOrEqual(1024);
  expect(observed.mostBytes).toBeLessThan(MOST_BYTES);
  expect((await gateway.probe('/readyz')).status).toBe(200);
  console.log('storm', observed, storm.state);
  survivor.destroy();
  await storm.stop();
  exchange.closeAllConnections();
  exchange.close();
});

/** Answers probes, and never a Ping. */
async function startSilentServer(): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
    if (request.method === 'OPTIONS') response.end();
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
  await once(server, 'listening');
  return server;
}

/** The gateway has the first core for itself where there is a second for the phones. */
function onOneCore(): string[] {
  try {
    execFileSync('taskset', ['-c', '0', 'true']);
    return ['taskset', '-c', '0'];
  } catch {
    return [];
  }
}

function startStorm(port: number, caFile: string): { readonly state: StormState; stop(): Promise<void> } {
  const script = join(import.meta.dirname, 'storm-phones.ts');
  const child: ChildProcess = spawn(process.execPath, [script, String(port), String(PHONES), caFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const storm = {
    state: { holding: 0, retries: 0, givenUp: 0, errors: {} } as StormState,
    stop: async (): Promise<void> => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
  if (child.stdout) {
    createInterface({ input: child.stdout }).on(
      'line',
      (line) => (storm.state = JSON.parse(line) as StormState),
    );
  }
  return storm;
}

/** Of the report and not of the metrics, so that a busy process is asked once more rather than taken for a dead one. */
async function openPolls(gateway: GatewayProcess): Promise<number> {
  return (await gateway.report()).openPolls;
}

function residentBytes({ child }: GatewayProcess): number {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}
