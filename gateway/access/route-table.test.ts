import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MatchedRoute, type RouteMatch, RouteTable } from './route-table.ts';
import { parseUserName } from './user-name.ts';

const route = (name: string, match: Partial<RouteMatch>): MatchedRoute<string> => ({
  route: name,
  match: { users: [], deviceTypes: [], domains: [], ...match },
});
const find = (table: RouteTable<string>, user: string, deviceType = ''): string | undefined =>
  table.find(parseUserName(user), deviceType);
const holds = (field: readonly string[], value: string | undefined): boolean =>
  field.length === 0 || (value !== undefined && field.includes(value));
const rank = ({ match: { users, deviceTypes, domains } }: MatchedRoute<string>): number =>
  (users.length > 0 ? 4 : 0) + (deviceTypes.length > 0 ? 2 : 0) + (domains.length > 0 ? 1 : 0);

describe('the route table', () => {
  const table = new RouteTable([
    route('default', {}),
    route('domain', { domains: ['example.com', 'example'] }),
    route('type', { deviceTypes: ['iphone'] }),
    route('type+domain', { deviceTypes: ['iphone'], domains: ['example.com'] }),
    route('user', { users: ['ann@example.com', 'bob'] }),
    route('user+domain', { users: ['carl@example.com'], domains: ['example.com'] }),
    route('user+type', { users: ['ann@example.com'], deviceTypes: ['ipad'] }),
    route('second default', {}),
    route('second domain', { domains: ['example.com', 'other.com'] }),
  ]);

  test.each([
    ['ann@example.com', 'Android', 'user'],
    ['ANN@EXAMPLE.COM', 'iPhone', 'user'],
    ['ann@example.com', 'iPad', 'user+type'],
    ['bob', 'Android', 'user'],
    ['carl@example.com', 'iPhone', 'user+domain'],
    ['dora@example.com', 'iPhone', 'type+domain'],
    ['dora@other.com', 'iPhone', 'type'],
    ['EXAMPLE\\dora', 'iPhone', 'type'],
    ['EXAMPLE\\dora', 'Android', 'domain'],
    ['dora@example.com', 'Android', 'domain'],
    ['dora@other.com', 'Android', 'second domain'],
    ['dora@third.com', 'Android', 'default'],
    ['dora', 'Android', 'default'],
    ['dora', 'iPhone', 'type'],
  ])('sends %s on %s to "%s"', (user, deviceType, name) => {
    expect(find(table, user, deviceType)).toBe(name);
  });

  test('sends one that is named by nobody to device types or the default', () => {
    expect(table.find(undefined, 'iPhone')).toBe('type');
    expect(table.find(undefined, '')).toBe('default');
    expect(table.oldest).toBe('default');
  });

  test('has no route for a user of a foreign domain, or without a domain, where there is no default', () => {
    const closed = new RouteTable([route('domain', { domains: ['example.com'] })]);
    expect(find(closed, 'eve@evil.com')).toBeUndefined();
    expect(find(closed, 'eve')).toBeUndefined();
    expect(closed.find(undefined, '')).toBeUndefined();
    expect(closed.oldest).toBe('domain');
  });

  test('compares users in any spelling that means the same', () => {
    const spelled = new RouteTable([route('user', { users: ['example\\ann', 'Carl@Example.com'] })]);
    expect(find(spelled, 'EXAMPLE\\Ann')).toBe('user');
    expect(find(spelled, 'carl@example.com')).toBe('user');
  });

  test('agrees with trying every route in the order of specificity', () => {
    const values = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 });
    const match = fc.record({
      users: values.map((names) => names.map((name) => `${name}@${name}`)),
      deviceTypes: values,
      domains: values,
    });
    const wanted = fc.record({
      user: fc.option(fc.constantFrom('a@a', 'b@b', 'a@b', 'c')),
      type: fc.constantFrom('a', 'b', 'd'),
    });
    fc.assert(
      fc.property(fc.array(match, { maxLength: 8 }), wanted, (matches, { user, type }) => {
        const routes = matches.map((fields, at) => route(String(at), fields));
        const name = user === null ? undefined : parseUserName(user);
        const expected = routes
          .toSorted((a, b) => rank(b) - rank(a))
          .find(
            (candidate) =>
              holds(candidate.match.users, name?.canonical) &&
              holds(candidate.match.deviceTypes, type) &&
              holds(candidate.match.domains, name?.domain),
          );
        expect(new RouteTable(routes).find(name, type)).toBe(expected?.route);
      }),
      { numRuns: 1000 },
    );
  });

  test('finds each of 10,000 routes', () => {
    const routes = Array.from({ length: 10_000 }, (_, at) =>
      route(String(at), { domains: [`d${at}.example.com`] }),
    );
    const large = new RouteTable(routes);
    const found = routes.map(({ match }) => find(large, `ann@${match.domains[0] ?? ''}`, 'iPhone'));
    expect(found).toEqual(routes.map(({ route: name }) => name));
  });
});
