// CPU seconds per request of gateway, nginx and HAProxy: interleaved rounds, medians, ratios.
import type { Figure } from './figures.ts';
import { startGateway } from './gateway.ts';
import { applyLoad, type Load } from './load.ts';
import type { BenchSetup } from './main.ts';
import { median, type MeasuredProcess } from './process.ts';
import { startHAProxy, startNginxProxy, startUpstream } from './rivals.ts';

const PORTS = { upstream: 29_080, nginx: 29_443, haproxy: 29_444, gateway: 29_445 };
const ROUNDS = 5;
const SECONDS = 3;

const loads: { load: Load; figure: string; goal: number }[] = [
  {
    figure: 'cpu.small-post',
    goal: 2,
    load: { name: 'small-post', method: 'POST', bodyBytes: 1024, connections: 32, closeEachTime: false },
  },
  {
    figure: 'cpu.1mb-answer',
    goal: 1.4,
    load: { name: '1mb-answer', method: 'GET', bodyBytes: 0, connections: 8, closeEachTime: false },
  },
  {
    figure: 'cpu.handshake',
    goal: 1.6,
    load: { name: 'handshake', method: 'POST', bodyBytes: 1024, connections: 16, closeEachTime: true },
  },
];

/** `cpu.<load>/nginx` for the gateway, `peer.cpu.<load>.haproxy/nginx`, and nginx's microseconds per request. */
export async function measureCpu(setup: BenchSetup): Promise<Figure[]> {
  const { directory } = setup;
  const upstream = await startUpstream({ path: directory }, PORTS.upstream);
  const proxies: Record<string, { process: MeasuredProcess; port: number }> = {};
  try {
    proxies['nginx'] = {
      port: PORTS.nginx,
      process: await startNginxProxy({ path: directory }, { listen: PORTS.nginx, upstream: PORTS.upstream }),
    };
    proxies['haproxy'] = {
      port: PORTS.haproxy,
      process: await startHAProxy({ path: directory }, { listen: PORTS.haproxy, upstream: PORTS.upstream }),
    };
    proxies['gateway'] = {
      port: PORTS.gateway,
      process: await startGateway({
        ...setup,
        listen: PORTS.gateway,
        upstream: `http://127.0.0.1:${PORTS.upstream}`,
      }),
    };
    const figures: Figure[] = [];
    for (const { load, figure, goal } of loads) {
      const micros = await compare(load, proxies, directory);
      const nginx = micros['nginx'] ?? Number.NaN;
      figures.push({ name: `${figure}/nginx`, value: (micros['gateway'] ?? Number.NaN) / nginx, goal });
      figures.push({
        name: `peer.${figure}.haproxy/nginx`,
        value: (micros['haproxy'] ?? Number.NaN) / nginx,
      });
      figures.push({ name: `peer.${figure}.nginx-us`, value: nginx });
    }
    return figures;
  } finally {
    await Promise.all([upstream.stop(), ...Object.values(proxies).map(({ process }) => process.stop())]);
  }
}

/** Median CPU microseconds per request of each proxy. @throws Error when a proxy answers with an error */
async function compare(
  load: Load,
  proxies: Record<string, { process: MeasuredProcess; port: number }>,
  directory: string,
): Promise<Record<string, number>> {
  const micros: Record<string, number[]> = {};
  for (const { port } of Object.values(proxies)) await applyLoad(load, { port, directory, seconds: 2 });
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, { process, port }] of Object.entries(proxies)) {
      const before = process.cpuSeconds();
      const { requests, errors } = await applyLoad(load, { port, directory, seconds: SECONDS });
      if (errors > 0)
        throw new Error(`${name} answered ${errors} of ${requests} requests of ${load.name} wrongly`);
      (micros[name] ??= []).push(((process.cpuSeconds() - before) / requests) * 1e6);
    }
  }
  return Object.fromEntries(Object.entries(micros).map(([name, values]) => [name, median(values)]));
}
