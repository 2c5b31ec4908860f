// Session tickets over replicas: two processes share the key of their snapshot, and a new key or new terms end what came before.
import { randomBytes } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { CertificateAuthority, type Credentials } from '../../peers/certificates.ts';
import { GatewayProcess } from './gateway-process.ts';
import { type SketchedSnapshot, sketchSnapshot, type SnapshotSketch } from './snapshot-sketch.ts';
import { type ClientOptions, connectTls, exchangeHead, sessionOf } from './tls-client.ts';

type Version = Pick<ClientOptions, 'minVersion' | 'maxVersion'>;

const versions: Version[] = [{ maxVersion: 'TLSv1.2' }, { minVersion: 'TLSv1.3' }];
const servername = 'sentry.example.com';
const key = randomBytes(48);
let authority: CertificateAuthority;
let credentials: Credentials;
let replicas: GatewayProcess[];

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  credentials = await authority.issue({ names: [servername] });
});
beforeEach(async () => {
  replicas = await Promise.all([1, 2].map(() => GatewayProcess.start({ content: content({}) })));
});
afterEach(() => Promise.all(replicas.map((replica) => replica[Symbol.asyncDispose]())));

function content(
  change: Partial<SnapshotSketch>,
  listener: Partial<SnapshotSketch['listeners'][0]> = {},
): SketchedSnapshot {
  return sketchSnapshot({
    listeners: [{ credentials: [credentials], ...listener }],
    ticketKey: key,
    ...change,
  });
}

function replica(at: number): GatewayProcess {
  return replicas[at] as GatewayProcess;
}

function connect(at: number, version: Version, session?: Buffer): Promise<TLSSocket> {
  const { port } = replica(at);
  return connectTls({ ...version, port, servername, ca: authority.certificate, ...(session && { session }) });
}

async function newSession(at: number, version: Version): Promise<Buffer> {
  const socket = await connect(at, version);
  const session = await sessionOf(socket);
  socket.destroy();
  return session;
}

/** Whether a connection with this session resumes it; it works in either case. */
async function resumes(at: number, version: Version, session: Buffer): Promise<boolean> {
  const socket = await connect(at, version, session);
  const reused = socket.isSessionReused();
  expect(await exchangeHead(socket)).toContain('HTTP/1.1 404');
  socket.destroy();
  return reused;
}

test.each(versions)('of %j are good at every replica, and after a restart', async (version) => {
  const session = await newSession(0, version);
  expect([await resumes(1, version, session), await resumes(0, version, session)]).toEqual([true, true]);
  await replica(1)[Symbol.asyncDispose]();
  replicas[1] = await GatewayProcess.start({ content: content({}) });
  expect(await resumes(1, version, session)).toBe(true);
});

test.each(versions)('of %j are void once the key was rotated; open connections stay', async (version) => {
  const session = await newSession(0, version);
  const open = await Promise.all([connect(0, version), connect(1, version)]);
  const rotated = content({ ticketKey: randomBytes(48) });
  await replica(0).serve(rotated);
  expect([await resumes(0, version, session), await resumes(1, version, session)]).toEqual([false, true]);
  await replica(1).serve(rotated);
  expect(await resumes(1, version, session)).toBe(false);
  for (const socket of open) expect(await exchangeHead(socket)).toContain('HTTP/1.1 404');
  expect(await resumes(1, version, await newSession(0, version))).toBe(true);
  for (const socket of open) socket.destroy();
});

test('are void once the listener has other terms, and good again with the old ones', async () => {
  const version = { minVersion: 'TLSv1.3' } as const;
  const session = await newSession(0, version);
  await replica(1).serve(content({}, { minVersion: 'TLSv1.3' }));
  expect(await resumes(1, version, session)).toBe(false);
  await replica(1).serve(content({}));
  expect(await resumes(1, version, session)).toBe(true);
});
