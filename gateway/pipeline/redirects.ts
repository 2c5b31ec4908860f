// Exchange's redirects (451): what becomes of one, and which users are asked for at a learnt server.
import { LearntRedirects } from '../redirects/learnt-redirects.ts';
import type { RedirectHosts } from '../redirects/allowed-hosts.ts';
import type { SignIn } from '../access/sign-in.ts';
import type { ThrottledUsers } from '../throttling/users.ts';
import type { Clock } from '../http/deadlines.ts';
import type { ResponseHead } from '../http/exchange.ts';
import type { Endpoint, EndpointTarget } from '../upstream/endpoint.ts';
import type { RouteServer } from '../upstream/route-server.ts';
import { learntServer } from './learnt-server.ts';

/** What a route wants. */
export interface RedirectRules {
  readonly policy: 'Rewrite' | 'Follow' | 'Pass';
  readonly hosts: RedirectHosts;
  /** Whether passwords may go to a learnt server. */
  readonly allowBasicCredentials: boolean;
  /** How a learnt server is reached: all but where it is. */
  readonly target: Omit<EndpointTarget, 'url'>;
  /** Those that were learnt so far, by `https://host[:port]`. */
  readonly servers: Map<string, RouteServer>;
}

/** The route of an answered request, as far as it matters here. */
export interface RedirectingRoute {
  /** `namespace/name`. */
  readonly key: string;
  readonly redirects: RedirectRules;
}

/**
 * - `rewritten`: the phone is told to ask the gateway again, which then asks the new server.
 * - `followed`: the gateway asks the new server at once.
 * - `passed`: the phone goes there itself.
 * - `contained`: no user who is signed in: the phone is told to ask the gateway again, nothing is learnt.
 * - `host-refused`: the same for a host that the route does not allow: the user cannot move.
 * - `basic-refused`: the same for a password, which does not go to another server: the user cannot move.
 * - `refused`: the learnt server did not let the user in, and is forgotten.
 */
export type RedirectResult =
  'rewritten' | 'followed' | 'passed' | 'contained' | 'host-refused' | 'basic-refused' | 'refused';

export interface RedirectsOptions {
  readonly clock: Clock;
  /** Whom Exchange let in. */
  readonly users: ThrottledUsers;
  /** Makes an endpoint beside those of the snapshot. */
  readonly open: (target: EndpointTarget) => Endpoint;
}

/** Of one route: `allowedHosts` may name a whole domain. */
const MAX_SERVERS = 16;

export class Redirects {
  readonly learnt = new LearntRedirects();
  private readonly options: RedirectsOptions;

  constructor(options: RedirectsOptions) {
    this.options = options;
  }

  /** The one server to ask for this user in place of the route's, or undefined. */
  serverFor(route: RedirectingRoute, signIn: SignIn | undefined): RouteServer | undefined {
    if (this.learnt.size === 0 || signIn === undefined) return undefined;
    const { redirects } = route;
    if (redirects.policy === 'Pass' || (signIn.basic && !redirects.allowBasicCredentials)) return undefined;
    const accepted = this.options.users.accepted(signIn.user, signIn.credential) !== undefined;
    const url = this.learnt.serverFor(signIn.user, signIn.credential, accepted, this.options.clock.now());
    return url === undefined ? undefined : this.serverAt(url, redirects);
  }

  /**
   * Judges an answer. To be called before the phone sees it; `followed` means that it must not.
   * @param mayFollow the request can still be sent again
   * @returns undefined where it has nothing to do with a redirect
   */
  answered(
    head: ResponseHead,
    server: RouteServer,
    { route, signIn, mayFollow }: AnsweredBy,
  ): RedirectResult | undefined {
    const { servers } = route.redirects;
    const isLearnt = servers.size > 0 && servers.get(server.endpoint.target.url) === server;
    if (head.status !== 451) {
      if (signIn === undefined || (this.learnt.size === 0 && this.learnt.stuckSize === 0)) return undefined;
      return this.otherAnswer(head.status, isLearnt ? server : undefined, route, signIn);
    }
    const location = head.headers.get('x-ms-location');
    if (location === undefined) return undefined;
    if (route.redirects.policy === 'Pass') return 'passed';
    if (signIn === undefined) return 'contained';
    if (isLearnt && !this.leaves(signIn)) return 'contained';
    const result = this.learn(location, route, signIn, server);
    if (result !== 'rewritten') return result;
    return route.redirects.policy === 'Follow' && mayFollow ? 'followed' : 'rewritten';
  }

  private learn(
    location: string,
    { key, redirects }: RedirectingRoute,
    { user, credential, basic }: SignIn,
    from: RouteServer,
  ): RedirectResult {
    const now = this.options.clock.now();
    const url = redirects.hosts.serverOf(location);
    const mayLeave = !basic || redirects.allowBasicCredentials;
    if (url !== undefined && mayLeave && url !== from.endpoint.target.url && this.serverAt(url, redirects)) {
      this.learnt.learn(user, key, url, credential, now);
      return 'rewritten';
    }
    this.learnt.cannotMove(user, key, now);
    return url === undefined || mayLeave ? 'host-refused' : 'basic-refused';
  }

  /** An answer that is no redirect: of a learnt server it decides whether the user stays there. */
  private otherAnswer(
    status: number,
    server: RouteServer | undefined,
    route: RedirectingRoute,
    signIn: SignIn,
  ): RedirectResult | undefined {
    const { user } = signIn;
    if (status < 300) {
      if (server === undefined) this.learnt.canMove(user);
      else this.learnt.confirm(user, server.endpoint.target.url, this.options.clock.now());
      return undefined;
    }
    // A token that is refused is answered by a new sign-in; a password that was right before the move will not be right later.
    const refuses = status === 403 || (status === 401 && signIn.basic);
    if (server === undefined || !refuses || !this.leaves(signIn)) return undefined;
    this.learnt.cannotMove(user, route.key, this.options.clock.now());
    return 'refused';
  }

  /** Forgets where the user was sent, unless anybody could have made the server answer so. */
  private leaves({ user, credential }: SignIn): boolean {
    const isKnown =
      this.learnt.isLearner(user, credential) || this.options.users.accepted(user, credential) !== undefined;
    if (isKnown) this.learnt.forget(user);
    return isKnown;
  }

  /** The server at a learnt place, which the route may allow no longer. */
  private serverAt(url: string, { servers, target, hosts }: RedirectRules): RouteServer | undefined {
    const known = servers.get(url);
    if (known !== undefined || servers.size >= MAX_SERVERS || hosts.serverOf(url) === undefined) return known;
    const endpoint = this.options.open({ ...target, url });
    const server = learntServer(url, endpoint);
    servers.set(url, server);
    return server;
  }
}

export interface AnsweredBy {
  readonly route: RedirectingRoute;
  /** Undefined where no credential names a user. */
  readonly signIn: SignIn | undefined;
  readonly mayFollow: boolean;
}
