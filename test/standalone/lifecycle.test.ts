// How standalone mode starts, keeps its processes running, and ends.
import { createServer } from 'node:net';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { configMap, documents, gateway, route } from './manifests.ts';
import { freePorts, sentry, Standalone } from './standalone-run.ts';
import { libraryDirectories } from '../../operator/infra/host/jemalloc.ts';
import { CertificateAuthority } from '../peers/certificates.ts';

async function withGateway(name = 'mail'): Promise<{ run: Standalone; port: number }> {
  const [port = 0] = await freePorts(1);
  const { certificate } = await CertificateAuthority.create();
  const manifests = documents(
    gateway(name, port),
    route('all', name, 1),
    configMap('exchange-ca', certificate),
  );
  return { run: await Standalone.create({ 'all.yaml': manifests }), port };
}

it('says on one line of stdout, and on nothing else of it, that the gateway serves; drains at SIGTERM and exits 0', async () => {
  const { run, port } = await withGateway();
  await using _ = run.start();
  await run.programmed('default/mail', port);
  expect(await run.get('/readyz')).toEqual({ status: 200, text: 'default/mail ok\n' });
  expect(await run.get('/healthz')).toEqual({ status: 200, text: 'default/mail ok\n' });
  expect((await run.get('/metrics')).text).toMatch(
    /^sentry_open_connections\{gateway="default\/mail"\} \d+$/m,
  );
  expect(await run.end('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(await run.gatewayProcesses()).toEqual([]);
  expect(run.stdout).toBe(`SentryGateway default/mail programmed: https://127.0.0.1:${port}\n`);
});

it('keeps private keys from everybody else, and from version control', async () => {
  const { run, port } = await withGateway();
  await using _ = run.start();
  await run.programmed('default/mail', port);
  const files = await readdir(join(run.directory, '.sentry'), { recursive: true, withFileTypes: true });
  const keys: string[] = [];
  for (const file of files.filter((entry) => entry.isFile())) {
    const path = join(file.parentPath, file.name);
    const secret = /PRIVATE KEY|"key"/.test(await readFile(path, 'utf8'));
    if (secret || file.name.endsWith('.key')) keys.push(path);
  }
  expect(keys.length).toBeGreaterThan(3);
  const modes = await Promise.all(keys.map(async (path) => (await stat(path)).mode & 0o777));
  expect(new Set(modes)).toEqual(new Set([0o600]));
  expect(await run.state('.gitignore')).toBe('*\n');
});

it('serves on when nobody reads its output any more', async () => {
  const { run, port } = await withGateway();
  await using _ = run.start();
  await run.programmed('default/mail', port);
  run.closeOutput();
  const [before = 0] = await run.gatewayProcesses();
  process.kill(before, 'SIGKILL');
  await run.until(async () => {
    const [after] = await run.gatewayProcesses();
    return after !== undefined && after !== before && (await run.get('/readyz')).status === 200;
  }, 'a new process that is ready');
  expect(await run.end()).toEqual({ code: 0, signal: null });
});

it('ends in the same way at SIGINT', async () => {
  const { run, port } = await withGateway();
  await using _ = run.start();
  await run.programmed('default/mail', port);
  expect(await run.end('SIGINT')).toEqual({ code: 0, signal: null });
});

it('starts a gateway process again that was killed, and keeps the same CA', async () => {
  const { run, port } = await withGateway();
  await using _ = run.start();
  await run.programmed('default/mail', port);
  const ca = await run.state('default', 'mail', 'ca.crt');
  const [before = 0] = await run.gatewayProcesses();
  process.kill(before, 'SIGKILL');
  await run.until(async () => {
    const [after] = await run.gatewayProcesses();
    return after !== undefined && after !== before && (await run.get('/readyz')).status === 200;
  }, 'a new process that is ready');
  expect((await run.get('/metrics')).text).toContain('sentry_gateway_restarts{gateway="default/mail"} 1\n');
  expect(await run.state('default', 'mail', 'ca.crt')).toBe(ca);
  expect(run.stderr).toContain('was ended by SIGKILL');
});

it('serves what it served last when a process finds its snapshot damaged at its start', async () => {
  const { run, port } = await withGateway();
  await using _ = run.start();
  await run.programmed('default/mail', port);
  const fallback = join(run.directory, '.sentry', 'default', 'mail', 'fallback', 'index.json');
  await run.until(() => existsSync(fallback), 'the copy of the last good snapshot');
  const [before = 0] = await run.gatewayProcesses();
  process.kill(before, 'SIGSTOP');
  await writeFile(join(run.directory, '.sentry', 'default', 'mail', 'snapshot', 'index.json'), '{}');
  process.kill(before, 'SIGKILL');
  await run.until(async () => (await run.get('/readyz')).status !== 200, 'the death of the process');
  await run.until(async () => (await run.get('/readyz')).status === 200, 'a new process that is ready');
  await run.until(() => run.stderr.includes('the snapshot is refused'), 'word of the damage');
  const served = '"from":"fallback","msg":"the snapshot is served"';
  await run.until(() => run.stderr.includes(served), 'word of what is served instead');
});

it('runs the gateway on jemalloc where that is installed', async () => {
  const { run, port } = await withGateway();
  await using _ = run.start();
  await run.programmed('default/mail', port);
  const [pid = 0] = await run.gatewayProcesses();
  const installed = libraryDirectories.some((directory) => existsSync(join(directory, 'libjemalloc.so.2')));
  expect((await readFile(`/proc/${pid}/maps`, 'utf8')).includes('libjemalloc.so.2')).toBe(installed);
  expect(run.stderr.includes('jemalloc was not found')).toBe(!installed);
});

it('leaves no gateway behind when it is killed itself, and starts again on the same ports', async () => {
  const { run, port } = await withGateway();
  await using _ = run.start();
  await run.programmed('default/mail', port);
  expect(await run.end('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
  run.start();
  await run.programmed('default/mail', port);
  expect(await run.gatewayProcesses()).toHaveLength(1);
});

it('ends with 1 and says why when the port is in use', async () => {
  const { run, port } = await withGateway();
  await using other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  await using _ = run.start();
  expect(await run.exit()).toEqual({ code: 1, signal: null });
  expect(run.stdout).toBe('');
  expect(run.stderr).toContain(`SentryGateway default/mail: 127.0.0.1:${port} is in use`);
  const shown = await sentry('status', run.directory, '-o', 'json');
  const [item] = (JSON.parse(shown.stdout) as { items: { status: { conditions: object[] } }[] }).items;
  expect(item?.status.conditions).toContainEqual(
    expect.objectContaining({ type: 'Accepted', status: 'False', reason: 'PortUnavailable' }),
  );
});

it('ends with 1 when two gateways want the same port', async () => {
  const [port = 0] = await freePorts(1);
  await using run = await Standalone.create({
    'a.yaml': gateway('one', port),
    'b.yaml': gateway('two', port),
  });
  run.start();
  expect(await run.exit()).toEqual({ code: 1, signal: null });
  expect(run.stderr).toContain('is in use');
});

it('ends with 1 when the metrics address is in use', async () => {
  const { run } = await withGateway();
  await using other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  await using _ = run.start('--metrics-address', `127.0.0.1:${port}`);
  expect(await run.exit()).toEqual({ code: 1, signal: null });
  expect(run.stderr).toContain(`--metrics-address 127.0.0.1:${port}`);
});

it('ends with 1 when no gateway can serve', async () => {
  await using empty = await Standalone.create();
  empty.start();
  expect(await empty.exit()).toEqual({ code: 1, signal: null });
  expect(empty.stderr).toContain('no gateway can be served');

  await using bad = await Standalone.create({ 'bad.yaml': gateway('mail', 70_000) });
  bad.start();
  expect(await bad.exit()).toEqual({ code: 1, signal: null });
  expect(bad.stderr).toContain(`${bad.directory}/bad.yaml:5: SentryGateway default/mail: spec.port: `);
});

it('ends with 1 when this machine does not have the address', async () => {
  const { run } = await withGateway();
  await using _ = run.start('--address', '192.0.2.1');
  expect(await run.exit()).toEqual({ code: 1, signal: null });
  expect(run.stderr).toContain('192.0.2.1');
});

it('refuses to work on a directory that another process works on', async () => {
  const { run, port } = await withGateway();
  await using _ = run.start();
  await run.programmed('default/mail', port);
  const second = await sentry('standalone', run.directory, '--metrics-address', '127.0.0.1:0');
  expect(second).toMatchObject({ code: 1, stdout: '' });
  expect(second.stderr).toContain(`process ${run.pid} works on this directory already`);
});

it('does not wait for the drain after a second signal', async () => {
  const { run, port } = await withGateway();
  await run.edit('all.yaml', (text) => text.replace('drain: {seconds: 1}', 'drain: {seconds: 3600}'));
  await using _ = run.start();
  await run.programmed('default/mail', port);
  const [pid = 0] = await run.gatewayProcesses();
  // A process that cannot move stands for one that drains long.
  process.kill(pid, 'SIGSTOP');
  process.kill(run.pid, 'SIGTERM');
  await run.until(() => run.stderr.includes('every gateway drains'), 'the drain');
  expect(await run.end('SIGTERM')).toEqual({ code: 1, signal: null });
});

it('works in a directory whose path is longer than that of a Unix socket may be', async () => {
  const { run, port } = await withGateway('a-gateway-with-a-name-of-40-characters-x');
  await using _ = run.start();
  await run.programmed('default/a-gateway-with-a-name-of-40-characters-x', port);
  expect((await run.get('/readyz')).status).toBe(200);
});
