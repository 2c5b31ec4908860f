// Each kind of client is played as its data says, and every trait names its source.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CertificateAuthority } from '../../certificates.ts';
import { Exchange } from '../../exchange/exchange.ts';
import { KINDS } from '../../exchange/kinds.ts';
import { statusOnly } from '../../exchange/transaction.ts';
import { misbehave } from '../misbehave.ts';
import { Phone, type PhoneOptions } from '../phone.ts';
import { pushLoop } from '../push-loop.ts';
import { setUp } from '../set-up.ts';
import { clientOf, CLIENTS } from './clients.ts';
import type { ClientProfile, Reaction, Situation } from './profile.ts';

const SOURCE = /^(?:https:\/\/\S+|spec: \S.*|assumed)$/;

/** Every `{value, source}` of a profile or kind, with its path. */
function traitsOf(data: object, path = ''): (readonly [path: string, source: unknown])[] {
  if ('value' in data) return [[path, 'source' in data ? data.source : undefined]];
  return Object.entries(data).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return traitsOf(value, `${path}/${name}`);
    }
    return /^(?:name|kind|title)$/.test(name) ? [] : [[`${path}/${name}`, undefined] as const];
  });
}

describe('the traits', () => {
  it.each([
    ...CLIENTS.map((each) => [each.title, each] as const),
    ...Object.values(KINDS).map((each) => [each.title, each] as const),
  ])('of %s each name a public page, a place of the specification, or the word assumed', (_, data) => {
    const traits = traitsOf(data);
    expect(traits.length).toBeGreaterThan(9);
    for (const [path, source] of traits)
      expect([path, source]).toEqual([path, expect.stringMatching(SOURCE)]);
  });
});

describe('a client', () => {
  let authority: CertificateAuthority;
  let exchange: Exchange;
  const phones: Phone[] = [];

  beforeAll(async () => {
    authority = await CertificateAuthority.create();
  });
  beforeEach(async () => {
    exchange = await Exchange.start({
      authority,
      kind: '2019',
      timeScale: 0.01,
      users: [{ name: 'alice@example.com', password: 'secret' }],
    });
  });
  afterEach(() => {
    for (const phone of phones.splice(0)) phone.close();
    exchange.close();
  });

  function phoneOf(client: ClientProfile, options: Partial<PhoneOptions> = {}): Phone {
    const phone = new Phone({
      url: exchange.frontEnd().url,
      ca: authority.certificate,
      user: 'alice@example.com',
      password: 'secret',
      client,
      ...options,
    });
    phones.push(phone);
    return phone;
  }

  const asked = (): (string | undefined)[] =>
    exchange.organisation.journal.requests.map(({ command }) => command);

  it.each(CLIENTS.map((each) => [each.name, each] as const))(
    '%s sets its account up in its own sequence',
    async (_, client) => {
      const phone = phoneOf(client);
      await setUp(phone, client);
      const played = asked().filter((command, at, all) => command !== all[at - 1]);
      const due = client.sequence.value.filter((step) => !['Autodiscover', 'SignIn', 'Ping'].includes(step));
      expect(played).toEqual(due);
      expect(phone.protocolVersion).toBe(client.versions.value.at(-1));
      const breaches = exchange.violations.filter(({ rule }) => !client.breaches.value.includes(rule));
      expect(breaches).toEqual([]);
    },
  );

  /** What a client asks that gets such an answer to its Settings. */
  const DUE: Partial<Record<Reaction, readonly string[]>> = {
    provision: ['repeated', 'Settings', 'Provision', 'Provision', 'Settings'],
    wipe: ['repeated', 'Settings', 'Provision', 'Provision', 'Settings'],
    'ask versions': ['repeated', 'Settings', 'OPTIONS', 'Settings'],
    'repeat at once': ['repeated', 'Settings', 'Settings'],
  };

  /** The answer that puts a client into a situation. */
  function inSituation(situation: Situation, times: number): void {
    const [, status] = situation.split(' ');
    const document = status === undefined ? undefined : statusOnly('Settings', Number(status));
    exchange.organisation.faults.add({
      match: { command: 'Settings' },
      times,
      action: {
        kind: 'answer',
        status: document === undefined ? Number(situation) : 200,
        headers: document?.headers ?? (situation === '503' ? [['Retry-After', '1']] : []),
        body: document === undefined ? '' : (document.body as Buffer).toString('latin1'),
      },
    });
  }

  const provisioned = CLIENTS.filter(({ versions }) => Number(versions.value.at(-1)) >= 14);
  const pairs = provisioned.flatMap((client) =>
    (Object.keys(client.reactions) as Situation[]).map(
      (situation) => [client.name, client.reactions[situation].value, situation, client] as const,
    ),
  );

  it.each(pairs)('%s does «%s» at %s', async (_, reaction, situation, client) => {
    const phone = phoneOf(client);
    await setUp(phone, client);
    exchange.organisation.journal.clear();
    inSituation(situation, 1);
    const outcome = await phone.settings().then(
      () => 'repeated',
      () => 'gave up',
    );
    expect([outcome, ...asked()]).toEqual(DUE[reaction] ?? ['gave up', 'Settings']);
  });

  it.each([
    ['ios-mail', '503', true],
    ['windows-mail', '503', true],
    ['ios-mail', 'status 129', false],
    ['ios-mail', 'status 177', false],
    ['rude', 'status 129', true],
  ] as const)('%s that polls and is told %s comes back: %s', async (name, situation, comesBack) => {
    const client = clientOf(name) as ClientProfile;
    const phone = phoneOf(client);
    await setUp(phone, client);
    const [, status] = situation.split(' ');
    exchange.organisation.journal.clear();
    const document = statusOnly('Ping', Number(status ?? 0));
    exchange.organisation.faults.add({
      match: { command: 'Ping' },
      times: 1,
      action: {
        kind: 'answer',
        ...(status === undefined
          ? { status: 503, headers: [['Retry-After', '1']] }
          : { status: 200, headers: document.headers, body: (document.body as Buffer).toString('latin1') }),
      },
    });
    const stop = new AbortController();
    const loop = pushLoop(phone, { signal: stop.signal, timeScale: 0.01 });
    const pings = (): number => asked().filter((command) => command === 'Ping').length;
    await Promise.race([loop, exchange.organisation.journal.until(() => pings() >= 2)]);
    expect(pings() >= 2).toBe(comesBack);
    stop.abort();
    await loop;
  });

  it.each(['abort', 'second ping', 'wrong length'] as const)(
    'rude can do «%s», and the server lives',
    async (way) => {
      const client = clientOf('rude') as ClientProfile;
      const phone = phoneOf(client);
      await setUp(phone, client);
      await misbehave(phone, way);
      await sleep(0);
      await exchange.organisation.journal.until(({ openPolls }) => openPolls.length === 0);
      await phone.folderSync();
    },
  );

  it.each(CLIENTS.filter(({ name }) => name !== 'rude').map((each) => [each.name, each] as const))(
    '%s gives its device the same id for the same number, in the form of its kind',
    (_, client) => {
      const [one, same, other] = [
        phoneOf(client, { number: 1 }),
        phoneOf(client, { number: 1 }),
        phoneOf(client, { number: 2 }),
      ];
      const { prefix, length } = client.deviceId.value;
      expect(one.deviceId).toBe(same.deviceId);
      expect(one.deviceId.startsWith(prefix)).toBe(true);
      expect(one.deviceId).toHaveLength(prefix.length + length);
      expect(one.deviceId).not.toBe(other.deviceId);
    },
  );
});
