// Manifests for the tests: one gateway, routes to simulated servers, and the ConfigMap of their authority.

/** A gateway that drains within a second, with one self-signed listener. */
export function gateway(name: string, port: number, hostnames = ['sentry.example.com']): string {
  return `apiVersion: sentrygateway.io/v1alpha1
kind: SentryGateway
metadata: {name: ${name}}
spec:
  port: ${port}
  listeners:
    - {name: phones, hostnames: [${hostnames.join(', ')}], tls: {selfSigned: {}}}
  drain: {seconds: 1}
`;
}

/** A route of example.com to one server, whose authority is in the ConfigMap `exchange-ca`. */
export function route(name: string, gatewayName: string, serverPort: number): string {
  return `apiVersion: sentrygateway.io/v1alpha1
kind: ExchangeRoute
metadata: {name: ${name}}
spec:
  gatewayRefs: [{name: ${gatewayName}}]
  match: {domains: [example.com]}
  servers:
    - {name: mbx, url: "https://localhost:${serverPort}"}
  serverTLS: {caRef: {name: exchange-ca}}
`;
}

export function configMap(name: string, certificate: string): string {
  return `apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}}
data:
  ca.crt: |
${indented(certificate)}
`;
}

export function tlsSecret(
  name: string,
  { cert, key }: { readonly cert: string; readonly key: string },
): string {
  return `apiVersion: v1
kind: Secret
metadata: {name: ${name}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
${indented(cert)}
  tls.key: |
${indented(key)}
`;
}

export function documents(...texts: readonly string[]): string {
  return texts.join('---\n');
}

function indented(text: string): string {
  return text
    .trim()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
