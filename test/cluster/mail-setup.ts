// A namespace with the design's first manifest, and the peers that it names, on the host's end of the cluster's cable.
import { setTimeout as sleep } from 'node:timers/promises';
import type { SecureContext } from 'node:tls';
import { stringify } from 'yaml';
import { CertificateAuthority } from '../peers/certificates.ts';
import { Exchange } from '../peers/exchange/exchange.ts';
import { IdentityProvider } from '../peers/identity-provider/identity-provider.ts';
import { trusting } from '../peers/phone/http-client.ts';
import { Phone, type PhoneOptions } from '../peers/phone/phone.ts';
import { Report } from '../peers/phone/report.ts';
import type { AttachedCluster } from './native/cluster.ts';
import { installOperator, kubectl } from './operator-installation.ts';

export const HOSTNAME = 'sentry.example.com';
const PEER_NAMES = ['mbx1.corp.example', 'mbx2.corp.example', 'login.corp.example'] as const;
const [MBX1, MBX2, LOGIN] = PEER_NAMES;
const RESOURCE = 'https://outlook.office365.com/';
const USERS = ['alice@example.com', 'bob@example.com'] as const;
const API_VERSION = 'sentrygateway.io/v1alpha1';

const POD_LABELS = 'app.kubernetes.io/name=sentry-gateway,app.kubernetes.io/instance=mail';

interface PodObject {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface MailSetupOptions {
  /** Fields of the SentryGateway's spec, in place of or beside those of the first manifest. */
  readonly gateway?: Readonly<Record<string, unknown>>;
  /** Authority (PEM) of the listeners' certificates; without it phones trust that of `selfSigned` (ConfigMap mail-ca). */
  readonly listenerCA?: string;
}

/** A pod of the gateway. */
export interface GatewayPod {
  readonly name: string;
  readonly ip: string;
  readonly isReady: boolean;
  /** It was told to end. */
  readonly isLeaving: boolean;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

/** What one test file works with; `remove` deletes the namespace and stops the peers. */
export class MailSetup {
  readonly cluster: AttachedCluster;
  readonly namespace: string;
  readonly exchange: Exchange;
  readonly report = new Report();
  readonly #authority: CertificateAuthority;
  readonly #identityProvider: IdentityProvider;
  readonly #options: MailSetupOptions;
  readonly #phones: Phone[] = [];
  /** Where phones connect and whom they trust, once the gateway serves. */
  #gateway: { readonly address: string; readonly secureContext: SecureContext } | undefined;

  private constructor(
    cluster: AttachedCluster,
    namespace: string,
    peers: { authority: CertificateAuthority; exchange: Exchange; identityProvider: IdentityProvider },
    options: MailSetupOptions,
  ) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.exchange = peers.exchange;
    this.#authority = peers.authority;
    this.#identityProvider = peers.identityProvider;
    this.#options = options;
  }

  /** Installs the operator, starts the peers and makes the namespace; no gateway yet. */
  static async make(
    cluster: AttachedCluster,
    namespace: string,
    options: MailSetupOptions = {},
  ): Promise<MailSetup> {
    await installOperator(cluster);
    const authority = await CertificateAuthority.create('Cluster test CA');
    const address = cluster.addresses.host;
    const identityProvider = await IdentityProvider.start({
      authority,
      address,
      users: USERS,
      resources: [RESOURCE],
      hostnames: [LOGIN],
    });
    const exchange = await Exchange.start({
      authority,
      address,
      frontEnds: { mbx1: 0, mbx2: 0 },
      hostnames: [MBX1, MBX2],
      users: USERS.map((name) => ({ name, password: 'secret' })),
      tokens: identityProvider.tokenRules([RESOURCE]),
    });
    await kubectl(cluster, ['create', 'namespace', namespace]);
    return new MailSetup(cluster, namespace, { authority, exchange, identityProvider }, options);
  }

  /** Applies the SentryGateway and the ExchangeRoute, and waits until both are Ready and every pod is (one is enough for Ready). */
  async applyFirstManifest(): Promise<void> {
    await this.#apply([this.#sentryGateway(), this.#configMap()]);
    await this.applyRoute(['mbx1', 'mbx2']);
    await this.waitReady();
    await this.kubectl(['rollout', 'status', 'deployment/mail', '--timeout=60s']);
  }

  /** Applies the route with these servers in order of priority. */
  async applyRoute(servers: readonly ('mbx1' | 'mbx2')[]): Promise<void> {
    await this.#apply([this.#exchangeRoute(servers)]);
  }

  /** Waits until both resources are Ready for their present generation. */
  async waitReady(): Promise<void> {
    for (const resource of ['sentrygateway/mail', 'exchangeroute/example-com']) {
      await this.kubectl(['wait', '--for=condition=Ready', '--timeout=120s', resource]);
    }
    const ca =
      this.#options.listenerCA ??
      (await this.kubectl(['get', 'configmap', 'mail-ca', '-o', String.raw`jsonpath={.data.ca\.crt}`]));
    const address = await this.kubectl(['get', 'service', 'mail', '-o', 'jsonpath={.spec.clusterIP}']);
    this.#gateway = { address, secureContext: trusting([ca, this.#authority.certificate]) };
  }

  /** Changes the SentryGateway's spec by a merge patch. */
  async patchGateway(spec: object): Promise<void> {
    const patch = JSON.stringify({ spec });
    await this.kubectl(['patch', 'sentrygateway', 'mail', '--type=merge', '--patch', patch]);
  }

  /** Scales as `kubectl scale` does, and waits until so many pods are ready and no other is left. */
  async scale(replicas: number): Promise<void> {
    await this.kubectl(['scale', 'sentrygateway/mail', `--replicas=${replicas}`]);
    await this.podsSettled(replicas);
  }

  /** The gateway's pods. */
  async pods(): Promise<readonly GatewayPod[]> {
    const { items } = await this.#get<{ items: readonly PodObject[] }>(['pods', '-l', POD_LABELS]);
    return items.map(({ metadata, status }) => ({
      name: metadata.name,
      ip: status.podIP ?? '',
      isReady: status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
      isLeaving: metadata.deletionTimestamp !== undefined,
    }));
  }

  /** Waits until there are so many pods, all ready, none leaving and none of those `without`; returns them. */
  async podsSettled(replicas: number, without: readonly GatewayPod[] = []): Promise<readonly GatewayPod[]> {
    const names = new Set(without.map(({ name }) => name));
    let pods: readonly GatewayPod[] = [];
    await eventually(`there are ${replicas} ready pods and no others`, async () => {
      pods = await this.pods();
      return (
        pods.length === replicas &&
        pods.every(({ name, isReady, isLeaving }) => isReady && !isLeaving && !names.has(name))
      );
    });
    return pods;
  }

  /** A condition of `sentrygateway/mail` or another resource; undefined before there is one for its present generation. */
  async condition(resource: string, type: string): Promise<Condition | undefined> {
    const { metadata, status } = await this.#get<{
      metadata: { generation: number };
      status?: { conditions?: readonly Condition[] };
    }>([resource]);
    return status?.conditions?.find(
      (condition) => condition.type === type && condition.observedGeneration === metadata.generation,
    );
  }

  async #get<T>(args: readonly string[]): Promise<T> {
    return JSON.parse(await this.kubectl(['get', ...args, '-o', 'json'])) as T;
  }

  /** kubectl in this namespace. @throws Error with its error output when it fails */
  async kubectl(args: readonly string[], input?: string): Promise<string> {
    return kubectl(this.cluster, ['--namespace', this.namespace, ...args], input);
  }

  /**
   * A phone that reaches the gateway by the Service's cluster IP. Users are alice and bob @example.com; further ones by
   * `exchange.organisation.addUser` (Basic only).
   */
  phone(user: string, credential: 'Basic' | 'OAuth', options: Partial<PhoneOptions> = {}): Phone {
    const gateway = this.#gateway;
    if (gateway === undefined) throw new Error('call waitReady first');
    const phone = new Phone({
      url: `https://${HOSTNAME}`,
      hosts: { [HOSTNAME]: gateway.address, [LOGIN]: this.cluster.addresses.host },
      secureContext: gateway.secureContext,
      user,
      report: this.report,
      ...(credential === 'Basic'
        ? { password: 'secret' }
        : {
            oauth: {
              signInUrl: `https://${HOSTNAME}/proxyservice/oauth2/authorize`,
              tokenUrl: `https://${HOSTNAME}/proxyservice/oauth2/token`,
              resource: `https://${HOSTNAME}/`,
            },
          }),
      ...options,
    });
    this.#phones.push(phone);
    return phone;
  }

  /**
   * Has the gateways and then the namespace deleted, without waiting for the end of it, and stops the peers. The gateways go
   * first, so that the operator writes nothing more into a namespace that refuses it.
   */
  async remove(): Promise<void> {
    for (const phone of this.#phones) phone.close();
    await this.kubectl(['delete', 'sentrygateways', '--all', '--timeout=60s']);
    await kubectl(this.cluster, ['delete', 'namespace', this.namespace, '--wait=false']);
    this.exchange.close();
    await this.#identityProvider.close();
  }

  async #apply(objects: readonly object[]): Promise<void> {
    await this.kubectl(['apply', '-f', '-'], objects.map((object) => stringify(object)).join('---\n'));
  }

  #sentryGateway(): object {
    return {
      apiVersion: API_VERSION,
      kind: 'SentryGateway',
      metadata: { name: 'mail' },
      spec: {
        listeners: [{ name: 'phones', hostnames: [HOSTNAME], tls: { selfSigned: {} } }],
        service: { type: 'ClusterIP' },
        drain: { seconds: 5, propagationSeconds: 5 },
        pod: { hostAliases: [{ ip: this.cluster.addresses.host, hostnames: [...PEER_NAMES] }] },
        ...this.#options.gateway,
      },
    };
  }

  #exchangeRoute(servers: readonly ('mbx1' | 'mbx2')[]): object {
    const caRef = { kind: 'ConfigMap', name: 'exchange-ca', key: 'ca.crt' };
    const login = `https://${LOGIN}:${this.#identityProvider.port}/common/oauth2`;
    return {
      apiVersion: API_VERSION,
      kind: 'ExchangeRoute',
      metadata: { name: 'example-com' },
      spec: {
        gatewayRefs: [{ name: 'mail' }],
        match: { domains: ['example.com'] },
        servers: servers.map((name, priority) => ({
          name,
          priority,
          url: `https://${name}.corp.example:${this.exchange.frontEnd(name).port}`,
        })),
        serverTLS: { caRef },
        authentication: {
          type: 'OAuth',
          oauth: {
            authorizationEndpoint: `${login}/authorize`,
            tokenEndpoint: `${login}/token`,
            gatewayResource: `https://${HOSTNAME}`,
            destinationResource: RESOURCE,
            caRef,
          },
        },
      },
    };
  }

  #configMap(): object {
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'exchange-ca' },
      data: { 'ca.crt': this.#authority.certificate },
    };
  }
}

/** Asks again and again until the condition holds. @throws Error after a minute */
export async function eventually(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`it did not happen in a minute: ${what}`);
    await sleep(100);
  }
}
