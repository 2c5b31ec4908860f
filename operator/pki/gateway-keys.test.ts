import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  adminServerName,
  defaultLifetimes,
  ensureGatewayKeys,
  type Lifetimes,
  type WantedKeys,
} from './gateway-keys.ts';
import { MemoryKeyStore } from './memory-key-store.ts';

const DAY_MS = 24 * 3_600_000;
const signal = new AbortController().signal;
const start = new Date('2026-01-01T00:00:00Z');

const wanted: WantedKeys = {
  namespace: 'default',
  name: 'mail',
  listeners: [{ name: 'phones', hostnames: ['sentry.example.com'] }],
  admin: true,
};

/** A store and a clock that can be set to a number of days after the start. */
function world() {
  const store = new MemoryKeyStore();
  const at = (days: number, changes: Partial<WantedKeys> = {}, lifetimes: Lifetimes = defaultLifetimes) => {
    const clock = { now: () => new Date(start.getTime() + days * DAY_MS) };
    return ensureGatewayKeys({ ...wanted, ...changes }, { store, clock, signal, lifetimes });
  };
  return { store, at };
}

const subjects = (pem: string) =>
  (pem.match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map(
    (one) => new X509Certificate(one).subject,
  );

it('makes everything at first and nothing at all when asked again', async () => {
  const { at } = world();
  const first = await at(0);
  expect(first.changes.map(({ subject, reason }) => `${subject}: ${reason}`)).toEqual([
    'authority: Missing',
    'listener phones: Missing',
    'admin port: Missing',
    'operator: Missing',
    'ticket key: Missing',
  ]);
  expect(first.keys.ticketKey).toHaveLength(48);
  const again = await at(0.5);
  expect(again.changes).toEqual([]);
  expect(again.keys).toEqual(first.keys);
});

it('makes no keys of the admin port for a gateway on this machine', async () => {
  const { at, store } = world();
  const { keys, operator } = await at(0, { admin: false });
  expect(keys.admin).toBeUndefined();
  expect(operator).toBeUndefined();
  expect([...(await store.load(wanted, signal)).keys()]).toEqual([
    'ca.crt',
    'ca.key',
    'listener-phones.crt',
    'listener-phones.key',
    'ticket-key.json',
  ]);
});

it('issues the leaf of one listener anew when its host names change, under the same authority', async () => {
  const { at } = world();
  const first = await at(0);
  const renamed = [
    { name: 'phones', hostnames: ['new.example.com'] },
    { name: 'more', hostnames: ['more.example.com'] },
  ];
  const second = await at(0.5, { listeners: renamed });
  expect(second.changes.map(({ subject, reason }) => `${subject}: ${reason}`)).toEqual([
    'listener phones: NamesChanged',
    'listener more: Missing',
  ]);
  expect(second.keys.ca).toBe(first.keys.ca);
  const leaf = new X509Certificate(second.keys.listeners['phones']?.certificate ?? '');
  expect(leaf.checkHost('new.example.com')).toBe('new.example.com');
  expect(leaf.verify(new X509Certificate(second.keys.ca).publicKey)).toBe(true);
});

it('forgets the keys of a listener that is gone', async () => {
  const { at, store } = world();
  await at(0);
  await at(0.5, { listeners: [] });
  expect([...(await store.load(wanted, signal)).keys()]).not.toContain('listener-phones.key');
});

it('replaces the key of session tickets each day, and says to look again then', async () => {
  const { at } = world();
  const { nextCheck } = await at(0);
  expect(nextCheck.getTime()).toBe(start.getTime() + DAY_MS);
  expect((await at(0.9)).changes).toEqual([]);
  const { changes } = await at(1);
  expect(changes.map(({ subject }) => subject)).toEqual(['ticket key']);
});

it('replaces a key of session tickets that a wrong clock has made in the future', async () => {
  const { at } = world();
  await at(400);
  const { changes } = await at(0);
  expect(changes.map(({ subject, reason }) => `${subject}: ${reason}`)).toContain('ticket key: RenewalDue');
});

it('says when to look again: at two thirds of the life of what ends first', async () => {
  const { at } = world();
  const lifetimes = { ...defaultLifetimes, ticketKeyMs: 100 * DAY_MS };
  const { nextCheck } = await at(0, {}, lifetimes);
  expect((nextCheck.getTime() - start.getTime()) / DAY_MS).toBeCloseTo(60, 1);
});

it('renews leaves after two thirds of their life', async () => {
  const { at } = world();
  const first = await at(0);
  const second = await at(61);
  expect(second.changes.map(({ subject, reason }) => `${subject}: ${reason}`)).toEqual([
    'listener phones: RenewalDue',
    'admin port: RenewalDue',
    'operator: RenewalDue',
    'ticket key: RenewalDue',
  ]);
  expect(second.keys.listeners['phones']).not.toEqual(first.keys.listeners['phones']);
  expect(second.keys.ticketKey.equals(first.keys.ticketKey)).toBe(false);
});

it('publishes the next authority long before it signs, and the last one until it expires', async () => {
  const { at } = world();
  const first = await at(0);
  const [old = ''] = subjects(first.keys.ca);
  const issuer = (keys: typeof first.keys) =>
    new X509Certificate(keys.listeners['phones']?.certificate ?? '').issuer;

  const overlap = await at(2440);
  expect(overlap.changes[0]).toMatchObject({ subject: 'successor of the authority', reason: 'RenewalDue' });
  const [active, next = ''] = subjects(overlap.keys.ca);
  expect(active).toBe(old);
  expect(next).not.toBe(old);
  expect(issuer(overlap.keys)).toBe(old);

  const waiting = await at(2440.5);
  expect(waiting.changes).toEqual([]);
  expect(waiting.keys.ca).toBe(overlap.keys.ca);

  const taken = await at(2440 + 609);
  expect(taken.changes[0]).toMatchObject({ subject: 'authority', reason: 'RenewalDue' });
  expect(subjects(taken.keys.ca)).toEqual([next, old]);
  expect(issuer(taken.keys)).toBe(next);
  expect(taken.changes.map(({ subject }) => subject)).toContain('listener phones');

  const later = await at(3651);
  expect(subjects(later.keys.ca)).toEqual([next]);
});

it('lets the published successor sign at once when the authority is lost', async () => {
  const { at, store } = world();
  await at(0);
  const overlap = await at(2440);
  const [, next] = subjects(overlap.keys.ca);
  const entries = new Map(await store.load(wanted, signal));
  entries.delete('ca.key');
  await store.save(wanted, entries);
  const { keys } = await at(2440.5);
  expect(subjects(keys.ca)).toEqual([next]);
});

it('finds the authority by its key when a crash left a rotation half written', async () => {
  const { at, store } = world();
  await at(0);
  const overlap = await at(2440);
  const [old, next] = subjects(overlap.keys.ca);
  const before = await store.load(wanted, signal);
  await at(2440 + 609);
  const after = await store.load(wanted, signal);
  // ca.crt and ca.key are the new ones, ca-next.key was not removed yet.
  const torn = new Map([...after, ['ca-next.key', before.get('ca-next.key') ?? '']]);
  await store.save(wanted, torn);
  const { keys, changes } = await at(2440 + 609.5);
  expect(subjects(keys.ca)).toEqual([next, old]);
  expect(changes).toEqual([]);
});

it('replaces an entry that is rubbish and leaves the others', async () => {
  const { at, store } = world();
  const first = await at(0);
  const entries = new Map(await store.load(wanted, signal));
  entries.set('ticket-key.json', '{"key": 7}');
  entries.set('listener-phones.key', 'rubbish');
  await store.save(wanted, entries);
  const { keys, changes } = await at(0.5);
  expect(changes.map(({ subject, reason }) => `${subject}: ${reason}`)).toEqual([
    'listener phones: Unreadable',
    'ticket key: Missing',
  ]);
  expect(keys.ca).toBe(first.keys.ca);
});

it('names the admin port after the gateway', async () => {
  const { at } = world();
  const { keys } = await at(0);
  const certificate = new X509Certificate(keys.admin?.certificate ?? '');
  expect(certificate.checkHost(adminServerName(wanted))).toBe('mail.default.admin.sentrygateway.internal');
});
