// The one port for metrics and probes of everything that runs on this machine.
import fastify from 'fastify';
import type { Registry } from 'prom-client';
import { type Exposition, mergeExpositions } from './exposition.ts';
import type { ProbeAnswer } from './host.ts';

export interface MetricsListenerOptions {
  readonly host: string;
  readonly port: number;
  /** The metrics of this process itself. */
  readonly registry: Registry;
  /** Asks every gateway process. */
  readonly probe: (path: '/metrics' | '/healthz' | '/readyz', signal: AbortSignal) => Promise<ProbeAnswer[]>;
}

/** Disposal closes it. */
export interface MetricsListener extends AsyncDisposable {
  /** Where it listens, with the port that it got. */
  readonly url: string;
}

const PROBE_WITHIN_MS = 3_000;

/**
 * Serves GET /metrics (all series of all gateways, with the label `gateway`), /healthz (200 while every process answers)
 * and /readyz (200 when every gateway is ready, and there is one). Rejects in words when
 * the port cannot be bound.
 */
export async function listenForMetrics(options: MetricsListenerOptions): Promise<MetricsListener> {
  const { host, port, registry, probe } = options;
  const server = fastify({ forceCloseConnections: true });
  server.get('/metrics', async (_, reply) => {
    const answers = await probe('/metrics', AbortSignal.timeout(PROBE_WITHIN_MS));
    const gateways = answers
      .filter(({ status }) => status === 200)
      .map(({ key, text }): Exposition => ({ labels: { gateway: key }, text }));
    const own: Exposition = { labels: {}, text: await registry.metrics() };
    return reply.type(registry.contentType).send(mergeExpositions([own, ...gateways]));
  });
  server.get('/healthz', async (_, reply) => {
    const answers = await probe('/healthz', AbortSignal.timeout(PROBE_WITHIN_MS));
    const healthy = answers.every(({ status }) => status === 200);
    return reply.code(healthy ? 200 : 503).send(summary(answers));
  });
  server.get('/readyz', async (_, reply) => {
    const answers = await probe('/readyz', AbortSignal.timeout(PROBE_WITHIN_MS));
    const ready = answers.length > 0 && answers.every(({ status }) => status === 200);
    return reply.code(ready ? 200 : 503).send(summary(answers));
  });
  try {
    const url = await server.listen({ host, port });
    return { url, [Symbol.asyncDispose]: () => server.close() };
  } catch (error) {
    throw new Error(`--metrics-address ${host}:${port}: ${describeFailure(error)}`, { cause: error });
  }
}

function summary(answers: readonly ProbeAnswer[]): string {
  if (answers.length === 0) return 'no gateway\n';
  return answers.map(({ key, status }) => `${key} ${describe(status)}\n`).join('');
}

function describe(status: number): string {
  if (status === 200) return 'ok';
  return status === 0 ? 'does not answer' : `answers ${status}`;
}

function describeFailure(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EADDRINUSE':
      return 'is in use: stop what listens there, or give another port';
    case 'EACCES':
      return 'needs privileges: give a port from 1024 on';
    case 'EADDRNOTAVAIL':
      return 'is no address of this machine';
    default:
      return message;
  }
}
