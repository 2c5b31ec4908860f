// Which route a request takes: compiled once per snapshot, so that 10,000 routes cost a request as much as one.
import { parseUserName, type UserName } from './user-name.ts';

/** AND over fields, OR within one; an empty field matches everything. Domains and device types are lower case. */
export interface RouteMatch {
  readonly users: readonly string[];
  readonly deviceTypes: readonly string[];
  readonly domains: readonly string[];
}

/** A route and what it takes. */
export interface MatchedRoute<Route> {
  readonly match: RouteMatch;
  readonly route: Route;
}

interface Entry<Route> {
  readonly route: Route;
  /** Undefined where the field is empty. */
  readonly deviceTypes: ReadonlySet<string> | undefined;
  readonly domains: ReadonlySet<string> | undefined;
}

/** By a value of the one field that finds the route: few share a value, and they stand in the order of trial. */
type Index<Route> = Map<string, Entry<Route>[]>;

/**
 * Routes of one listener. More specific ones are tried first: those with users before those without, among each of
 * these those with device types, then those with domains; equally specific ones in the given order.
 */
export class RouteTable<Route> {
  /** The first of the given order: it answers those that name nobody. */
  readonly oldest: Route | undefined;
  private readonly byUser: Index<Route> = new Map();
  private readonly byDomainAndType: Index<Route> = new Map();
  private readonly byType: Index<Route> = new Map();
  private readonly byDomain: Index<Route> = new Map();
  private readonly byDefault: Route | undefined;

  /** @param routes older first */
  constructor(routes: readonly MatchedRoute<Route>[]) {
    this.oldest = routes[0]?.route;
    this.byDefault = routes.find(({ match }) => specificity(match) === 0)?.route;
    for (const { match, route } of routes.toSorted((a, b) => specificity(b.match) - specificity(a.match))) {
      this.index(match, route);
    }
  }

  /**
   * The route of a request, or undefined where none matches.
   * @param user undefined where nobody is named: then only routes without users and domains match
   * @param deviceType in any case, or empty
   */
  find(user: UserName | undefined, deviceType: string): Route | undefined {
    const type = deviceType.toLowerCase();
    const domain = user?.domain ?? '';
    return (
      (user === undefined ? undefined : first(this.byUser.get(user.canonical), type, domain)) ??
      first(this.byDomainAndType.get(domain), type, domain) ??
      first(this.byType.get(type), type, domain) ??
      first(this.byDomain.get(domain), type, domain) ??
      this.byDefault
    );
  }

  private index({ users, deviceTypes, domains }: RouteMatch, route: Route): void {
    const entry = { route, deviceTypes: setOf(deviceTypes), domains: setOf(domains) };
    if (users.length > 0)
      add(
        this.byUser,
        users.map((user) => parseUserName(user)?.canonical ?? user),
        entry,
      );
    else if (domains.length > 0)
      add(deviceTypes.length > 0 ? this.byDomainAndType : this.byDomain, domains, entry);
    else add(this.byType, deviceTypes, entry);
  }
}

function specificity({ users, deviceTypes, domains }: RouteMatch): number {
  return Number(users.length > 0) * 4 + Number(deviceTypes.length > 0) * 2 + Number(domains.length > 0);
}

function setOf(values: readonly string[]): ReadonlySet<string> | undefined {
  return values.length === 0 ? undefined : new Set(values);
}

function add<Route>(index: Index<Route>, values: readonly string[], entry: Entry<Route>): void {
  for (const value of values) {
    const entries = index.get(value);
    if (entries === undefined) index.set(value, [entry]);
    else entries.push(entry);
  }
}

function first<Route>(
  entries: readonly Entry<Route>[] | undefined,
  deviceType: string,
  domain: string,
): Route | undefined {
  return entries?.find(
    (entry) => (entry.deviceTypes?.has(deviceType) ?? true) && (entry.domains?.has(domain) ?? true),
  )?.route;
}
