// The zod schemas as CustomResourceDefinitions: JSON Schema rewritten to what the API server calls structural.
import * as z from 'zod';
import { withDefaults } from './defaults.ts';
import { exchangeRouteSpec, exchangeRouteStatus } from './exchange-route.ts';
import type { Rule, TransitionRule } from './rule.ts';
import {
  exchangeRouteRules,
  listMapKeys,
  listSets,
  sentryGatewayRules,
  sentryGatewayTransitionRules,
} from './rules.ts';
import type { SchemaNode } from './schema-node.ts';
import { sentryGatewaySpec, sentryGatewayStatus } from './sentry-gateway.ts';

interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  readonly priority?: number;
}

interface KindDescription {
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  readonly rules: readonly Rule<never>[];
  readonly transitionRules: readonly TransitionRule[];
  readonly columns: readonly PrinterColumn[];
  readonly scale?: object;
}

const conditionColumn = (name: string, type: string): PrinterColumn => ({
  name,
  type: 'string',
  jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
  description: `Status of the condition ${type}.`,
});

const ageColumn: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since it was created.',
};

/** Both kinds, in the order in which users write them. */
export const kinds: readonly KindDescription[] = [
  {
    kind: 'SentryGateway',
    plural: 'sentrygateways',
    shortName: 'sgw',
    description: 'A SentryGateway is where phones connect: listeners with host names and certificates.',
    spec: sentryGatewaySpec,
    status: sentryGatewayStatus,
    rules: sentryGatewayRules,
    transitionRules: sentryGatewayTransitionRules,
    columns: [
      {
        name: 'Hostname',
        type: 'string',
        jsonPath: '.spec.listeners[0].hostnames[0]',
        description: 'First host name.',
      },
      { name: 'Port', type: 'integer', jsonPath: '.spec.port', description: 'Port that phones use.' },
      {
        name: 'Address',
        type: 'string',
        jsonPath: '.status.addresses[0].value',
        description: 'First address.',
      },
      {
        name: 'Service',
        type: 'string',
        jsonPath: '.spec.service.type',
        description: 'Type of the Service.',
        priority: 1,
      },
      {
        name: 'Replicas',
        type: 'integer',
        jsonPath: '.status.readyReplicas',
        description: 'Ready pods.',
      },
      conditionColumn('Accepted', 'Accepted'),
      conditionColumn('Programmed', 'Programmed'),
      conditionColumn('Ready', 'Ready'),
      ageColumn,
    ],
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
  },
  {
    kind: 'ExchangeRoute',
    plural: 'exchangeroutes',
    shortName: 'xroute',
    description: 'An ExchangeRoute says where the mail of some users lives, and attaches that to gateways.',
    spec: exchangeRouteSpec,
    status: exchangeRouteStatus,
    rules: exchangeRouteRules,
    transitionRules: [],
    columns: [
      {
        name: 'Gateway',
        type: 'string',
        jsonPath: '.spec.gatewayRefs[0].name',
        description: 'First gateway.',
      },
      {
        name: 'Domains',
        type: 'string',
        jsonPath: '.spec.match.domains',
        description: 'Domains that it matches.',
      },
      {
        name: 'Authentication',
        type: 'string',
        jsonPath: '.spec.authentication.type',
        description: 'How users sign in.',
        priority: 1,
      },
      conditionColumn('Accepted', 'Accepted'),
      conditionColumn('Programmed', 'Programmed'),
      conditionColumn('Ready', 'Ready'),
      ageColumn,
    ],
  },
];

/** The CustomResourceDefinition of a kind, as an object. @throws Error where a schema has no structural form */
export function customResourceDefinition(description: KindDescription): object {
  const { kind, plural, shortName, columns, scale } = description;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.sentrygateway.io` },
    spec: {
      group: 'sentrygateway.io',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: [shortName],
        categories: ['sentry'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: rootSchema(description) },
          subresources: { status: {}, ...(scale === undefined ? {} : { scale }) },
          additionalPrinterColumns: columns,
        },
      ],
    },
  };
}

/** The structural schema of a whole object of a kind. */
export function rootSchema({
  description,
  spec,
  status,
  rules,
  transitionRules,
}: KindDescription): SchemaNode {
  const root: SchemaNode = {
    type: 'object',
    description,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: 'Version of the API: sentrygateway.io/v1alpha1.' },
      kind: { type: 'string', description: 'Kind of the resource.' },
      // Named here only so that a rule may blame it.
      metadata: { type: 'object', properties: { name: { type: 'string' } } },
      spec: structural('spec', jsonSchema(spec), 'What is wanted.'),
      status: structural('status', jsonSchema(status), 'What was observed. Written by the operator.'),
    },
  };
  for (const { at, cel, field, message } of [...rules, ...transitionRules]) {
    const node = nodeAt(root, at);
    const validations = (node['x-kubernetes-validations'] ??= []);
    validations.push({
      rule: cel,
      message,
      ...(field === '' ? {} : { fieldPath: field }),
    });
  }
  return root;
}

type JsonSchema = Record<string, unknown>;

function jsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline' }) as JsonSchema;
}

const COPIED = [
  'description',
  'default',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'x-kubernetes-validations',
] as const;
const HANDLED = new Set<string>([
  ...COPIED,
  'type',
  'format',
  'properties',
  'required',
  'items',
  'additionalProperties',
  'propertyNames',
]);
const TYPES = new Set(['object', 'array', 'string', 'integer', 'boolean']);

function structural(path: string, schema: JsonSchema, description?: string): SchemaNode {
  const unknown = Object.keys(schema).find((keyword) => !HANDLED.has(keyword));
  if (unknown !== undefined) throw new Error(`${path}: ${unknown} has no structural form`);
  if (!TYPES.has(String(schema['type']))) throw new Error(`${path}: no type`);
  const node = { type: schema['type'] } as SchemaNode;
  for (const keyword of COPIED) {
    if (schema[keyword] !== undefined) Object.assign(node, { [keyword]: schema[keyword] });
  }
  if (description !== undefined) node.description = description;
  if (schema['format'] === 'date-time') {
    node.format = 'date-time';
    delete node.pattern;
  }
  if (node.type === 'integer') node.format = 'int64';
  if (node.type === 'object') addProperties(path, schema, node);
  if (node.type === 'array') addItems(path, schema, node);
  // The API server judges a default by the rules before it fills in the defaults below it.
  if (node.default !== undefined) node.default = withDefaults(node, node.default);
  if (node.description === undefined && !path.endsWith('[]') && !path.endsWith('{}')) {
    throw new Error(`${path}: every field needs a description`);
  }
  return node;
}

function addProperties(path: string, schema: JsonSchema, node: SchemaNode): void {
  const properties = schema['properties'] as Record<string, JsonSchema> | undefined;
  if (properties !== undefined) {
    node.properties = Object.fromEntries(
      Object.entries(properties).map(([name, child]) => [name, structural(`${path}.${name}`, child)]),
    );
    const required = (schema['required'] as string[] | undefined) ?? [];
    if (required.length > 0) node.required = required;
  } else if (typeof schema['additionalProperties'] === 'object') {
    node.additionalProperties = structural(`${path}{}`, schema['additionalProperties'] as JsonSchema);
  }
}

function addItems(path: string, schema: JsonSchema, node: SchemaNode): void {
  if (node.maxItems === undefined) throw new Error(`${path}: a list needs maxItems`);
  node.items = structural(`${path}[]`, schema['items'] as JsonSchema);
  const keys = listMapKeys[path];
  if (keys !== undefined) {
    node['x-kubernetes-list-type'] = 'map';
    node['x-kubernetes-list-map-keys'] = keys;
  } else node['x-kubernetes-list-type'] = listSets.includes(path) ? 'set' : 'atomic';
}

function nodeAt(root: SchemaNode, at: string): SchemaNode {
  let node = root;
  for (const part of at === '' ? [] : at.split('.')) {
    const child = node.properties?.[part.replace(/\[\]$/, '')];
    const next = part.endsWith('[]') ? child?.items : child;
    if (next === undefined) throw new Error(`A rule stands at ${at}, which is not in the schema.`);
    node = next;
  }
  return node;
}
