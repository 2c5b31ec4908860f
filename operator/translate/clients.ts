// What phones are to be given: host, sign-in and token URL, the keys of Apple's payload and of Email+, the settings of MSAL.
import type { SnapshotListener, SnapshotOAuth, SnapshotRoute } from '../../gateway/config/snapshot.ts';
import { compileProvider } from '../../gateway/oauth/provider-endpoints.ts';
import { withoutFinalSlash } from '../../gateway/oauth/resource.ts';
import type { ClientSettings, SentryGateway } from '../api/sentry-gateway.ts';
import { usedFields } from './match.ts';
import type { RouteEntry } from './routes.ts';

const HTTPS_PORT = 443;

/**
 * The gateway's default endpoints, on its first listener: those of the default route where it offers OAuth, else of the oldest
 * that does.
 *
 * @param entries older first
 */
export function gatewayClients(gateway: SentryGateway, entries: readonly RouteEntry[]): ClientSettings {
  const [listener] = gateway.spec.listeners;
  const offering = entries.filter(
    ({ entry, held }) => entry.authentication.type === 'OAuth' && held.includes(listener?.name ?? ''),
  );
  const owner = offering.find(({ entry }) => usedFields(entry.match).length === 0) ?? offering[0];
  return clients(gateway, listener, owner && signInAt('/proxyservice', owner.entry));
}

/** The route's own endpoints, on the first of the listeners that it is attached to. */
export function routeClients(
  gateway: SentryGateway,
  listeners: readonly string[],
  route: SnapshotRoute,
): ClientSettings {
  const listener = gateway.spec.listeners.find(({ name }) => listeners.includes(name));
  return clients(gateway, listener, signInAt(`/proxyservice/${route.namespace}/${route.name}`, route));
}

function signInAt(path: string, { authentication }: SnapshotRoute): SignIn | undefined {
  return authentication.type === 'OAuth' ? { path, oauth: authentication.oauth } : undefined;
}

interface SignIn {
  readonly path: string;
  readonly oauth: SnapshotOAuth;
}

/** The port stands in every address where it is not the usual one: phones have no other way to learn it. */
function clients(
  gateway: SentryGateway,
  listener: Pick<SnapshotListener, 'hostnames'> | undefined,
  signIn: SignIn | undefined,
): ClientSettings {
  const host = listener?.hostnames[0] ?? '';
  const { port } = gateway.spec;
  const authority = port === HTTPS_PORT ? host : `${host}:${port}`;
  if (signIn === undefined) {
    return { host, apple: { Host: authority }, emailPlus: { email_exchange_host: authority } };
  }
  const base = `https://${authority}${signIn.path}`;
  const [signInURL, tokenURL] = [`${base}/oauth2/authorize`, `${base}/oauth2/token`];
  return {
    host,
    signInURL,
    tokenURL,
    apple: { Host: authority, OAuth: true, OAuthSignInURL: signInURL, OAuthTokenRequestURL: tokenURL },
    emailPlus: {
      email_exchange_host: authority,
      eas_min_allowed_auth_mode: 'modern_auth',
      modern_auth_authority_url: base,
      modern_auth_resource_url: signIn.oauth.gatewayResource,
      // Which certificate a user signs in with is the device management's to fill in.
      email_login_certificate: '',
    },
    ...msal(signIn.oauth, authority, base),
  };
}

/** MSAL asks for the OpenID configuration first, and trusts an issuer of the hosts that it is told. */
function msal(oauth: SnapshotOAuth, authority: string, base: string): Pick<ClientSettings, 'msal'> {
  const { configuration } = compileProvider(oauth);
  if (configuration === undefined) return {};
  return {
    msal: {
      authority: base,
      knownAuthorities: [authority, new URL(configuration.origin).host],
      scope: `${withoutFinalSlash(oauth.gatewayResource)}/EAS.AccessAsUser.All`,
    },
  };
}
