// Everything that the operator has made, as watches show it: of Secrets the metadata only.
import { APPLIED_HASH } from '../../kube/apply.ts';
import type { KubeClient } from '../../kube/client.ts';
import { ReflectorSet } from '../../kube/reflector-set.ts';
import {
  apiVersionOf,
  keyOf,
  type KubeObject,
  type ManagedFields,
  type ResourceType,
  resourceTypes,
} from '../../kube/resource.ts';
import { isOlderVersion } from '../../kube/resource-version.ts';
import type { Key } from '../../translate/types.ts';

const SELECTOR = 'app.kubernetes.io/managed-by=sentry-operator';
const INSTANCE_LABEL = 'app.kubernetes.io/instance';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** A watch shows what was written within moments: what it has not shown by then is asked for again. */
const UNCONFIRMED_MS = 10_000;

const watchedTypes: readonly ResourceType[] = [
  resourceTypes.secret,
  resourceTypes.configMap,
  resourceTypes.networkPolicy,
  resourceTypes.podDisruptionBudget,
  resourceTypes.horizontalPodAutoscaler,
  resourceTypes.service,
  resourceTypes.deployment,
];

export interface OwnedObjectsOptions {
  readonly client: KubeClient;
  /** None: the whole cluster. */
  readonly namespaces: readonly string[];
  readonly signal: AbortSignal;
  /** Called with the gateway of which somebody else has changed or deleted an object, and the object as it is or was. */
  readonly onChange: (gateway: Key, object: KubeObject) => void;
  readonly onError: (error: unknown) => void;
}

interface Held {
  readonly object: KubeObject;
  readonly gateway: Key | undefined;
  /** Of the object of this name that the watch showed last: another one, or none, where this one was only just made. */
  readonly seenUid: string | undefined;
  readonly atMs: number;
}

/** Knows what was written before the watch shows it, and never falls back behind that. */
export class OwnedObjects {
  readonly #options: OwnedObjectsOptions;
  readonly #reflectors: readonly ReflectorSet<KubeObject>[];
  readonly #held = new Map<string, Held>();
  readonly #byGateway = new Map<Key, Set<string>>();

  constructor(options: OwnedObjectsOptions) {
    this.#options = options;
    this.#reflectors = watchedTypes.map(
      (type) =>
        new ReflectorSet<KubeObject>({
          ...options,
          type,
          selection: { labelSelector: SELECTOR, metadataOnly: type === resourceTypes.secret },
          keep: (object) => reduce(object, type),
          onChange: (key, object) => this.#seen(`${type.kind} ${key}`, object),
        }),
    );
  }

  get synced(): Promise<unknown> {
    return Promise.all(this.#reflectors.map(({ synced }) => synced));
  }

  get done(): Promise<unknown> {
    return Promise.all(this.#reflectors.map(({ done }) => done));
  }

  /** The object of that kind and name as it was last seen or written; undefined where none is known. */
  get(object: KubeObject): KubeObject | undefined {
    const held = this.#held.get(idOf(object));
    if (held === undefined || this.#isDoubtful(held)) return undefined;
    return held.object;
  }

  /** All that carries the gateway's labels, whoever owns it. */
  of(gateway: Key): KubeObject[] {
    return [...(this.#byGateway.get(gateway) ?? [])].flatMap((id) => this.#held.get(id)?.object ?? []);
  }

  /** Takes the API server's answer to a write. */
  record(object: KubeObject, type: ResourceType): void {
    const id = idOf({ ...object, kind: type.kind });
    const reduced = reduce(object, type);
    const before = this.#held.get(id);
    if (before !== undefined && isSameOrOlder(reduced, before.object)) return;
    this.#hold(id, reduced, before?.seenUid);
  }

  /** Takes that the object was deleted. */
  forget(object: KubeObject): void {
    this.#drop(idOf(object));
  }

  #seen(id: string, object: KubeObject | undefined): void {
    const before = this.#held.get(id);
    if (object === undefined) {
      if (before === undefined) return;
      const isGone = before.seenUid === before.object.metadata.uid;
      if (!isGone) return void this.#held.set(id, { ...before, seenUid: undefined });
      this.#drop(id);
      if (before.gateway !== undefined) this.#options.onChange(before.gateway, before.object);
      return;
    }
    const { uid } = object.metadata;
    if (before !== undefined && isSameOrOlder(object, before.object)) {
      this.#held.set(id, { ...before, seenUid: uid });
      return;
    }
    this.#hold(id, object, uid);
    const gateway = gatewayOf(object);
    if (gateway !== undefined) this.#options.onChange(gateway, object);
  }

  #hold(id: string, object: KubeObject, seenUid: string | undefined): void {
    this.#drop(id);
    const gateway = gatewayOf(object);
    this.#held.set(id, { object, gateway, seenUid, atMs: performance.now() });
    if (seenUid !== object.metadata.uid) this.#lookAgain(id, object);
    if (gateway === undefined) return;
    const ids = this.#byGateway.get(gateway) ?? new Set();
    this.#byGateway.set(gateway, ids.add(id));
  }

  /** What somebody deletes before any watch has shown it is shown by none, so it counts as changed until one does. */
  #lookAgain(id: string, object: KubeObject): void {
    const timer = setTimeout(() => {
      const held = this.#held.get(id);
      if (held?.object !== object || !this.#isDoubtful(held) || this.#options.signal.aborted) return;
      if (held.gateway !== undefined) this.#options.onChange(held.gateway, object);
      this.#lookAgain(id, object);
    }, UNCONFIRMED_MS + 10);
    timer.unref();
  }

  #drop(id: string): void {
    const gateway = this.#held.get(id)?.gateway;
    this.#held.delete(id);
    if (gateway === undefined) return;
    const ids = this.#byGateway.get(gateway);
    ids?.delete(id);
    if (ids?.size === 0) this.#byGateway.delete(gateway);
  }

  #isDoubtful({ object, seenUid, atMs }: Held): boolean {
    return seenUid !== object.metadata.uid && performance.now() - atMs >= UNCONFIRMED_MS;
  }
}

function idOf(object: KubeObject): string {
  return `${object.kind} ${keyOf(object)}`;
}

function gatewayOf({ metadata }: KubeObject): Key | undefined {
  const name = metadata.labels?.[INSTANCE_LABEL];
  return name === undefined ? undefined : `${metadata.namespace}/${name}`;
}

function isSameOrOlder({ metadata: a }: KubeObject, { metadata: b }: KubeObject): boolean {
  return !isOlderVersion(b.resourceVersion, a.resourceVersion);
}

/** Of who owns which field only what is asked of it: `spec.replicas` of a Deployment, and the keys of a Secret. */
function reduce(object: KubeObject, type: ResourceType): KubeObject {
  const { managedFields, annotations, ...metadata } = object.metadata;
  const isSecret = type === resourceTypes.secret;
  const { [LAST_APPLIED]: _lastApplied, ...others } = annotations ?? {};
  const kept = isSecret ? ours(others) : others;
  const content = isSecret ? {} : object;
  return {
    ...content,
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: {
      ...metadata,
      ...(annotations && { annotations: kept }),
      ...(managedFields && { managedFields: managedFields.map(reduceFields) }),
    },
  };
}

function ours(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = APPLIED_HASH.slice(0, APPLIED_HASH.indexOf('/') + 1);
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => name.startsWith(prefix)));
}

interface Fields {
  readonly 'f:data'?: object;
  readonly 'f:spec'?: { readonly 'f:replicas'?: object };
}

function reduceFields({ manager, operation, subresource, fieldsV1 }: ManagedFields): ManagedFields {
  const fields = (fieldsV1 ?? {}) as Fields;
  const [data, replicas] = [fields['f:data'], fields['f:spec']?.['f:replicas']];
  return {
    manager,
    operation,
    ...(subresource !== undefined && { subresource }),
    fieldsV1: { ...(data && { 'f:data': data }), ...(replicas && { 'f:spec': { 'f:replicas': replicas } }) },
  };
}

/** The entries of an object's `data` that this manager applied last and nobody has changed since. */
export function appliedDataKeys({ metadata }: KubeObject, manager: string): Set<string> {
  const applied = metadata.managedFields?.find(
    (entry) => entry.manager === manager && entry.operation === 'Apply' && entry.subresource === undefined,
  );
  const data = (applied?.fieldsV1 as Fields | undefined)?.['f:data'] ?? {};
  return new Set(Object.keys(data).flatMap((name) => (name.startsWith('f:') ? [name.slice(2)] : [])));
}

/** True when somebody else than this manager has set `spec.replicas`, as an autoscaler does. */
export function hasOtherReplicasOwner({ metadata }: KubeObject, manager: string): boolean {
  return (metadata.managedFields ?? []).some(
    ({ manager: owner, fieldsV1 }) =>
      owner !== manager && (fieldsV1 as Fields | undefined)?.['f:spec']?.['f:replicas'] !== undefined,
  );
}
