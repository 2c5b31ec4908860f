// The peers as users run them: three processes that share an authority, and a phone between them.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

type Peer = 'exchange' | 'identity-provider' | 'phone';

describe('the command lines of the peers', () => {
  let folder: string;
  const running: ChildProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'peers-'));
  });
  afterEach(async () => {
    for (const child of running.splice(0)) {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    }
    await rm(folder, { recursive: true });
  });

  /** Arguments are separated by spaces. */
  function start(peer: Peer, args: string): ChildProcess {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, peer, 'main.ts'), ...args.split(' ').filter(Boolean)],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        cwd: folder,
      },
    );
    running.push(child);
    return child;
  }

  async function run(peer: Peer, args: string): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = start(peer, args);
    if (!child.stdout || !child.stderr) throw new Error('no output');
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    return { code: code as number, stdout, stderr };
  }

  /** Starts a peer and resolves once it has printed a line that holds `ready`. */
  async function serve(ready: string, peer: Peer, args: string): Promise<ChildProcess> {
    const child = start(peer, args);
    await said(child.stdout, ready);
    return child;
  }

  it.each(['exchange', 'identity-provider', 'phone'] as const)(
    'of the %s explain themselves',
    async (peer) => {
      const { code, stdout } = await run(peer, '--help');
      expect([code, stdout.includes(`node test/peers/${peer}/main.ts`)]).toEqual([0, true]);
    },
  );

  it.each<[string, Peer, string]>([
    ['--user', 'exchange', ''],
    ['--bogus', 'exchange', '--bogus'],
    ['--front-end', 'exchange', '--user a@b --front-end mbx1'],
    ['--users', 'identity-provider', '--users many'],
    ['--url', 'phone', '--user a@b'],
    ['--password', 'phone', '--url https://localhost --user a@b'],
    ['--mode', 'phone', '--url https://localhost --user a@b --oauth --mode pull'],
  ])('say what is wrong with %s and exit with 2', async (option, peer, args) => {
    const { code, stderr } = await run(peer, args);
    expect([code, stderr.split('\n', 1)[0]?.includes(option)]).toEqual([2, true]);
  });

  it('exit with 1 when a port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await run('exchange', `--user a@b --front-end x=${port} --front-end y=0`);
    other.close();
    expect([code, stderr.includes('EADDRINUSE')]).toEqual([1, true]);
  });

  it('bring mail from one end to the other', async () => {
    const [exchangePort, controlPort, providerPort] = [await freePort(), await freePort(), await freePort()];
    const provider = `https://localhost:${providerPort}`;
    const ports = `--front-end mbx1=${exchangePort} --control ${controlPort}`;
    await Promise.all([
      serve('authority:', 'identity-provider', `--users 2 --port ${providerPort}`),
      serve('control:', 'exchange', `--users 2 --identity-provider ${provider} --no-basic ${ports}`),
    ]);
    const control = `http://127.0.0.1:${controlPort}`;
    const url = `--url https://localhost:${exchangePort} --ca peers-ca/ca.crt`;
    const endpoints = `--sign-in-url ${provider}/common/oauth2/authorize --token-url ${provider}/common/oauth2/token`;
    const oauth = `--oauth --resource https://outlook.office365.com/ ${endpoints}`;
    const phones = start(
      'phone',
      `${url} --user user{n}@example.com --phones 2 --seconds 0 --print-mail --json ${oauth}`,
    );
    await expect
      .poll(async () => (await read(control, '/status')).openPolls.length, { timeout: 20_000 })
      .toBe(2);
    expect(await post(`${control}/deliver`, { user: 'user1@example.com', subject: 'hello' })).toBe(200);
    expect(await post(`${control}/deliver`, { user: 'nobody', subject: '' })).toBe(404);
    expect(await post(`${control}/faults`, { action: { kind: 'x' } })).toBe(400);
    expect(await post(`${control}/nothing`, {})).toBe(404);
    await said(phones.stderr, 'user1@example.com: hello');
    const ended = Promise.all([text(phones.stdout as Readable), once(phones, 'exit')]);
    phones.kill('SIGINT');
    const [report, [code]] = await ended;
    expect(JSON.parse(report)).toMatchObject({ phones: 2, lost: 0, signIns: 2, mailReceived: 1 });
    expect(code).toBe(0);
    expect(await read(control, '/violations')).toEqual([]);
    expect(JSON.stringify(await read(control, '/requests'))).not.toContain('Bearer ey');
    expect(await post(`${control}/front-ends/mbx1/kill`, {})).toBe(200);
    const alone = await run('phone', `${url} --user user1@example.com --password x --seconds 1 --attempts 1`);
    expect([alone.code, alone.stdout.includes('ECONNREFUSED')]).toEqual([1, true]);
  });

  it('play a kind of client at a kind of Exchange', async () => {
    const [exchangePort, controlPort] = [await freePort(), await freePort()];
    const control = `http://127.0.0.1:${controlPort}`;
    await serve(
      'control:',
      'exchange',
      `--kind 2019 --front-end mbx1=${exchangePort} --user alice@example.com:secret --control ${controlPort}`,
    );
    const phone = `--url https://localhost:${exchangePort} --ca peers-ca/ca.crt --user alice@example.com --password secret`;
    const played = await run('phone', `${phone} --client samsung-mail --seconds 1 --json`);
    expect([played.code, JSON.parse(played.stdout)]).toMatchObject([0, { lost: 0, provisionings: 1 }]);
    expect(JSON.stringify(await read(control, '/requests'))).toContain('SAMSUNG');
    expect(await read(control, '/violations')).toEqual([]);
    const wrong = await run('phone', `${phone} --client nobody`);
    expect([wrong.code, wrong.stderr.includes('ios-mail')]).toEqual([2, true]);
    expect((await run('exchange', '--kind 2013')).code).toBe(2);
  });
});

async function said(output: Readable | null, words: string): Promise<void> {
  if (!output) throw new Error('no output');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let seen = '';
  output.on('data', (piece: Buffer) => {
    seen += piece.toString();
    if (seen.includes(words)) resolve();
  });
  output.once('end', () => reject(new Error(`ended without "${words}": ${seen}`)));
  await promise;
}

async function read(control: string, path: string): Promise<{ openPolls: unknown[] }> {
  return (await (await fetch(`${control}${path}`)).json()) as { openPolls: unknown[] };
}

async function post(url: string, content: object): Promise<number> {
  return (await fetch(url, { method: 'POST', body: JSON.stringify(content) })).status;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
