// The endpoints of a route's identity provider, as they are configured or as the token endpoint's path tells.
import type { SnapshotOAuth } from '../config/snapshot.ts';
import type { Purpose } from './path.ts';

/** Where one kind of request goes: the host comes from the configuration alone. */
export interface ProviderEndpoint {
  readonly origin: string;
  /** Path and query. A tenant (empty: none) stands in place of `common` or `organizations`, and changes nothing else. */
  path(tenant: string): string;
}

/** By purpose; one that is absent is not offered. */
export type ProviderEndpoints = Readonly<
  Record<'authorize' | 'token', ProviderEndpoint> & Partial<Record<Purpose, ProviderEndpoint>>
>;

/** Entra ID and AD FS: `…/oauth2[/v2.0]/token`. */
const TOKEN_PATH = /^(.*)\/oauth2(\/v2\.0)?\/token$/;
const ANY_TENANT = /^\/(?:common|organizations)(?=\/)/i;
/** In the place of a tenant, they name none. */
const NO_TENANT: ReadonlySet<string> = new Set(['', 'common', 'organizations', 'adfs']);

/** Compiles the endpoints of a route. */
export function compileProvider(oauth: SnapshotOAuth): ProviderEndpoints {
  const devicecode = oauth.deviceAuthorizationEndpoint ?? besideToken(oauth, '/oauth2$2/devicecode');
  const configuration =
    oauth.openIDConfigurationEndpoint ?? besideToken(oauth, '$2/.well-known/openid-configuration');
  return {
    authorize: endpoint(oauth.authorizationEndpoint),
    token: endpoint(oauth.tokenEndpoint),
    ...(devicecode !== undefined && { devicecode: endpoint(devicecode) }),
    ...(configuration !== undefined && { configuration: endpoint(configuration) }),
  };
}

/** The endpoint that Entra ID and AD FS have beside this one; undefined where the path is not written as theirs. */
function besideToken({ tokenEndpoint }: SnapshotOAuth, rest: string): string | undefined {
  const { origin, pathname, search } = new URL(tokenEndpoint);
  if (!TOKEN_PATH.test(pathname)) return undefined;
  return origin + pathname.replace(TOKEN_PATH, `$1${rest}`) + search;
}

function endpoint(url: string): ProviderEndpoint {
  const { origin, pathname, search } = new URL(url);
  const path = pathname + search;
  if (!ANY_TENANT.test(pathname)) return { origin, path: () => path };
  const rest = path.replace(ANY_TENANT, '');
  return { origin, path: (tenant) => (NO_TENANT.has(tenant.toLowerCase()) ? path : `/${tenant}${rest}`) };
}
