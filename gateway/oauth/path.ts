// The paths of the OAuth endpoints: `/proxyservice[/<namespace>/<name>][/<tenant>]` and what is behind it (spec/oauth.md, rule 8).

export type Purpose = 'authorize' | 'token' | 'devicecode' | 'configuration';

/** What a path asks for. */
export interface OAuthPath {
  readonly purpose: Purpose;
  /** `namespace/name` of the route; empty for the short paths. */
  readonly route: string;
  /** `common`, `adfs`, a tenant's id or domain; empty where there is none. */
  readonly tenant: string;
  /** The path up to its tenant. */
  readonly base: string;
  /** `/v2.0` where the path says so. */
  readonly version: '' | '/v2.0';
}

const PREFIX = '/proxyservice';
const PATH =
  /^\/proxyservice((?:\/[^/]+){0,3}?)(?:\/oauth2(\/v2\.0)?\/(authorize|token|devicecode)|(\/v2\.0)?\/\.well-known\/openid-configuration)$/;
/** An id or a domain: it becomes part of a path at the identity provider. */
const TENANT = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/;

/** True for every path that is ours, without its query: exactly `/proxyservice` or below it. */
export function isOAuthPath(path: string): boolean {
  return path === PREFIX || path.startsWith(`${PREFIX}/`);
}

/** How metrics and log call a request of this path; empty for one that is no endpoint. */
export function oauthCommand(path: string): string {
  const purpose = parseOAuthPath(path)?.purpose;
  return purpose === undefined ? '' : COMMANDS[purpose];
}

const COMMANDS: Readonly<Record<Purpose, string>> = {
  authorize: 'OAuthAuthorize',
  token: 'OAuthToken',
  devicecode: 'OAuthDeviceCode',
  configuration: 'OAuthConfiguration',
};

/** Where phones find an endpoint of a route, without its tenant. */
export function routePath(route: string, rest: string): string {
  return `${PREFIX}/${route}${rest}`;
}

/** Takes a path apart, without its query; undefined for one that is no endpoint, whatever the routes are. */
export function parseOAuthPath(path: string): OAuthPath | undefined {
  const match = PATH.exec(path);
  if (match === null) return undefined;
  const [, between = '', oauthVersion, purpose = 'configuration', configurationVersion] = match;
  const segments = between.split('/').slice(1);
  const tenant = segments.length % 2 === 1 ? (segments.at(-1) ?? '') : '';
  if (tenant !== '' && !TENANT.test(tenant)) return undefined;
  return {
    purpose: purpose as Purpose,
    route: segments.length >= 2 ? `${segments[0]}/${segments[1]}` : '',
    tenant,
    base: PREFIX + between,
    version: (oauthVersion ?? configurationVersion) === undefined ? '' : '/v2.0',
  };
}
