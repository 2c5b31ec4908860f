import { randomBytes } from 'node:crypto';
import {
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority, type Credentials } from '../../test/peers/certificates.ts';
import { writeSlots } from './directory.ts';
import {
  type DecodedSnapshot,
  encodeSnapshot,
  type EncodedSnapshot,
  INDEX_FILE,
  type Slot,
  type SlotLimits,
} from './files.ts';
import type { Snapshot } from './snapshot.ts';
import { type WatchEvent, watchSnapshots } from './watcher.ts';

let credentials: Credentials;
let directory: string;
let abort: AbortController;
/** What the gateway would say. */
let serving: boolean;

beforeAll(async () => {
  const ca = await CertificateAuthority.create();
  credentials = await ca.issue({ names: ['sentry.example.com'] });
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'watcher-'));
  abort = new AbortController();
  serving = false;
});
afterEach(async () => {
  abort.abort();
  await rm(directory, { recursive: true });
});

/** A snapshot told apart by its drain time; `key` replaces the private key. */
function encoded(seconds: number, key = credentials.key, limits?: SlotLimits): EncodedSnapshot {
  const snapshot: Snapshot = {
    version: 2,
    gateway: { namespace: 'default', name: 'mail' },
    listeners: [
      {
        name: 'phones',
        hostnames: ['sentry.example.com'],
        certificates: [{ certificateFile: 'a.crt', keyFile: 'a.key' }],
        minVersion: 'TLSv1.2',
      },
    ],
    routes: [],
    ticketKeyFile: 'ticket.key',
    drain: { seconds, propagationSeconds: 5 },
    logging: { access: 'All', samplePercent: 10, identifiers: 'Hashed' },
  };
  const files = new Map([
    ['a.crt', Buffer.from(credentials.cert)],
    ['a.key', Buffer.from(key)],
    ['ticket.key', randomBytes(48)],
  ]);
  return encodeSnapshot(snapshot, files, seconds, limits);
}

function watch(path = directory, fallback?: string, pollMs = 5): AsyncGenerator<WatchEvent, void, void> {
  const isServing = (): boolean => serving;
  return watchSnapshots({
    directory: path,
    fallback,
    isServing,
    pollMs,
    patienceMs: 100,
    signal: abort.signal,
  });
}

async function next(events: AsyncGenerator<WatchEvent, void, void>): Promise<WatchEvent | undefined> {
  const { value } = await events.next();
  serving ||= value?.kind === 'accepted';
  return value ?? undefined;
}

describe('the watcher', () => {
  test('accepts each new content of a plain directory, and gives no event while it stays', async () => {
    const events = watch();
    await writeSlots(directory, encoded(1));
    expect(await next(events)).toMatchObject({ kind: 'accepted', decoded: { generation: 1 } });
    const second = next(events);
    await writeSlots(directory, encoded(2));
    expect(await second).toMatchObject({
      kind: 'accepted',
      decoded: { snapshot: { drain: { seconds: 2 } } },
    });
  });

  test('follows the links that the kubelet swaps, also to content with the same times', async () => {
    const one = encoded(1);
    const two = encoded(2);
    await mount(directory, one.slots, '..2026_01');
    for (const slot of [...one.slots, ...two.slots]) {
      for (const file of slot.keys())
        await symlink(join('..data', file), join(directory, file)).catch(() => undefined);
    }
    const events = watch();
    expect(await next(events)).toMatchObject({ kind: 'accepted', decoded: { generation: 1 } });
    await mount(directory, two.slots, '..2026_02');
    expect(await next(events)).toMatchObject({ kind: 'accepted', decoded: { generation: 2 } });
  });

  test('serves the old one until all slots are the new ones, in whatever order the kubelet refreshes them', async () => {
    const limits = { slots: 16, slotBytes: 800 };
    const one = encoded(1, credentials.key, limits);
    const two = encoded(2, credentials.key, limits);
    expect(two.slots.length).toBeGreaterThanOrEqual(3);
    for (const [at, order] of permutations(two.slots.map((_, slot) => slot)).entries()) {
      const volume = join(directory, `volume-${at}`);
      const mounted = [...one.slots];
      await mount(volume, mounted, '..1');
      const events = watch(join(volume, '..data'), undefined, 1);
      expect(await next(events)).toMatchObject({ kind: 'accepted', decoded: { generation: 1 } });
      const until2 = eventsUntilAccepted(events);
      for (const [step, slot] of order.entries()) {
        mounted[slot] = two.slots[slot] ?? new Map();
        await sleep(5);
        await mount(volume, mounted, `..2_${step}`);
      }
      const { decoded, before } = await until2;
      expect(decoded?.generation).toBe(2);
      expect(before.filter((kind) => kind !== 'incomplete')).toEqual([]);
      await events.return();
    }
  });

  test('waits while index and files do not belong together, and says so once', async () => {
    const one = encoded(1);
    await mkdir(join(directory, 'other'));
    await writeSlots(join(directory, 'other'), one);
    await copyFile(join(directory, 'other', INDEX_FILE), join(directory, INDEX_FILE));
    const events = watch();
    expect(await next(events)).toMatchObject({ kind: 'incomplete' });
    const accepted = next(events);
    await writeSlots(directory, one);
    const event = await accepted;
    expect(event?.kind === 'incomplete' ? await nextAccepted(events) : event).toMatchObject({
      kind: 'accepted',
    });
  });

  test('refuses a snapshot whose key is not that of its certificate, then accepts the next good one', async () => {
    await writeSlots(directory, encoded(1));
    const events = watch();
    expect(await next(events)).toMatchObject({ kind: 'accepted' });
    const ca = await CertificateAuthority.create();
    const bad = encoded(2, (await ca.issue({ names: ['other'] })).key);
    await writeSlots(directory, bad);
    expect(await next(events)).toMatchObject({
      kind: 'refused',
      hash: bad.hash,
      message: expect.stringContaining('the private key is not that of the certificate'),
    });
    await writeSlots(directory, encoded(3));
    expect(await next(events)).toMatchObject({ kind: 'accepted', decoded: { generation: 3 } });
  });

  test('accepts the last good one again after a bad one, so that the refusal ends', async () => {
    const good = encoded(1);
    await writeSlots(directory, good);
    const events = watch();
    expect(await next(events)).toMatchObject({ kind: 'accepted' });
    await writeFile(join(directory, INDEX_FILE), '{}');
    expect(await next(events)).toMatchObject({ kind: 'refused' });
    await writeSlots(directory, good);
    expect(await next(events)).toMatchObject({ kind: 'accepted', decoded: { hash: good.hash } });
  });

  test('does not take an index that is half written for a bad one', async () => {
    const good = encoded(1);
    await writeSlots(directory, good);
    const index = await readFile(join(directory, INDEX_FILE));
    const events = watch(directory);
    expect(await next(events)).toMatchObject({ kind: 'accepted' });
    const two = encoded(2);
    await writeSlots(join(directory, 'new'), two);
    for (const name of two.slots.slice(1).flatMap((slot) => Array.from(slot.keys()))) {
      await copyFile(join(directory, 'new', name), join(directory, name));
    }
    const whole = await readFile(join(directory, 'new', INDEX_FILE));
    expect(whole.equals(index)).toBe(false);
    const pending = eventsUntilAccepted(events);
    for (let length = 0; length <= whole.length; length += 50) {
      await writeFile(join(directory, INDEX_FILE), whole.subarray(0, length));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await truncate(join(directory, INDEX_FILE), 0);
    await writeFile(join(directory, INDEX_FILE), whole);
    const { decoded, before } = await pending;
    expect(decoded?.generation).toBe(2);
    expect(before.filter((kind) => kind !== 'incomplete')).toEqual([]);
  });

  test('starts from the fallback when the current one is bad, and leaves it for the next good one', async () => {
    const fallback = join(directory, 'fallback');
    const current = join(directory, 'current');
    await writeSlots(fallback, encoded(7));
    await mkdir(current);
    await writeFile(join(current, INDEX_FILE), '{}');
    const events = watch(current, fallback);
    expect(await next(events)).toMatchObject({ kind: 'refused', from: 'current' });
    expect(await next(events)).toMatchObject({
      kind: 'accepted',
      from: 'fallback',
      decoded: { generation: 7 },
    });
    await writeSlots(current, encoded(8));
    expect(await next(events)).toMatchObject({
      kind: 'accepted',
      from: 'current',
      decoded: { generation: 8 },
    });
  });

  test('starts from the fallback when the gateway cannot use the current one, though nothing is wrong with it', async () => {
    const fallback = join(directory, 'fallback');
    const current = join(directory, 'current');
    await writeSlots(fallback, encoded(7));
    await writeSlots(current, encoded(8));
    const events = watch(current, fallback);
    expect((await events.next()).value).toMatchObject({ kind: 'accepted', from: 'current' });
    expect(await next(events)).toMatchObject({ kind: 'accepted', from: 'fallback' });
    await writeSlots(current, encoded(9));
    expect(await next(events)).toMatchObject({ kind: 'accepted', decoded: { generation: 9 } });
  });

  test('starts with the first good one where the fallback is bad too', async () => {
    const [fallback, current] = [join(directory, 'fallback'), join(directory, 'current')];
    for (const path of [fallback, current]) {
      await mkdir(path);
      await writeFile(join(path, INDEX_FILE), '{}');
    }
    const events = watch(current, fallback);
    expect(await next(events)).toMatchObject({ kind: 'refused', from: 'current' });
    expect(await next(events)).toMatchObject({ kind: 'refused', from: 'fallback' });
    await writeSlots(current, encoded(8));
    expect(await next(events)).toMatchObject({ kind: 'accepted', from: 'current' });
  });

  test('starts from the fallback when there is no current one, once its patience is over', async () => {
    const fallback = join(directory, 'fallback');
    await writeSlots(fallback, encoded(7));
    const events = watch(join(directory, 'missing'), fallback);
    expect(await next(events)).toMatchObject({ kind: 'incomplete' });
    expect(await next(events)).toMatchObject({ kind: 'accepted', from: 'fallback' });
  });

  test('ends when it is aborted', async () => {
    const events = watch();
    expect(await next(events)).toMatchObject({ kind: 'incomplete' });
    const ended = events.next();
    abort.abort();
    expect((await ended).done).toBe(true);
  });
});

async function nextAccepted(events: AsyncGenerator<WatchEvent, void, void>): Promise<WatchEvent | undefined> {
  for await (const event of events) if (event.kind === 'accepted') return event;
  return undefined;
}

function permutations<T>(values: readonly T[]): T[][] {
  if (values.length <= 1) return [[...values]];
  return values.flatMap((value, at) => permutations(values.toSpliced(at, 1)).map((rest) => [value, ...rest]));
}

/** The next snapshot that is accepted, and the kinds of the events before it. */
async function eventsUntilAccepted(
  events: AsyncGenerator<WatchEvent, void, void>,
): Promise<{ decoded: DecodedSnapshot | undefined; before: string[] }> {
  const before: string[] = [];
  for (let event = await next(events); event !== undefined; event = await next(events)) {
    if (event.kind === 'accepted') return { decoded: event.decoded, before };
    before.push(event.kind);
  }
  return { decoded: undefined, before };
}

/** Shows the slots as one volume, as the kubelet does: a new folder, and then a link to it. */
async function mount(volume: string, slots: readonly Slot[], name: string): Promise<void> {
  await mkdir(join(volume, name), { recursive: true });
  for (const [file, content] of slots.flatMap((slot) => [...slot])) {
    await writeFile(join(volume, name, file), content);
  }
  await symlink(name, join(volume, '..data_tmp'));
  await rename(join(volume, '..data_tmp'), join(volume, '..data'));
}
