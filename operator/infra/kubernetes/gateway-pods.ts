// The pods of all gateways, as a watch shows them.
import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from '../../kube/client.ts';
import { ReflectorSet } from '../../kube/reflector-set.ts';
import { type KubeObject, resourceTypes } from '../../kube/resource.ts';
import type { Key } from '../../translate/types.ts';

const INSTANCE_LABEL = 'app.kubernetes.io/instance';
const SELECTOR = 'app.kubernetes.io/name=sentry-gateway,app.kubernetes.io/managed-by=sentry-operator';
const OUR_ANNOTATIONS = 'sentrygateway.io/';

interface Pod extends KubeObject {
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface GatewayPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly ready: boolean;
  /** Absent until it is scheduled and has a network. */
  readonly ip: string | undefined;
  /** True from the moment that it was told to end. */
  readonly ending: boolean;
  /** Those of ours. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** Keeps the pods by gateway. `onChange` names the gateway whose pods changed in what is kept of them. */
export class GatewayPods {
  readonly #reflectors: ReflectorSet<Pod>;
  readonly #byGateway = new Map<Key, Map<string, GatewayPod>>();
  readonly #gatewayOfPod = new Map<string, Key>();
  readonly #onChange: (gateway: Key) => void;

  constructor(options: {
    client: KubeClient;
    namespaces: readonly string[];
    signal: AbortSignal;
    onChange: (gateway: Key) => void;
    onError: (error: unknown) => void;
  }) {
    this.#onChange = options.onChange;
    this.#reflectors = new ReflectorSet<Pod>({
      ...options,
      type: resourceTypes.pod,
      selection: { labelSelector: SELECTOR },
      keep: reduce,
      onChange: (key, pod) => this.#changed(key, pod),
    });
  }

  get synced(): Promise<void> {
    return this.#reflectors.synced;
  }

  get done(): Promise<void> {
    return this.#reflectors.done;
  }

  /** In the order of their names. */
  of(gateway: Key): GatewayPod[] {
    const pods = [...(this.#byGateway.get(gateway)?.values() ?? [])];
    return pods.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  #changed(key: string, pod: Pod | undefined): void {
    const gateway = pod === undefined ? this.#gatewayOfPod.get(key) : gatewayOf(pod);
    if (gateway === undefined) return;
    const pods = this.#byGateway.get(gateway) ?? new Map<string, GatewayPod>();
    if (pod === undefined) {
      pods.delete(key);
      this.#gatewayOfPod.delete(key);
      if (pods.size === 0) this.#byGateway.delete(gateway);
    } else {
      const described = describe(pod);
      if (isDeepStrictEqual(pods.get(key), described)) return;
      this.#byGateway.set(gateway, pods.set(key, described));
      this.#gatewayOfPod.set(key, gateway);
    }
    this.#onChange(gateway);
  }
}

function gatewayOf({ metadata }: Pod): Key | undefined {
  const name = metadata.labels?.[INSTANCE_LABEL];
  return name === undefined ? undefined : `${metadata.namespace}/${name}`;
}

/** A pod's specification lists every slot, and nobody reads it here. */
function reduce({ metadata, status }: Pod): Pod {
  const { managedFields: _managedFields, ownerReferences: _owners, ...kept } = metadata;
  return { metadata: kept, ...(status && { status: { ...pickStatus(status) } }) };
}

function pickStatus({ podIP, conditions }: NonNullable<Pod['status']>): NonNullable<Pod['status']> {
  const ready = conditions?.filter(({ type }) => type === 'Ready');
  return { ...(podIP !== undefined && { podIP }), ...(ready && { conditions: ready }) };
}

function describe({ metadata, status }: Pod): GatewayPod {
  const annotations = Object.entries(metadata.annotations ?? {});
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    ready: status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    ip: status?.podIP,
    ending: metadata.deletionTimestamp !== undefined,
    annotations: Object.fromEntries(annotations.filter(([name]) => name.startsWith(OUR_ANNOTATIONS))),
  };
}
