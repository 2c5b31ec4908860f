// The manifests of the demonstration, as a user would write them.
import { stringify } from 'yaml';

const API_VERSION = 'sentrygateway.io/v1alpha1';

/** A gateway of one listener, whose certificate lies in the Secret `sentry-certificate`. */
export function sentryGateway({ port, hostname }: { port: number; hostname: string }): string {
  return stringify({
    apiVersion: API_VERSION,
    kind: 'SentryGateway',
    metadata: { name: 'mail', namespace: 'default' },
    spec: {
      port,
      listeners: [
        { name: 'phones', hostnames: [hostname], tls: { certificateRefs: [{ name: 'sentry-certificate' }] } },
      ],
      drain: { seconds: 5 },
    },
  });
}

export interface RouteText {
  readonly servers: readonly { readonly name: string; readonly url: string }[];
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly gatewayResource: string;
  readonly destinationResource: string;
  readonly ca: string;
}

/** A route of example.com with OAuth, its servers by priority, and the CA that they are verified by. */
export function exchangeRoute({ servers, ca, ...oauth }: RouteText): string {
  const caRef = { kind: 'ConfigMap', name: 'exchange-ca', key: 'ca.crt' };
  const route = {
    apiVersion: API_VERSION,
    kind: 'ExchangeRoute',
    metadata: { name: 'example-com', namespace: 'default' },
    spec: {
      gatewayRefs: [{ name: 'mail' }],
      match: { domains: ['example.com'] },
      servers: servers.map((server, priority) => ({ ...server, priority })),
      serverTLS: { caRef },
      authentication: { type: 'OAuth', oauth: { ...oauth, caRef } },
    },
  };
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'exchange-ca', namespace: 'default' },
    data: { 'ca.crt': ca },
  };
  return `${stringify(route)}---\n${stringify(configMap)}`;
}

/** The Secret of the listener's certificate. */
export function certificateSecret({ cert, key }: { cert: string; key: string }): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'sentry-certificate', namespace: 'default' },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': cert, 'tls.key': key },
  });
}
