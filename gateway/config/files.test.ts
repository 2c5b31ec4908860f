import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeSnapshot,
  encodeSnapshot,
  INDEX_FILE,
  type Slot,
  snapshotHash,
  SnapshotTooLargeError,
} from './files.ts';
import type { Snapshot, SnapshotFiles, SnapshotRoute } from './snapshot.ts';

function route(name: string, users: string[] = []): SnapshotRoute {
  return {
    namespace: 'default',
    name,
    listeners: ['phones'],
    match: { users, deviceTypes: [], domains: [] },
    servers: [{ name: 'mbx1', url: 'https://mbx1.corp.example.com', priority: 0 }],
    serverTLS: {},
    authentication: { type: 'PassThrough' },
    redirects: { policy: 'Rewrite' },
    limits: { maxRequestBytes: 30_000_000 },
    timeouts: {
      connectSeconds: 5,
      firstByteSeconds: 120,
      idleSeconds: 60,
      pollSeconds: 3600,
      keepAliveSeconds: 120,
    },
  };
}

function snapshot(routes: SnapshotRoute[], seconds = 60): Snapshot {
  return {
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
    routes,
    ticketKeyFile: 'ticket.key',
    drain: { seconds, propagationSeconds: 5 },
    logging: { access: 'All', samplePercent: 10, identifiers: 'Hashed' },
  };
}

const merge = (slots: readonly Slot[]): Map<string, Buffer> => new Map(slots.flatMap((slot) => [...slot]));

/** The same value with the keys of its objects in another order. */
function reordered<T>(value: T): T {
  if (Array.isArray(value)) return value.map(reordered) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, reordered(member)]),
  ) as T;
}

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
const routes = fc
  .uniqueArray(label, { maxLength: 20 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name) => fc.array(fc.string({ minLength: 1 })).map((users) => route(name, users))),
    ),
  );
const files = fc
  .dictionary(fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/), fc.uint8Array({ maxLength: 4000 }), {
    maxKeys: 12,
  })
  .map(
    (entries): SnapshotFiles =>
      new Map(Object.entries(entries).map(([name, bytes]) => [name, Buffer.from(bytes)])),
  );
const content = fc.record({ routes, files, seconds: fc.integer({ min: 1, max: 600 }) });
const limits = { slots: 1000, slotBytes: 6000 };

describe('a snapshot', () => {
  test('comes back as it was, whatever the order in which its slots and files are read', () => {
    fc.assert(
      fc.property(
        content,
        fc.nat(),
        fc.infiniteStream(fc.double({ noNaN: true })),
        (given, generation, order) => {
          const wanted = snapshot(given.routes, given.seconds);
          const { hash, slots } = encodeSnapshot(wanted, given.files, generation, limits);
          const keyed = [...merge(slots)].map((entry) => [order.next().value ?? 0, entry] as const);
          const shuffled = new Map(keyed.toSorted(([a], [b]) => a - b).map(([, entry]) => entry));
          const decoded = decodeSnapshot(shuffled);
          expect(decoded).toEqual({
            kind: 'ok',
            version: 1,
            snapshot: wanted,
            files: given.files,
            generation,
            hash,
          });
        },
      ),
    );
  });

  test('fills each slot to its limit at most, names no file twice, and keeps the index alone in the first', () => {
    fc.assert(
      fc.property(content, (given) => {
        const { slots } = encodeSnapshot(snapshot(given.routes), given.files, 1, limits);
        expect([...(slots[0]?.keys() ?? [])]).toEqual([INDEX_FILE]);
        const names = slots.flatMap((slot) => [...slot.keys()]);
        expect(new Set(names).size).toBe(names.length);
        for (const slot of slots) {
          const bytes = [...slot].reduce((sum, [name, { length }]) => sum + name.length + length, 0);
          expect(bytes).toBeLessThanOrEqual(limits.slotBytes);
        }
      }),
    );
  });

  test('has the same hash exactly when the content is the same', () => {
    fc.assert(
      fc.property(content, content, (one, other) => {
        const hash = encodeSnapshot(snapshot(one.routes, one.seconds), one.files, 1, limits).hash;
        const again = snapshotHash(
          reordered(snapshot(one.routes, one.seconds)),
          new Map([...one.files].toReversed()),
        );
        expect(again).toBe(hash);
        const different = encodeSnapshot(snapshot(other.routes, other.seconds), other.files, 1, limits).hash;
        const text = (given: typeof one): string => {
          const byName = [...given.files].toSorted(([a], [b]) => (a < b ? -1 : 1));
          return JSON.stringify([given.routes, given.seconds, byName]);
        };
        const same = text(one) === text(other);
        expect(different === hash).toBe(same);
      }),
    );
  });

  test('is incomplete while any file is missing, cut short or of another snapshot', () => {
    fc.assert(
      fc.property(content, fc.nat(), fc.nat(), (given, which, length) => {
        const { slots } = encodeSnapshot(snapshot(given.routes, given.seconds), given.files, 1, limits);
        const whole = merge(slots);
        const name = [...whole.keys()].filter((key) => key !== INDEX_FILE)[which % (whole.size - 1)] ?? '';
        const bytes = whole.get(name) ?? Buffer.alloc(0);
        const without = new Map(whole);
        without.delete(name);
        expect(decodeSnapshot(without).kind).toBe('incomplete');
        const changed = bytes.length === 0 ? Buffer.from('x') : bytes.subarray(0, length % bytes.length);
        expect(decodeSnapshot(new Map(whole).set(name, changed)).kind).toBe('incomplete');
        without.delete(INDEX_FILE);
        expect(decodeSnapshot(without).kind).toBe('incomplete');
      }),
    );
  });

  test('is incomplete while its index is cut short, wherever', () => {
    const whole = encodeAnyway(snapshot([route('one')]));
    const index = whole.get(INDEX_FILE) ?? Buffer.alloc(0);
    for (let length = 0; length < index.length; length++) {
      const cut = new Map(whole).set(INDEX_FILE, index.subarray(0, length));
      expect(decodeSnapshot(cut)).toEqual({ kind: 'incomplete', message: 'index.json is cut short' });
    }
  });

  test("is incomplete while any two of its files have each other's content", () => {
    fc.assert(
      fc.property(content, fc.nat(), fc.nat(), (given, one, other) => {
        const { slots } = encodeSnapshot(snapshot(given.routes, given.seconds), given.files, 1, limits);
        const whole = merge(slots);
        const names = [...whole.keys()].filter((name) => name !== INDEX_FILE);
        const [a = '', b = ''] = [names[one % names.length], names[other % names.length]];
        const [contentOfA = Buffer.alloc(0), contentOfB = Buffer.alloc(0)] = [whole.get(a), whole.get(b)];
        fc.pre(!contentOfA.equals(contentOfB));
        const swapped = new Map(whole).set(a, contentOfB).set(b, contentOfA);
        expect(decodeSnapshot(swapped).kind).toBe('incomplete');
      }),
    );
  });

  test('is the old one, the new one or incomplete, never bad, whichever of its slots are already the new ones', () => {
    fc.assert(
      fc.property(content, content, fc.array(fc.boolean()), (old, next, updated) => {
        const before = encodeSnapshot(snapshot(old.routes, old.seconds), old.files, 1, limits);
        const after = encodeSnapshot(snapshot(next.routes, next.seconds), next.files, 2, limits);
        const count = Math.max(before.slots.length, after.slots.length);
        const mixed = Array.from({ length: count }, (_, at) => (updated[at] ? after : before).slots[at]);
        const decoded = decodeSnapshot(merge(mixed.filter((slot) => slot !== undefined)));
        const outcome = decoded.kind === 'ok' ? decoded.generation : decoded.kind;
        expect([updated[0] ? 2 : 1, 'incomplete']).toContain(outcome);
      }),
    );
  });

  test('is never a mixture: the index of one with the files of another is incomplete, beside each other it is the one of the index', () => {
    fc.assert(
      fc.property(content, content, (old, next) => {
        const before = encodeSnapshot(snapshot(old.routes, old.seconds), old.files, 1, limits);
        const after = encodeSnapshot(snapshot(next.routes, next.seconds), next.files, 2, limits);
        fc.pre(before.hash !== after.hash);
        const mixed = new Map([...merge(before.slots), ...merge(after.slots.slice(0, 1))]);
        const decoded = decodeSnapshot(mixed);
        expect(decoded.kind === 'ok' ? decoded.hash : decoded.kind).toSatisfy((verdict) =>
          [after.hash, 'incomplete'].includes(verdict),
        );
        const both = new Map([...merge(before.slots), ...merge(after.slots)]);
        expect(decodeSnapshot(both)).toMatchObject({ kind: 'ok', hash: after.hash, generation: 2 });
      }),
    );
  });

  test('with 20,000 routes fits into few slots', () => {
    const many = Array.from({ length: 20_000 }, (_, at) => route(`route-${at}`, [`user-${at}@example.com`]));
    const { slots } = encodeSnapshot(snapshot(many), new Map(), 1);
    expect(slots.length).toBeLessThan(6);
    expect(decodeSnapshot(merge(slots))).toMatchObject({ kind: 'ok', snapshot: { routes: many } });
  });

  test('that does not fit is refused with a code', () => {
    const bundle = new Map([['ca.crt', randomBytes(1_000_000)]]);
    expect(() => encodeSnapshot(snapshot([]), bundle, 1)).toThrow(SnapshotTooLargeError);
    const bundles = new Map(
      Array.from({ length: 20 }, (_, at) => [`ca-${at}.crt`, randomBytes(800_000)] as const),
    );
    expect(() => encodeSnapshot(snapshot([]), bundles, 1)).toThrow(
      expect.objectContaining({ code: 'SnapshotTooLarge', message: expect.stringContaining('21 slots') }),
    );
  });
});

/** Writes an index that fits the files, whatever is in them. */
function encodeAnyway(value: unknown): Map<string, Buffer> {
  return merge(encodeSnapshot(value as Snapshot, new Map(), 1).slots);
}

describe('a bad snapshot', () => {
  test('is named with the path of what is wrong', () => {
    const wrong = { ...snapshot([]), drain: { seconds: 0, propagationSeconds: 5 } };
    expect(decodeSnapshot(encodeAnyway(wrong))).toMatchObject({
      kind: 'bad',
      message: expect.stringContaining('drain.seconds'),
    });
  });

  test('with a field that this gateway does not know is refused', () => {
    const wrong = { ...snapshot([]), surprise: true };
    expect(decodeSnapshot(encodeAnyway(wrong))).toMatchObject({
      kind: 'bad',
      message: expect.stringContaining('surprise'),
    });
  });

  test('of a newer version says so', () => {
    const index = JSON.parse(encodeAnyway(snapshot([])).get(INDEX_FILE)?.toString() ?? '') as object;
    const newer = new Map([[INDEX_FILE, Buffer.from(JSON.stringify({ ...index, version: 3, more: true }))]]);
    expect(decodeSnapshot(newer)).toMatchObject({
      kind: 'bad',
      message: 'snapshot version 3 is not one that this gateway reads (1 and 2)',
    });
  });

  test.each(['{}', '[]', 'null', '{"version":1}'])('is one whose index is %j', (text) => {
    expect(decodeSnapshot(new Map([[INDEX_FILE, Buffer.from(text)]]))).toMatchObject({ kind: 'bad' });
  });
});
