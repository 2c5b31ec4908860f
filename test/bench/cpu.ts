// CPU seconds per request of gateway, nginx and HAProxy: interleaved rounds, medians, ratios.
import type { Figure } from './figures.ts';
import { startGateway } from './gateway.ts';
import { applyHandshakes, applyLoad, type Load, type LoadResult } from './load.ts';
import type { BenchSetup } from './main.ts';
import { freePort, median, type MeasuredProcess } from './process.ts';
import { startHAProxy, startNginxProxy, startUpstream } from './rivals.ts';
import { negotiate } from './negotiation.ts';

const ROUNDS = 7;
const SECONDS = 2;
/** Until V8 has compiled what is hot: it takes some thousand handshakes. */
const WARM_UP_SECONDS = 5;

type Apply = (options: { port: number; seconds: number; directory: string }) => Promise<LoadResult>;

const requests =
  (load: Load): Apply =>
  (options) =>
    applyLoad(load, options);

const loads: { figure: string; goal: number; apply: Apply }[] = [
  {
    figure: 'cpu.small-post',
    goal: 2,
    apply: requests({ name: 'small-post', method: 'POST', bodyBytes: 1024, connections: 32 }),
  },
  {
    figure: 'cpu.1mb-answer',
    goal: 1.4,
    apply: requests({ name: '1mb-answer', method: 'GET', bodyBytes: 0, connections: 8 }),
  },
  {
    figure: 'cpu.handshake',
    goal: 1.6,
    apply: (options) => applyHandshakes({ ...options, connections: 16 }),
  },
];

interface Proxy {
  readonly name: 'nginx' | 'haproxy' | 'gateway';
  readonly process: MeasuredProcess;
  readonly port: number;
}

/** CPU microseconds per request, one value a round. */
type Micros = Record<Proxy['name'], number[]>;

/**
 * `cpu.<load>/nginx` for the gateway, `peer.cpu.<load>.haproxy/nginx`, and nginx's microseconds per request. A ratio is the
 * median over the rounds of what two proxies took in the same round: a busy machine slows both.
 */
export async function measureCpu(setup: BenchSetup): Promise<Figure[]> {
  const upstreamPort = await freePort();
  const upstream = await startUpstream({ path: setup.directory }, upstreamPort);
  const proxies: Proxy[] = [];
  try {
    await startProxies(setup, upstreamPort, proxies);
    await compareNegotiations(setup.ca, proxies);
    const figures: Figure[] = [];
    for (const { figure, goal, apply } of loads) {
      const micros = await measure({ figure, apply }, proxies, setup.directory);
      figures.push(
        { name: `${figure}/nginx`, value: ratio(micros.gateway, micros.nginx), goal },
        { name: `peer.${figure}.haproxy/nginx`, value: ratio(micros.haproxy, micros.nginx) },
        { name: `peer.${figure}.nginx-us`, value: median(micros.nginx) },
      );
    }
    return figures;
  } finally {
    await Promise.all([upstream.stop(), ...proxies.map(({ process }) => process.stop())]);
  }
}

/** Adds each as soon as it runs, so that it is stopped also if the next one fails. */
async function startProxies(setup: BenchSetup, upstream: number, proxies: Proxy[]): Promise<void> {
  const directory = { path: setup.directory };
  let port = await freePort();
  proxies.push({
    name: 'nginx',
    port,
    process: await startNginxProxy(directory, { listen: port, upstream }),
  });
  port = await freePort();
  proxies.push({ name: 'haproxy', port, process: await startHAProxy(directory, { listen: port, upstream }) });
  port = await freePort();
  const url = `http://127.0.0.1:${upstream}`;
  proxies.push({
    name: 'gateway',
    port,
    process: await startGateway({ ...setup, listen: port, upstream: url }),
  });
}

/** @throws Error unless one client gets the same version, cipher and key exchange from all: else the ratios would compare these */
async function compareNegotiations(ca: string, proxies: readonly Proxy[]): Promise<void> {
  const found = await Promise.all(
    proxies.map(async ({ name, port }) => ({ name, tls: await negotiate(port, ca) })),
  );
  if (new Set(found.map(({ tls }) => tls)).size > 1) {
    throw new Error(
      `the proxies negotiate differently: ${found.map(({ name, tls }) => `${name} ${tls}`).join(', ')}`,
    );
  }
}

/** @throws Error when a proxy answers wrongly */
async function measure(
  { figure, apply }: { figure: string; apply: Apply },
  proxies: readonly Proxy[],
  directory: string,
): Promise<Micros> {
  const micros: Micros = { nginx: [], haproxy: [], gateway: [] };
  for (const { port } of proxies) await apply({ port, directory, seconds: WARM_UP_SECONDS });
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { name, process, port } of proxies) {
      const before = process.cpuSeconds();
      const { requests, errors } = await apply({ port, directory, seconds: SECONDS });
      if (errors > 0 || !(requests > 0))
        throw new Error(`${name} answered ${errors} of ${requests} requests of ${figure} wrongly`);
      micros[name].push(((process.cpuSeconds() - before) / requests) * 1e6);
    }
  }
  return micros;
}

function ratio(values: readonly number[], base: readonly number[]): number {
  return median(values.map((value, round) => value / (base[round] ?? Number.NaN)));
}
