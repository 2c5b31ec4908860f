// Translates only what a change touches: gateways and routes fall into groups that know nothing of each other.
import { referencesOf } from './provider/kubernetes/references.ts';
import type { ExchangeRoute } from './api/exchange-route.ts';
import { keyOf } from './api/meta.ts';
import type { SentryGateway } from './api/sentry-gateway.ts';
import type { ProvidedResources } from './provider/types.ts';
import { translate } from './translate/translate.ts';
import type {
  GatewayKeys,
  Key,
  SnapshotWithFiles,
  TranslateOptions,
  Translation,
} from './translate/types.ts';

export interface IncrementalTranslationOptions {
  readonly translate: TranslateOptions;
  readonly clock: { now(): Date };
  /** What an earlier run of the operator gave to a gateway: asked for only where something of it does not resolve. */
  readonly delivered: (gateway: SentryGateway['metadata']) => Promise<SnapshotWithFiles | undefined>;
}

export interface Retranslated {
  readonly translation: Translation;
  /** Gateways and routes that were translated anew. */
  readonly gateways: ReadonlySet<Key>;
  readonly routes: ReadonlySet<Key>;
}

/** Gateways that share a route, directly or by others, and all their routes. */
interface Group {
  readonly gateways: SentryGateway[];
  readonly routes: ExchangeRoute[];
}

interface Translated {
  /** What the translation depends on, but for what was given before. */
  readonly inputs: readonly unknown[];
  readonly translation: Translation;
}

interface Previous {
  readonly uid: string | undefined;
  readonly snapshot: SnapshotWithFiles | undefined;
}

/** A change costs the translation of its group: of one gateway and its routes in most clusters. */
export class IncrementalTranslation {
  readonly #options: IncrementalTranslationOptions;
  #groups = new Map<Key, Translated>();
  readonly #previous = new Map<Key, Previous>();

  constructor(options: IncrementalTranslationOptions) {
    this.#options = options;
  }

  /** @throws ApiError where what was given before has to be read and cannot */
  async update(resources: ProvidedResources, keys: ReadonlyMap<Key, GatewayKeys>): Promise<Retranslated> {
    const lookup = new Lookup(resources, keys);
    const groups = new Map<Key, Translated>();
    const gateways = new Set<Key>();
    const routes = new Set<Key>();
    const note = ({ gatewayStatuses, routeStatuses }: Translation) => {
      for (const key of gatewayStatuses.keys()) gateways.add(key);
      for (const key of routeStatuses.keys()) routes.add(key);
    };
    for (const [id, group] of groupsOf(resources)) {
      const before = this.#groups.get(id);
      const inputs = lookup.inputsOf(group);
      const isFresh = before !== undefined && areSame(before.inputs, inputs) && !this.#isDue(before);
      const translated = isFresh ? before : { inputs, translation: await this.#translate(group, lookup) };
      groups.set(id, translated);
      if (!isFresh) note(translated.translation);
    }
    this.#groups = groups;
    this.#forget(new Set(resources.gateways.map(({ metadata }) => keyOf(metadata))));
    return {
      translation: merge([...groups.values()].map(({ translation }) => translation)),
      gateways,
      routes,
    };
  }

  async #translate(group: Group, lookup: Lookup): Promise<Translation> {
    const at = this.#options.clock.now();
    const attempt = () =>
      translate({ ...lookup.resourcesOf(group), previous: this.#known(group), at }, this.#options.translate);
    let translation = attempt();
    if (hasProblem(translation) && (await this.#learn(group))) translation = attempt();
    for (const { key, snapshot, files } of translation.gateways) {
      const gateway = group.gateways.find(({ metadata }) => keyOf(metadata) === key);
      this.#previous.set(key, { uid: gateway?.metadata.uid, snapshot: { snapshot, files } });
    }
    return translation;
  }

  #known({ gateways }: Group): Map<Key, SnapshotWithFiles> {
    return new Map(
      gateways.flatMap(({ metadata }) => {
        const known = this.#previous.get(keyOf(metadata));
        const isOfThis = known !== undefined && known.uid === metadata.uid;
        return isOfThis && known.snapshot !== undefined ? [[keyOf(metadata), known.snapshot] as const] : [];
      }),
    );
  }

  /** True when something was read that was not known. */
  async #learn({ gateways }: Group): Promise<boolean> {
    let hasLearnt = false;
    for (const { metadata } of gateways) {
      const key = keyOf(metadata);
      const known = this.#previous.get(key);
      if (known !== undefined && known.uid === metadata.uid) continue;
      const snapshot = await this.#options.delivered(metadata);
      this.#previous.set(key, { uid: metadata.uid, snapshot });
      hasLearnt ||= snapshot !== undefined;
    }
    return hasLearnt;
  }

  #isDue({ translation: { nextJudgement } }: Translated): boolean {
    return nextJudgement !== undefined && nextJudgement <= this.#options.clock.now();
  }

  #forget(present: ReadonlySet<Key>): void {
    for (const key of this.#previous.keys()) if (!present.has(key)) this.#previous.delete(key);
  }
}

/** Finds what a group refers to, and tells whether it is still the same. */
class Lookup {
  readonly #resources: ProvidedResources;
  readonly #keys: ReadonlyMap<Key, GatewayKeys>;
  readonly #secrets: ReadonlyMap<Key, ProvidedResources['secrets'][number]>;
  readonly #configMaps: ReadonlyMap<Key, ProvidedResources['configMaps'][number]>;

  constructor(resources: ProvidedResources, keys: ReadonlyMap<Key, GatewayKeys>) {
    this.#resources = resources;
    this.#keys = keys;
    this.#secrets = new Map(resources.secrets.map((secret) => [keyOf(secret.metadata), secret]));
    this.#configMaps = new Map(resources.configMaps.map((map) => [keyOf(map.metadata), map]));
  }

  resourcesOf({
    gateways,
    routes,
  }: Group): ProvidedResources & { readonly keys: ReadonlyMap<Key, GatewayKeys> } {
    const references = referencesOf(gateways, routes);
    return {
      ...this.#resources,
      gateways,
      routes,
      secrets: found(references.secrets, this.#secrets),
      configMaps: found(references.configMaps, this.#configMaps),
      keys: new Map(
        gateways.flatMap(({ metadata }) => {
          const keys = this.#keys.get(keyOf(metadata));
          return keys ? [[keyOf(metadata), keys] as const] : [];
        }),
      ),
    };
  }

  /** A status is no input: of the resources themselves the generation counts. */
  inputsOf(group: Group): unknown[] {
    const { secrets, configMaps, keys } = this.resourcesOf(group);
    const { certManager, namespaces } = this.#resources;
    const { gateways, routes } = group;
    const isSelecting = gateways.some(({ spec }) => spec.allowedRoutes.namespaces.from === 'Selector');
    const isIssuing = gateways.some(({ spec }) => spec.listeners.some(({ tls }) => tls.issuerRef));
    return [
      ...[...gateways, ...routes].map(({ metadata }) => `${metadata.uid} ${metadata.generation}`),
      ...[...secrets, ...configMaps].map(({ metadata }) => `${metadata.uid} ${metadata.resourceVersion}`),
      ...keys.values(),
      ...(isSelecting
        ? namespaces.map(({ metadata }) => JSON.stringify([metadata.name, metadata.labels]))
        : []),
      ...(isIssuing ? [JSON.stringify(certManager)] : []),
    ];
  }
}

/** By the key of one of their gateways, which may not exist: a route whose gateway is missing is a group too. */
function groupsOf({ gateways, routes }: ProvidedResources): Map<Key, Group> {
  const parents = new Map<Key, Key>();
  const rootOf = (key: Key): Key => {
    const parent = parents.get(key) ?? key;
    if (parent === key) return key;
    const root = rootOf(parent);
    parents.set(key, root);
    return root;
  };
  const refsOf = ({ metadata, spec }: ExchangeRoute): Key[] =>
    spec.gatewayRefs.map(({ namespace, name }) => `${namespace ?? metadata.namespace}/${name}`);
  for (const route of routes) {
    const [first = '', ...others] = refsOf(route);
    for (const other of others) parents.set(rootOf(other), rootOf(first));
  }
  const groups = new Map<Key, Group>();
  const groupAt = (key: Key): Group => {
    const id = rootOf(key);
    const group = groups.get(id) ?? { gateways: [], routes: [] };
    groups.set(id, group);
    return group;
  };
  for (const gateway of gateways) groupAt(keyOf(gateway.metadata)).gateways.push(gateway);
  for (const route of routes) groupAt(refsOf(route)[0] ?? '').routes.push(route);
  return groups;
}

/** True when something that was given before may matter. */
function hasProblem({ gatewayStatuses, routeStatuses }: Translation): boolean {
  const isBad = ({ status }: { readonly status: string }) => status !== 'True';
  return (
    [...gatewayStatuses.values()].some(({ conditions }) => conditions.some(isBad)) ||
    [...routeStatuses.values()].some(({ parents }) =>
      parents.some(({ conditions }) => conditions.some(isBad)),
    )
  );
}

function merge(translations: readonly Translation[]): Translation {
  const judgements = translations.flatMap(({ nextJudgement }) => nextJudgement?.getTime() ?? []);
  return {
    gateways: translations.flatMap(({ gateways }) => gateways),
    gatewayStatuses: new Map(translations.flatMap(({ gatewayStatuses }) => [...gatewayStatuses])),
    routeStatuses: new Map(translations.flatMap(({ routeStatuses }) => [...routeStatuses])),
    certificates: new Map(translations.flatMap(({ certificates }) => [...certificates])),
    ...(judgements.length > 0 && { nextJudgement: new Date(Math.min(...judgements)) }),
  };
}

function found<Value>(keys: ReadonlySet<Key>, values: ReadonlyMap<Key, Value>): Value[] {
  return [...keys].flatMap((key) => values.get(key) ?? []);
}

function areSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
