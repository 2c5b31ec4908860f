// The API server's verdict without an API server: defaults, unknown fields, and the rules across fields.
import * as z from 'zod';
import { type ExchangeRoute, exchangeRouteSpec } from './exchange-route.ts';
import { API_VERSION } from './meta.ts';
import { exchangeRouteRules, listMapKeys, listSets, type Rule, sentryGatewayRules } from './rules.ts';
import { type SentryGateway, sentryGatewaySpec } from './sentry-gateway.ts';

/** One thing that is wrong, and where: `spec.listeners[0].tls`. The message says what to do. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

export type Validated<T> =
  { readonly ok: true; readonly object: T } | { readonly ok: false; readonly problems: readonly Problem[] };

const labels = z.record(z.string(), z.string());

const metadataSchema = z.strictObject({
  name: z.string().min(1),
  namespace: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'use a DNS label')
    .default('default'),
  uid: z.string().optional(),
  generation: z.int().optional(),
  resourceVersion: z.string().optional(),
  creationTimestamp: z.iso.datetime().nullish(),
  labels: labels.optional(),
  annotations: labels.optional(),
  managedFields: z.unknown().optional(),
});

const manifestOf = <Spec extends z.ZodType>(kind: string, spec: Spec) =>
  z.strictObject({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal(kind),
    metadata: metadataSchema,
    spec,
    /** Written by the operator; whatever a file says of it is ignored. */
    status: z.unknown().optional(),
  });

const manifests = {
  SentryGateway: { schema: manifestOf('SentryGateway', sentryGatewaySpec), rules: sentryGatewayRules },
  ExchangeRoute: { schema: manifestOf('ExchangeRoute', exchangeRouteSpec), rules: exchangeRouteRules },
};

/** The kinds of our group. */
export type Kind = keyof typeof manifests;

interface ObjectOfKind {
  SentryGateway: SentryGateway;
  ExchangeRoute: ExchangeRoute;
}

/** True for `SentryGateway` and `ExchangeRoute`. */
export function isKind(kind: string): kind is Kind {
  return Object.hasOwn(manifests, kind);
}

/**
 * Judges a parsed manifest as the API server would with strict field validation, and fills in the defaults
 * (`metadata.namespace` too). Every problem that can be told at once is told.
 */
export function parseManifest<K extends Kind>(kind: K, manifest: unknown): Validated<ObjectOfKind[K]> {
  const { schema, rules } = manifests[kind];
  const result = schema.safeParse(manifest);
  if (!result.success) return { ok: false, problems: result.error.issues.flatMap(problemsOf) };
  const { status: _status, ...object } = result.data;
  const problems = [
    ...duplicates(object),
    ...rules.flatMap((rule) => broken(rule as unknown as Rule<unknown>, object)),
  ];
  if (problems.length > 0) return { ok: false, problems };
  const { creationTimestamp, managedFields: _managedFields, ...metadata } = object.metadata;
  return {
    ok: true,
    object: {
      ...object,
      metadata: creationTimestamp == null ? metadata : { ...metadata, creationTimestamp },
    } as unknown as ObjectOfKind[K],
  };
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  const path = pathText(issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: path === '' ? key : `${path}.${key}`,
        message: 'unknown field: remove it or correct its name',
      }));
    case 'invalid_type':
      return [{ path, message: issue.input === undefined ? `is required: ${issue.message}` : issue.message }];
    case 'invalid_value':
      return [{ path, message: `use one of ${issue.values.map((value) => String(value)).join(', ')}` }];
    default:
      return [{ path, message: issue.message }];
  }
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

function broken(rule: Rule<unknown>, object: unknown): Problem[] {
  return nodesAt(object, rule.at)
    .filter(({ node }) => !rule.check(node))
    .map(({ path }) => ({ path: `${path}${rule.field}`.replace(/^\./, ''), message: rule.message }));
}

function duplicates(object: unknown): Problem[] {
  const maps = Object.entries(listMapKeys).flatMap(([at, keys]) =>
    nodesAt(object, at).flatMap(({ path, node }) =>
      repeated(path, node as Record<string, unknown>[], (item) => keys.map((key) => item[key]).join('/')),
    ),
  );
  const sets = listSets.flatMap((at) =>
    nodesAt(object, at).flatMap(({ path, node }) => repeated(path, node as string[], (item) => item)),
  );
  return [...maps, ...sets];
}

function repeated<T>(path: string, items: readonly T[], keyOf: (item: T) => string): Problem[] {
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    const key = keyOf(item);
    if (seen.has(key)) {
      return [{ path: `${path}[${index}]`, message: `duplicate of ${key}: each may occur once` }];
    }
    seen.add(key);
    return [];
  });
}

/** The nodes at a schema path that exist, each with its own path. */
function nodesAt(root: unknown, at: string): { path: string; node: unknown }[] {
  let nodes = [{ path: '', node: root }];
  for (const part of at === '' ? [] : at.split('.')) {
    const name = part.replace(/\[\]$/, '');
    nodes = nodes.flatMap(({ path, node }) => {
      const child = (node as Record<string, unknown>)[name];
      const childPath = path === '' ? name : `${path}.${name}`;
      if (child === undefined) return [];
      if (name === part) return [{ path: childPath, node: child }];
      return (child as unknown[]).map((item, index) => ({ path: `${childPath}[${index}]`, node: item }));
    });
  }
  return nodes;
}
