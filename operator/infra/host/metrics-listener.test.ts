import { createServer } from 'node:net';
import { once } from 'node:events';
import { Gauge, Registry } from 'prom-client';
import { afterEach, expect, it } from 'vitest';
import type { ProbeAnswer } from './host.ts';
import { listenForMetrics } from './metrics-listener.ts';

let listening: AsyncDisposable | undefined;
afterEach(async () => {
  await listening?.[Symbol.asyncDispose]();
  listening = undefined;
});

async function freePort(): Promise<number> {
  await using server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

async function get(answers: ProbeAnswer[], path: string) {
  const port = await freePort();
  const registry = new Registry();
  new Gauge({ name: 'own', help: 'Own', registers: [registry] }).set(1);
  const probe = () => Promise.resolve(answers);
  listening = await listenForMetrics({ host: '127.0.0.1', port, registry, probe });
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: answer.status, text: await answer.text() };
}

const ok = (key: string, text = ''): ProbeAnswer => ({ key, status: 200, text });
const dead = (key: string): ProbeAnswer => ({ key, status: 0, text: 'connect ENOENT' });

it('merges the metrics of every gateway that answers with its own', async () => {
  const answers = [ok('default/mail', '# TYPE polls gauge\npolls 3\n'), dead('default/more')];
  expect(await get(answers, '/metrics')).toEqual({
    status: 200,
    text: '# HELP own Own\n# TYPE own gauge\nown 1\n# TYPE polls gauge\npolls{gateway="default/mail"} 3\n',
  });
});

it.each(['/healthz', '/readyz'])('answers %s with 200 when all gateways do', async (path) => {
  const answers = [ok('default/mail'), ok('default/more')];
  expect(await get(answers, path)).toEqual({ status: 200, text: 'default/mail ok\ndefault/more ok\n' });
});

it.each(['/healthz', '/readyz'])('answers %s with 503 and says which gateway does not', async (path) => {
  const answers = [ok('default/mail'), dead('default/more'), { key: 'default/third', status: 503, text: '' }];
  expect(await get(answers, path)).toEqual({
    status: 503,
    text: 'default/mail ok\ndefault/more does not answer\ndefault/third answers 503\n',
  });
});

it('is alive and not ready without any gateway', async () => {
  expect(await get([], '/healthz')).toEqual({ status: 200, text: 'no gateway\n' });
  await listening?.[Symbol.asyncDispose]();
  expect(await get([], '/readyz')).toEqual({ status: 503, text: 'no gateway\n' });
});

it('rejects when the port is in use', async () => {
  await using server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const options = { host: '127.0.0.1', port, registry: new Registry(), probe: () => Promise.resolve([]) };
  await expect(listenForMetrics(options)).rejects.toThrow(`--metrics-address 127.0.0.1:${port}: is in use`);
});
