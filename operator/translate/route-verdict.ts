// What is to be said of a route, with each gateway that it names.
import type { ConditionUpdate } from '../api/conditions.ts';
import type { SentryGateway } from '../api/sentry-gateway.ts';
import type { Parent } from './attachment.ts';
import { routeClients } from './clients.ts';
import type { Contender } from './competition.ts';
import type { Claim, Rival } from './conflicts.ts';
import { usedFields } from './match.ts';
import { type AcceptedReason, conditionOf, type Problem } from './problem.ts';
import type { ResolvedRoute, RouteEntry, Service } from './routes.ts';
import type { Key, ParentVerdict, RouteVerdict } from './types.ts';

/** How many values or routes a message names before it counts the others. */
const NAMED = 5;

/** What came of a route on the gateway of one of its `gatewayRefs`. */
export interface ParentOutcome {
  readonly parent: Parent;
  /** Undefined with `parent.problem`. */
  readonly gateway: SentryGateway | undefined;
  readonly contender: Contender | undefined;
  /** Undefined where it holds nothing there. */
  readonly entry: RouteEntry | undefined;
  /** Whether the gateway's snapshot holds the entry. */
  readonly served: boolean;
}

export function routeVerdict(resolved: ResolvedRoute, outcomes: readonly ParentOutcome[]): RouteVerdict {
  const observedGeneration = resolved.route.metadata.generation ?? 1;
  return {
    observedGeneration,
    parents: outcomes.map((outcome) => parentVerdict(resolved, outcome, observedGeneration)),
    servers: resolved.route.spec.servers.map(({ name }) => name),
  };
}

function parentVerdict(
  resolved: ResolvedRoute,
  outcome: ParentOutcome,
  observedGeneration: number,
): ParentVerdict {
  const { parent, gateway, entry } = outcome;
  const claims = parent.listeners.flatMap((name) => {
    const claim = outcome.contender?.claims.get(name);
    return claim ? [{ name, claim }] : [];
  });
  const granted = claims.filter(({ claim }) => claim.granted).map(({ name }) => name);
  const conflict = conflictOf(claims.map(({ claim }) => claim));
  const fate = entry === undefined ? '' : fates[entry.service];
  const refused = refusalOf(parent, withFate(resolved.invalid, fate), granted, conflict);
  const attached = `Attached to listener${granted.length === 1 ? '' : 's'} ${granted.join(', ')}`;
  return {
    gatewayRef: parent.gatewayRef,
    gateway: parent.gateway,
    conditions: [
      conditionOf('Accepted', refused, attached, observedGeneration),
      conditionOf(
        'ResolvedRefs',
        withFate(resolved.unresolved, fate),
        'Every reference resolves',
        observedGeneration,
      ),
      ...conflicted(conflict, observedGeneration),
    ],
    served: refused === undefined && entry?.service === 'Current' && outcome.served,
    ...(refused === undefined &&
      gateway !== undefined &&
      entry !== undefined && { clients: routeClients(gateway, granted, entry.entry) }),
  };
}

function conflicted(message: string | undefined, observedGeneration: number): ConditionUpdate[] {
  if (message === undefined) return [];
  return [{ type: 'Conflicted', status: 'True', reason: 'OverlappingMatch', message, observedGeneration }];
}

function refusalOf(
  { problem }: Parent,
  invalid: Problem<'Invalid'> | undefined,
  granted: readonly string[],
  conflict: string | undefined,
): Problem<AcceptedReason> | undefined {
  if (problem !== undefined || invalid !== undefined) return problem ?? invalid;
  if (granted.length > 0 || conflict === undefined) return undefined;
  return { reason: 'Conflicted', message: `nothing is left of the match: ${conflict}` };
}

function withFate<Reason extends string>(
  problem: Problem<Reason> | undefined,
  fate: string,
): Problem<Reason> | undefined {
  return problem && { reason: problem.reason, message: `${problem.message}${fate}` };
}

/** What becomes of a route's users while something that it needs is missing or wrong. */
const fates: Readonly<Record<Service, string>> = {
  Current: '',
  LastGood: '; the last good version of the route stays in service',
  Unavailable: '; until then its users get 503',
};

/** Names what older routes hold; undefined where there is no conflict. */
function conflictOf(claims: readonly Claim<Key>[]): string | undefined {
  const texts = [...new Set(claims.flatMap(({ rivals }) => rivals.map(describeRival)))];
  if (texts.length === 0) return undefined;
  return `${enumerate(texts, '; ', 'routes')}: give each value to one route`;
}

function describeRival({ owner, overlap }: Rival<Key>): string {
  const fields = usedFields(overlap).map((field) => `${field} ${enumerate(overlap[field], ', ', 'values')}`);
  const holding = fields.length === 0 ? 'is the default route' : `has ${fields.join(' with ')}`;
  return `the older ExchangeRoute ${owner} ${holding}`;
}

function enumerate(texts: readonly string[], separator: string, what: string): string {
  const named = texts.slice(0, NAMED).join(separator);
  const others = texts.length - NAMED;
  return others > 0 ? `${named} and ${others} more ${what}` : named;
}
