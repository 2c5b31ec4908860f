// The API server's verdict without an API server: defaults, unknown fields, and the rules across fields.
import * as z from 'zod';
import { kinds, rootSchema } from './custom-resource-definition.ts';
import { withoutNulls } from './defaults.ts';
import { type ExchangeRoute, exchangeRouteSpec } from './exchange-route.ts';
import { formats, isOfFormat, text } from './formats.ts';
import { API_VERSION, type ObjectMeta } from './meta.ts';
import type { Rule } from './rule.ts';
import { exchangeRouteRules, listMapKeys, listSets, sentryGatewayRules } from './rules.ts';
import type { SchemaNode } from './schema-node.ts';
import { type SentryGateway, sentryGatewaySpec } from './sentry-gateway.ts';

/** One thing that is wrong, and where: `spec.listeners[0].tls`. The message says what to do. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

export type Validated<T> =
  { readonly ok: true; readonly object: T } | { readonly ok: false; readonly problems: readonly Problem[] };

/** Broken ones are blamed on the map, as the API server does for metadata. */
const labels = z
  .record(z.string(), z.string())
  .refine(
    (map) => Object.keys(map).every((key) => isOfFormat(formats.labelKey, key)),
    formats.labelKey.message,
  )
  .refine(
    (map) => Object.values(map).every((value) => isOfFormat(formats.labelValue, value)),
    formats.labelValue.message,
  );
const annotations = z
  .record(z.string(), z.string())
  .refine(
    (map) => Object.keys(map).every((key) => isOfFormat(formats.annotationKey, key)),
    formats.annotationKey.message,
  );

/** What the API server writes, or what means nothing in a file: taken, so that `kubectl get -o yaml` gives a good file. */
const notRead = z.unknown().optional();

const metadataSchema = z.strictObject({
  name: z.string().min(1),
  namespace: text(formats.dnsLabel).default('default'),
  uid: z.string().optional(),
  generation: z.int().optional(),
  resourceVersion: z.string().optional(),
  creationTimestamp: z.iso
    .datetime({ offset: true })
    .overwrite((time) => new Date(time).toISOString())
    .optional(),
  labels: labels.optional(),
  annotations: annotations.optional(),
  deletionGracePeriodSeconds: notRead,
  deletionTimestamp: notRead,
  finalizers: notRead,
  generateName: notRead,
  managedFields: notRead,
  ownerReferences: notRead,
  selfLink: notRead,
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
  SentryGateway: {
    schema: manifestOf('SentryGateway', sentryGatewaySpec),
    rules: sentryGatewayRules,
    node: nodeOf('SentryGateway'),
  },
  ExchangeRoute: {
    schema: manifestOf('ExchangeRoute', exchangeRouteSpec),
    rules: exchangeRouteRules,
    node: nodeOf('ExchangeRoute'),
  },
};

/** The structural schema of a kind, with the fields of metadata, which a CRD leaves to the API server. */
function nodeOf(kind: string): SchemaNode {
  const description = kinds.find((each) => each.kind === kind);
  if (description === undefined) throw new Error(`no kind ${kind}`);
  const root = rootSchema(description);
  const names = Object.keys(metadataSchema.shape);
  const properties = Object.fromEntries(names.map((name) => [name, { type: 'object' } satisfies SchemaNode]));
  return { ...root, properties: { ...root.properties, metadata: { type: 'object', properties } } };
}

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
  const { schema, rules, node } = manifests[kind];
  const given = withoutNulls(node, manifest);
  const result = schema.safeParse(given);
  if (!result.success) {
    return { ok: false, problems: result.error.issues.flatMap((issue) => problemsOf(issue, given)) };
  }
  const { status: _status, ...object } = result.data;
  const problems = [
    ...duplicates(object),
    ...rules.flatMap((rule) => broken(rule as unknown as Rule<unknown>, object)),
  ];
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    object: { ...object, metadata: readMetadata(object.metadata) } as unknown as ObjectOfKind[K],
  };
}

/** The fields of metadata that the operator reads, as far as they are there. */
function readMetadata(metadata: z.infer<typeof metadataSchema>): ObjectMeta {
  const { name, namespace, uid, generation, resourceVersion, creationTimestamp, labels, annotations } =
    metadata;
  return {
    name,
    namespace,
    ...(uid !== undefined && { uid }),
    ...(generation !== undefined && { generation }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
    ...(labels !== undefined && { labels }),
    ...(annotations !== undefined && { annotations }),
  };
}

function problemsOf(issue: z.core.$ZodIssue, manifest: unknown): Problem[] {
  const path = pathText(issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: path === '' ? key : `${path}.${key}`,
        message: 'unknown field: remove it or correct its name',
      }));
    case 'invalid_type': {
      const wanted = typeWords[issue.expected] ?? issue.expected;
      const absent = valueAt(manifest, issue.path) === undefined;
      return [{ path, message: absent ? `is required: set it to ${wanted}` : `must be ${wanted}` }];
    }
    case 'invalid_value': {
      const isNumber = typeof valueAt(manifest, issue.path) === 'number';
      const values = issue.values.map((value) => String(value)).join(', ');
      return [{ path, message: `use one of ${values}${isNumber ? ', in quotes' : ''}` }];
    }
    case 'too_small':
      return [{ path, message: boundText(issue.origin, 'at least', issue.minimum) }];
    case 'too_big':
      return [{ path, message: boundText(issue.origin, 'at most', issue.maximum) }];
    default:
      return [{ path, message: issue.message }];
  }
}

const typeWords: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'text',
};

function boundText(origin: string, bound: 'at least' | 'at most', limit: number | bigint): string {
  switch (origin) {
    case 'array':
      return `must have ${bound} ${limit} items`;
    case 'string':
      return `must have ${bound} ${limit} characters`;
    default:
      return `must be ${bound} ${limit}`;
  }
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let node = root;
  for (const step of path) node = (node as Record<PropertyKey, unknown> | undefined)?.[step];
  return node;
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
