// The services whose requests never reach Exchange, by their paths.
import { Autodiscover, bodyTooLarge as autodiscoverTooLarge } from '../autodiscover/autodiscover.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { Clock } from '../http/deadlines.ts';
import type { OAuthEndpoints } from '../oauth/endpoints.ts';
import { bodyTooLarge } from '../oauth/own-answers.ts';
import { isOAuthPath, oauthCommand } from '../oauth/path.ts';
import { pathOf } from './parse.ts';
import type { PlainService } from './plain-service.ts';

export class PlainServices {
  private readonly oauth: PlainService;
  private readonly autodiscover: Autodiscover;
  private readonly autodiscoverService: PlainService;

  /** @param wallClock ms since 1970 */
  constructor(snapshot: Snapshot, oauth: OAuthEndpoints, wallClock: Clock) {
    this.oauth = oauthService(oauth);
    this.autodiscover = new Autodiscover(snapshot);
    this.autodiscoverService = autodiscoverService(this.autodiscover, wallClock);
  }

  /** The service of a target on a listener; undefined for nearly all of them, at the cost of two comparisons. */
  of(listener: string, target: string): PlainService | undefined {
    const path = pathOf(target);
    if (isOAuthPath(path)) return this.oauth;
    return this.autodiscover.has(listener, path) ? this.autodiscoverService : undefined;
  }
}

function oauthService(endpoints: OAuthEndpoints): PlainService {
  return {
    reason: 'oauth',
    command: oauthCommand,
    owner: (listener, path) => endpoints.owner(listener, path),
    answer: (listener, request, signal) => endpoints.answer(listener, request, signal),
    bodyTooLarge,
  };
}

/** Its answers are those of a domain, not of a route: several may name it. */
function autodiscoverService(autodiscover: Autodiscover, wallClock: Clock): PlainService {
  return {
    reason: 'autodiscover',
    command: () => 'Autodiscover',
    owner: () => null,
    answer: (listener, request) => autodiscover.answer(listener, request, new Date(wallClock.now())),
    bodyTooLarge: autodiscoverTooLarge,
  };
}
