import { beforeEach, describe, expect, test } from 'vitest';
import { type Balancing, hashText } from './balancing.ts';
import type { Endpoint } from './endpoint.ts';
import { type HealthChanges, ServerHealth } from './health.ts';
import { type ChoiceOptions, ServerChoice } from './server-choice.ts';

let now: number;
let changes: HealthChanges;

beforeEach(() => {
  now = 1_000_000;
  changes = { count: 0 };
});

/** A server whose load the test sets; its health is the real one. */
class Server {
  readonly name: string;
  readonly priority: number;
  readonly weight: number;
  readonly health = new ServerHealth({ clock: { now: () => now }, onChange: () => changes.count++ });
  readonly pool = { active: 0 };

  constructor(name: string, { priority = 0, weight = 1 } = {}) {
    this.name = name;
    this.priority = priority;
    this.weight = weight;
  }

  get endpoint(): Endpoint {
    return this as unknown as Endpoint;
  }

  goDown(): void {
    for (let i = 0; i < 2; i++) this.health.connectFailed('refused');
  }

  recover(): void {
    now += 10_000;
    for (let i = 0; i < 2; i++) this.health.probeSucceeded();
  }

  degrade(): void {
    now++;
    for (const user of ['a', 'b', 'c']) this.health.answered(true, user);
  }
}

class Route {
  readonly servers: readonly Server[];
  readonly choice: ServerChoice;

  constructor(
    balancing: Balancing,
    servers: readonly Server[],
    options: Partial<Omit<ChoiceOptions, 'servers' | 'balancing'>> = {},
  ) {
    this.servers = servers;
    this.choice = new ServerChoice({ clock: { now: () => now }, changes, balancing, servers, ...options });
  }

  next(user = '', tried: readonly Server[] = []): string | undefined {
    return this.choice.choose(
      hashText(user),
      tried.map(({ endpoint }) => endpoint),
    )?.name;
  }

  /** How often each is chosen; with `holding` each request stays under way. */
  spread(requests: number, holding = false): Record<string, number> {
    const counts: Record<string, number> = {};
    for (let i = 0; i < requests; i++) {
      const name = this.next(`user${i}@example.com`) ?? 'none';
      counts[name] = (counts[name] ?? 0) + 1;
      const server = this.servers.find((one) => one.name === name);
      if (holding && server !== undefined) server.pool.active++;
    }
    return counts;
  }

  homes(users: number): string[] {
    return Array.from({ length: users }, (_, i) => this.next(`user${i}@example.com`) ?? '');
  }
}

const three = (weights: readonly number[] = [1, 1, 1]): Server[] =>
  weights.map((weight, i) => new Server(`mbx${i + 1}`, { weight }));

describe('by priority', () => {
  const make = (): [Route, Server, Server, Server] => {
    const [dr, mbx1, mbx2] = [new Server('dr', { priority: 1 }), new Server('mbx1'), new Server('mbx2')];
    return [new Route('Priority', [dr, mbx1, mbx2]), dr, mbx1, mbx2];
  };

  test('the first one takes everything, and each is asked once for a request', () => {
    const [route, dr, mbx1, mbx2] = make();
    expect(route.spread(10)).toEqual({ mbx1: 10 });
    expect(route.next('', [mbx1])).toBe('mbx2');
    expect(route.next('', [mbx1, mbx2])).toBe('dr');
    expect(route.next('', [mbx1, mbx2, dr])).toBeUndefined();
  });

  test('servers that are down are left out', () => {
    const [route, dr, mbx1, mbx2] = make();
    mbx1.goDown();
    expect(route.next()).toBe('mbx2');
    mbx2.goDown();
    expect(route.next()).toBe('dr');
    dr.goDown();
    expect(route.next()).toBeUndefined();
    expect(route.choice.isFull).toBe(false);
  });

  test('a degraded server is the last resort', () => {
    const [route, dr, mbx1, mbx2] = make();
    mbx1.degrade();
    mbx2.goDown();
    expect(route.next()).toBe('dr');
    expect(route.next('', [dr])).toBe('mbx1');
  });

  test('a server that returned takes a growing share while it starts slowly, and all where no other is left', () => {
    const [mbx1, dr] = [new Server('mbx1'), new Server('dr', { priority: 1 })];
    const route = new Route('Priority', [mbx1, dr], { slowStartMs: 100_000 });
    expect(route.spread(10)).toEqual({ mbx1: 10 });
    mbx1.goDown();
    expect(route.spread(10)).toEqual({ dr: 10 });
    mbx1.recover();
    expect(route.spread(1000)['mbx1']).toBeGreaterThan(90);
    expect(route.spread(1000)['mbx1']).toBeLessThan(110);
    now += 50_000;
    expect(route.spread(1000)['mbx1']).toBeGreaterThan(490);
    expect(route.spread(1000)['mbx1']).toBeLessThan(510);
    expect(route.next('', [dr])).toBe('mbx1');
    now += 50_000;
    expect(route.spread(10)).toEqual({ mbx1: 10 });
  });
});

describe('one after the other', () => {
  test('each gets its share by weight, spread evenly', () => {
    const route = new Route('RoundRobin', three([2, 1, 1]));
    expect(Array.from({ length: 8 }, () => route.next()).join(' ')).toBe(
      'mbx1 mbx2 mbx3 mbx1 mbx1 mbx2 mbx3 mbx1',
    );
  });

  test('only those of the best priority are asked', () => {
    const route = new Route('RoundRobin', [...three(), new Server('dr', { priority: 1 })]);
    expect(route.spread(9)).toEqual({ mbx1: 3, mbx2: 3, mbx3: 3 });
    for (const server of route.servers.slice(0, 3)) server.goDown();
    expect(route.spread(9)).toEqual({ dr: 9 });
  });

  test('one that was tried in vain is passed over', () => {
    const servers = three();
    const route = new Route('RoundRobin', servers);
    expect(new Set(Array.from({ length: 6 }, () => route.next('', servers.slice(0, 1))))).toEqual(
      new Set(['mbx2', 'mbx3']),
    );
  });

  test('one that returned gets a growing share', () => {
    const servers = three([1, 1]);
    const route = new Route('RoundRobin', servers, { slowStartMs: 100_000 });
    servers[0]?.goDown();
    expect(route.spread(10)).toEqual({ mbx2: 10 });
    servers[0]?.recover();
    now += 25_000;
    expect(route.spread(1000)).toEqual({ mbx1: 200, mbx2: 800 });
    now += 75_000;
    expect(route.spread(1000)).toEqual({ mbx1: 500, mbx2: 500 });
  });
});

describe('by the fewest requests under way', () => {
  test('polls that stay open are spread by weight', () => {
    const route = new Route('LeastRequests', three([2, 1, 1]));
    expect(route.spread(400, true)).toEqual({ mbx1: 200, mbx2: 100, mbx3: 100 });
  });

  test('a server that got rid of its requests takes the next ones', () => {
    const servers = three();
    const route = new Route('LeastRequests', servers);
    route.spread(300, true);
    const [mbx1] = servers;
    if (mbx1 !== undefined) mbx1.pool.active = 40;
    expect(route.spread(60, true)).toEqual({ mbx1: 60 });
  });

  test('idle servers take turns', () => {
    const counts = new Route('LeastRequests', three()).spread(300);
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(90);
  });
});

describe('by user', () => {
  test('a user stays, and the users are spread by weight', () => {
    const route = new Route('UserHash', three([2, 1, 1]));
    const homes = route.homes(4000);
    expect(route.homes(4000)).toEqual(homes);
    expect(new Route('UserHash', three([2, 1, 1]).toReversed()).homes(4000)).toEqual(homes);
    const counts = route.spread(4000);
    expect(counts['mbx1']).toBeGreaterThan(1850);
    expect(counts['mbx1']).toBeLessThan(2150);
  });

  test('a server that leaves moves its own users only, and they come back to it', () => {
    const servers = three();
    const route = new Route('UserHash', servers);
    const before = route.homes(1000);
    servers[1]?.goDown();
    const meanwhile = route.homes(1000);
    const others = (homes: readonly string[]) => homes.filter((_, i) => before[i] !== 'mbx2');
    expect(others(meanwhile)).toEqual(others(before));
    expect(meanwhile).not.toContain('mbx2');
    servers[1]?.recover();
    expect(route.homes(1000)).toEqual(before);
  });

  test('no server has more than 1.25 times its share of the load', () => {
    const servers = three();
    const route = new Route('UserHash', servers);
    for (let i = 0; i < 3000; i++) {
      const name = route.next(i % 2 === 0 ? 'everybody@example.com' : `user${i}@example.com`);
      const server = servers.find((one) => one.name === name);
      if (server !== undefined) server.pool.active++;
    }
    const loads = servers.map(({ pool }) => pool.active);
    expect(Math.max(...loads)).toBeLessThanOrEqual(1251);
    expect(Math.min(...loads)).toBeGreaterThan(0);
  });

  test('a user with several requests stays while there is little load', () => {
    const servers = three();
    const route = new Route('UserHash', servers);
    const home = servers.find(({ name }) => name === route.next('alice@example.com'));
    for (let i = 0; i < 10; i++) {
      expect(route.next('alice@example.com')).toBe(home?.name);
      if (home !== undefined) home.pool.active++;
    }
  });
});

describe('outliers', () => {
  const degradedOf = (count: number, maxEjectedPercent?: number): Record<string, number> => {
    const servers = three([1, 1, 1, 1]);
    const route = new Route('RoundRobin', servers, { maxEjectedPercent });
    for (const server of servers.slice(0, count)) server.degrade();
    return route.spread(120);
  };

  test.each<[number, number | undefined, Record<string, number>]>([
    [1, undefined, { mbx2: 40, mbx3: 40, mbx4: 40 }],
    [2, undefined, { mbx3: 60, mbx4: 60 }],
    [3, undefined, { mbx3: 60, mbx4: 60 }],
    [4, undefined, { mbx3: 60, mbx4: 60 }],
    [3, 25, { mbx2: 40, mbx3: 40, mbx4: 40 }],
    [3, 75, { mbx4: 120 }],
    [4, 100, { mbx1: 30, mbx2: 30, mbx3: 30, mbx4: 30 }],
    [1, 0, { mbx1: 30, mbx2: 30, mbx3: 30, mbx4: 30 }],
  ])(
    'of four servers %i fail, and %s percent may be out: the last to fail stay',
    (count, percent, spread) => {
      expect(degradedOf(count, percent)).toEqual(spread);
    },
  );

  test('servers that are down count as out, and one that recovers is not among those that stay', () => {
    const servers = three([1, 1, 1, 1]);
    const route = new Route('RoundRobin', servers);
    const [mbx1, mbx2, mbx3] = servers;
    mbx1?.goDown();
    mbx2?.degrade();
    mbx3?.degrade();
    expect(route.spread(120)).toEqual({ mbx3: 60, mbx4: 60 });
    mbx1?.health.probeSucceeded();
    expect(mbx1?.health.state).toBe('Degraded');
    expect(route.spread(120)).toEqual({ mbx3: 60, mbx4: 60 });
  });
});

describe('limits', () => {
  test.each<Balancing>(['Priority', 'RoundRobin', 'LeastRequests', 'UserHash'])(
    'of a server pass it over, then the next priority takes over, then all is full (%s)',
    (balancing) => {
      const servers = [...three([1, 1]), new Server('dr', { priority: 1 })];
      const route = new Route(balancing, servers, { maxConnectionsPerServer: 10 });
      expect(route.spread(30, true)).toEqual({ mbx1: 10, mbx2: 10, dr: 10 });
      expect(route.next()).toBeUndefined();
      expect(route.choice.isFull).toBe(true);
    },
  );

  test('of all servers together', () => {
    const route = new Route('RoundRobin', three(), { maxConnections: 10 });
    expect(route.spread(12, true)).toMatchObject({ none: 2 });
    expect(route.choice.isFull).toBe(true);
  });

  test('make a request wait rather than go to a server that fails', () => {
    const servers = three([1, 1]);
    const route = new Route('RoundRobin', servers, { maxConnectionsPerServer: 1 });
    servers[0]?.degrade();
    expect(route.next()).toBe('mbx2');
    if (servers[1] !== undefined) servers[1].pool.active = 1;
    expect(route.next()).toBeUndefined();
    expect(route.choice.isFull).toBe(true);
  });
});
