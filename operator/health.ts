// Probes and metrics of the operator's own process.
import fastify from 'fastify';
import { collectDefaultMetrics, type Registry } from 'prom-client';

export interface Health extends AsyncDisposable {
  /** `http://host:port`. */
  readonly url: string;
  /** From now on /readyz is 200. */
  setReady(): void;
}

/** Listens on `host:port` and serves the registry's metrics, with those of the process. Rejects when the address cannot be had. */
export async function listenForHealth(address: string, registry: Registry): Promise<Health> {
  const [, host, port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(address) ?? [];
  if (host === undefined) throw new Error(`${address} is no address: use HOST:PORT`);
  collectDefaultMetrics({ register: registry });
  let ready = false;
  const server = fastify();
  server.get('/healthz', () => 'ok');
  server.get('/readyz', (_request, reply) =>
    ready ? reply.send('ok') : reply.code(503).send('not everything was read yet'),
  );
  server.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
  const url = await server.listen({ host, port: Number(port) });
  return {
    url,
    setReady: () => {
      ready = true;
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}
