import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { GatewayProcess } from './gateway-process.ts';

let directory: string;
let running: GatewayProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sentry-process-'));
});
afterEach(async () => {
  await running?.stop(0);
  running = undefined;
  await rm(directory, { recursive: true });
});

function start(script: string): GatewayProcess {
  running = new GatewayProcess({
    arguments: ['-e', script],
    directory,
    environment: process.env,
    endpoint: '127.0.0.1:443',
    log: pino({ level: 'silent' }),
    prepare: () => Promise.resolve(),
    onChange: () => undefined,
  });
  return running;
}

const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 20_000, interval: 20 });
const written = (name: string) => readFile(join(directory, name), 'utf8');
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it('starts a process again that was killed, and says why', async () => {
  const gateway = start('setInterval(() => {}, 1000)');
  const first = await until(() => gateway.pid ?? Promise.reject(new Error('not started')));
  process.kill(first, 'SIGKILL');
  await until(() => expect(gateway.pid).not.toBe(first));
  await until(() => expect(gateway.pid).toBeDefined());
  expect(gateway.restarts).toBe(1);
  expect(gateway.failure).toEqual({
    reason: 'Died',
    message: 'the gateway process was ended by SIGKILL; it is started again',
  });
  gateway.served();
  expect(gateway.failure).toBeUndefined();
});

it.each([
  [3, 'PortInUse', '127.0.0.1:443 is in use: stop what listens there, or change spec.port or --address'],
  [4, 'PortForbidden', expect.stringContaining('127.0.0.1:443 needs privileges: use a port from 1024 on')],
  [1, 'Died', 'the gateway process ended with exit code 1; it is started again'],
])('tells what exit code %i means', async (code, reason, message) => {
  const gateway = start(`process.exit(${code})`);
  await until(() => expect(gateway.failure).toEqual({ reason, message }));
});

it('drains a process when it is stopped, and does not start it again', async () => {
  const gateway = start(`
    process.on('SIGTERM', () => setTimeout(() => { fs.writeFileSync('drained', ''); process.exit(0); }, 100));
    fs.writeFileSync('ready', ''); setInterval(() => {}, 1000)`);
  await until(() => written('ready'));
  await gateway.stop(20_000);
  expect(await written('drained')).toBe('');
  expect(gateway.pid).toBeUndefined();
  expect(gateway.restarts).toBe(0);
});

it('kills a process that does not end in time', async () => {
  const gateway = start(`
    process.on('SIGTERM', () => {}); fs.writeFileSync('ready', ''); setInterval(() => {}, 1000)`);
  await until(() => written('ready'));
  const pid = gateway.pid ?? 0;
  await gateway.stop(50);
  expect(isAlive(pid)).toBe(false);
});

it('stops while it waits to start again', async () => {
  const gateway = start('process.exit(1)');
  await until(() => expect(gateway.restarts).toBeGreaterThan(1));
  await gateway.stop(20_000);
  expect(gateway.pid).toBeUndefined();
});

it('keeps the signals of a terminal from the process by a session of its own', async () => {
  const gateway = start(`
    fs.writeFileSync('group', String(process.ppid) + ' ' + fs.readFileSync('/proc/self/stat', 'utf8').split(' ')[4]);
    setInterval(() => {}, 1000)`);
  const [parent, group] = (await until(() => written('group'))).split(' ').map(Number);
  expect(parent).toBe(process.pid);
  expect(group).toBe(gateway.pid);
});
