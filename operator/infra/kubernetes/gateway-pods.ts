// The pods of all gateways, as a watch shows them.
import type { KubeClient } from '../../kube/client.ts';
import { Reflector } from '../../kube/reflector.ts';
import { type KubeObject, resourceTypes } from '../../kube/resource.ts';
import type { Key } from '../../translate/types.ts';

const INSTANCE_LABEL = 'app.kubernetes.io/instance';
const SELECTOR = 'app.kubernetes.io/name=sentry-gateway,app.kubernetes.io/managed-by=sentry-operator';

interface Pod extends KubeObject {
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface GatewayPod {
  readonly namespace: string;
  readonly name: string;
  readonly ready: boolean;
  /** Absent until it is scheduled and has a network. */
  readonly ip: string | undefined;
  /** True from the moment that it was told to end. */
  readonly ending: boolean;
}

/** Keeps the pods by gateway. `onChange` names the gateway whose pods changed. */
export class GatewayPods {
  readonly #reflector: Reflector<Pod>;
  readonly #gatewayOfPod = new Map<string, Key>();

  constructor(options: {
    client: KubeClient;
    namespace?: string | undefined;
    signal: AbortSignal;
    onChange: (gateway: Key) => void;
    onError: (error: unknown) => void;
  }) {
    this.#reflector = new Reflector<Pod>({
      ...options,
      type: resourceTypes.pod,
      selection: { namespace: options.namespace, labelSelector: SELECTOR },
      onChange: (key, pod) => {
        const gateway = pod === undefined ? this.#gatewayOfPod.get(key) : gatewayOf(pod);
        if (gateway === undefined) return;
        if (pod === undefined) this.#gatewayOfPod.delete(key);
        else this.#gatewayOfPod.set(key, gateway);
        options.onChange(gateway);
      },
    });
  }

  get synced(): Promise<void> {
    return this.#reflector.synced;
  }

  get done(): Promise<void> {
    return this.#reflector.done;
  }

  /** In the order of their names. */
  of(gateway: Key): GatewayPod[] {
    return this.#reflector
      .values()
      .filter((pod) => gatewayOf(pod) === gateway)
      .map(describe)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }
}

function gatewayOf({ metadata }: Pod): Key | undefined {
  const name = metadata.labels?.[INSTANCE_LABEL];
  return name === undefined ? undefined : `${metadata.namespace}/${name}`;
}

function describe({ metadata, status }: Pod): GatewayPod {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    ready: status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    ip: status?.podIP,
    ending: metadata.deletionTimestamp !== undefined,
  };
}
