// Snapshots that arrive badly: what cannot be used, and a volume that is full while they are written. Phones notice nothing.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { writeSlots } from '../../../gateway/config/directory.ts';
import { encodeSnapshot, INDEX_FILE } from '../../../gateway/config/files.ts';
import { CertificateAuthority, type Credentials } from '../../peers/certificates.ts';
import { GatewayProcess } from './gateway-process.ts';
import { type SketchedSnapshot, sketchSnapshot } from './snapshot-sketch.ts';
import { connectTls, exchangeHead } from './tls-client.ts';

let authority: CertificateAuthority;
let credentials: Credentials;
beforeAll(async () => {
  authority = await CertificateAuthority.create();
  credentials = await authority.issue({ names: ['sentry.example.com'] });
});

const snapshotTo = (url: string): SketchedSnapshot =>
  sketchSnapshot({
    listeners: [{ credentials: [credentials] }],
    routes: [{ servers: [{ name: 'mbx1', url }] }],
  });

async function expectServes({ port }: GatewayProcess): Promise<void> {
  const socket = await connectTls({ port, servername: 'sentry.example.com', ca: authority.certificate });
  expect(await exchangeHead(socket)).toContain('HTTP/1.1 404');
  socket.destroy();
}

test('a gateway that starts and cannot use the current snapshot serves the fallback, then the next good one', async () => {
  const fallback = snapshotTo('https://localhost:9');
  const unusable = snapshotTo('https://localhost:99999');
  await using gateway = await GatewayProcess.start({ fallback });
  const hash = await gateway.write(unusable);
  await gateway.logged('phones can connect');
  expect(await gateway.report()).toMatchObject({
    ready: true,
    snapshot: { generation: 0 },
    refused: { hash },
  });
  await expectServes(gateway);
  await gateway.serve(snapshotTo('https://localhost:10'));
  expect((await gateway.report()).refused).toBeNull();
});

/** A file system of so many KiB, or undefined where this machine lets nobody mount one. */
async function smallVolume(
  kibibytes: number,
): Promise<(AsyncDisposable & { readonly path: string }) | undefined> {
  const path = await mkdtemp(join(tmpdir(), 'volume-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    await rm(path, { recursive: true });
    return undefined;
  }
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      execFileSync('umount', [path]);
      await rm(path, { recursive: true });
    },
  };
}

test('a volume that is full while a snapshot is written keeps the last good one, and the next one that fits is served', async (context) => {
  await using volume = await smallVolume(64);
  if (volume === undefined) return context.skip('nothing can be mounted here');
  const directory = join(volume.path, 'snapshot');
  const write = ({ snapshot, files }: SketchedSnapshot, generation: number): Promise<void> =>
    writeSlots(directory, encodeSnapshot(snapshot, files, generation));
  await write(snapshotTo('https://localhost:9'), 1);
  const written = (await readdir(directory)).toSorted();
  await using gateway = await GatewayProcess.start({ flags: [`--snapshot=${directory}`] });
  await gateway.logged('phones can connect');
  const before = (await gateway.report()).snapshot;

  const tooLarge = snapshotTo('https://localhost:10');
  for (const name of ['a', 'b', 'c']) tooLarge.files.set(`file-${name}`, randomBytes(30_000));
  await expect(write(tooLarge, 2)).rejects.toMatchObject({ code: 'ENOSPC' });
  await sleep(600);
  expect(await gateway.report()).toMatchObject({ ready: true, snapshot: before, refused: null });
  await expectServes(gateway);
  expect((await readdir(directory)).toSorted()).toEqual(written);

  await write(snapshotTo('https://localhost:11'), 3);
  await gateway.until(async () => (await gateway.report()).snapshot?.generation === 3);
});

test('a writer that leaves files half written, whichever, changes nothing until they are whole', async () => {
  const first = snapshotTo('https://localhost:9');
  const second = snapshotTo('https://localhost:10');
  await using gateway = await GatewayProcess.start({ content: first });
  const before = (await gateway.report()).snapshot;
  const { hash, slots } = encodeSnapshot(second.snapshot, second.files, 2);
  const files = slots.flatMap((slot) => [...slot]).filter(([name]) => name !== INDEX_FILE);
  const index = slots[0]?.get(INDEX_FILE) ?? Buffer.alloc(0);
  // In place: not as `writeSlots` does it, but as a copy of a directory would.
  const put = (name: string, content: Buffer): Promise<void> =>
    writeFile(join(gateway.folder, 'snapshot', name), content);
  for (const [name, content] of files) await put(name, content.subarray(0, content.length / 2));
  await put(INDEX_FILE, index.subarray(0, index.length / 2));
  await gateway.logged('the snapshot is incomplete');
  await put(INDEX_FILE, index);
  for (const [name, content] of files) {
    await gateway.until(async () => ((await gateway.metric('sentry_ready')) ?? 0) === 1);
    expect(await gateway.report()).toMatchObject({ snapshot: before, refused: null });
    await put(name, content);
  }
  await gateway.until(async () => (await gateway.report()).snapshot?.hash === hash);
  expect(await gateway.metric('sentry_snapshot_reloads_total{result="refused"}')).toBe(0);
});
