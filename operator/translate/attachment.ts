// Which gateways and listeners a route attaches to: its gatewayRefs, and what the gateways allow.
import type { ExchangeRoute, ExchangeRouteSpec } from '../api/exchange-route.ts';
import { keyOf, type Namespace } from '../api/meta.ts';
import type { SentryGateway, SentryGatewaySpec } from '../api/sentry-gateway.ts';
import type { Problem } from './problem.ts';
import type { Key } from './types.ts';

type GatewayRef = ExchangeRouteSpec['gatewayRefs'][number];
type LabelSelector = NonNullable<SentryGatewaySpec['allowedRoutes']['namespaces']['selector']>;
type Operator = NonNullable<LabelSelector['matchExpressions']>[number]['operator'];
type Labels = Readonly<Record<string, string>>;

/** One of a route's `gatewayRefs`, followed. */
export interface Parent {
  readonly gatewayRef: GatewayRef;
  readonly gateway: Key;
  /** Names of listeners; empty with a problem. */
  readonly listeners: readonly string[];
  readonly problem?: Problem<'NoMatchingParent' | 'NotAllowedByListeners'>;
}

/** Follows references from routes to gateways. */
export class Attachment {
  readonly #gateways: ReadonlyMap<Key, SentryGateway>;
  readonly #namespaces: ReadonlyMap<string, Labels>;

  constructor(gateways: readonly SentryGateway[], namespaces: readonly Namespace[]) {
    this.#gateways = new Map(gateways.map((gateway) => [keyOf(gateway.metadata), gateway]));
    this.#namespaces = new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}]));
  }

  /** The parents of a route, in the order of its `gatewayRefs`. */
  parentsOf({ metadata, spec }: ExchangeRoute): Parent[] {
    return spec.gatewayRefs.map((gatewayRef) => this.#follow(gatewayRef, metadata.namespace));
  }

  #follow(gatewayRef: GatewayRef, routeNamespace: string): Parent {
    const gatewayKey = keyOf({ namespace: gatewayRef.namespace ?? routeNamespace, name: gatewayRef.name });
    const refuse = (reason: NonNullable<Parent['problem']>['reason'], message: string): Parent => {
      return { gatewayRef, gateway: gatewayKey, listeners: [], problem: { reason, message } };
    };
    const gateway = this.#gateways.get(gatewayKey);
    if (gateway === undefined) {
      return refuse(
        'NoMatchingParent',
        `SentryGateway ${gatewayKey} does not exist: create it or correct gatewayRefs`,
      );
    }
    if (!this.#allows(gateway, routeNamespace)) {
      const message = `SentryGateway ${gatewayKey} takes no routes of namespace ${routeNamespace}: its allowedRoutes must name it`;
      return refuse('NotAllowedByListeners', message);
    }
    const all = gateway.spec.listeners.map(({ name }) => name);
    const listeners = all.filter((name) => name === (gatewayRef.listenerName ?? name));
    if (listeners.length > 0) return { gatewayRef, gateway: gatewayKey, listeners };
    const message = `SentryGateway ${gatewayKey} has no listener ${gatewayRef.listenerName}: use one of ${all.join(', ')}`;
    return refuse('NoMatchingParent', message);
  }

  #allows({ metadata, spec }: SentryGateway, routeNamespace: string): boolean {
    const { from, selector } = spec.allowedRoutes.namespaces;
    if (from === 'All') return true;
    if (from === 'Same') return metadata.namespace === routeNamespace;
    return selector !== undefined && selects(selector, this.#labelsOf(routeNamespace));
  }

  /** Every namespace carries its name as a label, also where there is no API server that sets it. */
  #labelsOf(namespace: string): Labels {
    return { ...this.#namespaces.get(namespace), 'kubernetes.io/metadata.name': namespace };
  }
}

/** Kubernetes' label selector: every requirement must hold, an empty selector selects everything. */
function selects({ matchLabels, matchExpressions }: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
    (matchExpressions ?? []).every(({ key, operator, values }) =>
      operators[operator](labels[key], values ?? []),
    )
  );
}

/** Whether a namespace's value of a label, undefined where it has none, meets a requirement. */
const operators = {
  In: (value, values) => value !== undefined && values.includes(value),
  NotIn: (value, values) => value === undefined || !values.includes(value),
  Exists: (value) => value !== undefined,
  DoesNotExist: (value) => value === undefined,
} satisfies Record<Operator, (value: string | undefined, values: readonly string[]) => boolean>;
