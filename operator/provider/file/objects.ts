// One document of a manifest as an object: ours and the core kinds that ours refer to; all others are passed over.
import * as z from 'zod';
import { toDotPath } from 'zod/v4/core';
import type { ExchangeRoute } from '../../api/exchange-route.ts';
import { API_VERSION, type ConfigMap, type Namespace, objectName, type Secret } from '../../api/meta.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { isKind, parseManifest } from '../../api/validate.ts';
import type { ObjectReference } from '../types.ts';
import type { FieldPath } from './documents.ts';

/** An object with its kind, so that one list can hold all of them. */
export type ManifestObject =
  | { readonly kind: 'SentryGateway'; readonly object: SentryGateway }
  | { readonly kind: 'ExchangeRoute'; readonly object: ExchangeRoute }
  | { readonly kind: 'Secret'; readonly object: Secret }
  | { readonly kind: 'ConfigMap'; readonly object: ConfigMap }
  | { readonly kind: 'Namespace'; readonly object: Namespace };

/** What is wrong with a field; the message starts with its path and says what to do. */
export interface FieldProblem {
  readonly path: FieldPath;
  readonly message: string;
}

/** `Refused` names the object as far as the document says which one it is. */
export type Reading =
  | ({ readonly outcome: 'Read'; readonly reference: ObjectReference } & ManifestObject)
  | { readonly outcome: 'Ignored'; readonly message: string }
  | {
      readonly outcome: 'Refused';
      readonly reference: ObjectReference | undefined;
      readonly problems: readonly FieldProblem[];
    };

const OUR_GROUP = API_VERSION.split('/')[0];
const NAMESPACE_LABEL = 'kubernetes.io/metadata.name';

const strings = z.record(z.string(), z.string());
const dataKey = z
  .string()
  .regex(/^[-._a-zA-Z0-9]{1,253}$/, 'use letters, digits, hyphens, dots and underscores');
const base64 = z.base64('use base64, or write the text itself under stringData');

const metadata = {
  name: objectName('Name.'),
  labels: strings.optional(),
  annotations: strings.optional(),
};
const namespace = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'use a DNS label')
  .default('default');

const coreSchemas = {
  Secret: z.strictObject({
    apiVersion: z.literal('v1'),
    kind: z.literal('Secret'),
    metadata: z.object({ ...metadata, namespace }),
    type: z.string().optional(),
    immutable: z.boolean().optional(),
    data: z.record(dataKey, base64).nullish(),
    stringData: z.record(dataKey, z.string()).nullish(),
  }),
  ConfigMap: z.strictObject({
    apiVersion: z.literal('v1'),
    kind: z.literal('ConfigMap'),
    metadata: z.object({ ...metadata, namespace }),
    immutable: z.boolean().optional(),
    data: z.record(dataKey, z.string()).nullish(),
    binaryData: z.record(dataKey, base64).nullish(),
  }),
  Namespace: z.object({
    apiVersion: z.literal('v1'),
    kind: z.literal('Namespace'),
    metadata: z.object(metadata),
  }),
};
type CoreKind = keyof typeof coreSchemas;

/** Judges one document's value as the API server would, and fills in the defaults. */
export function readObject(value: unknown): Reading {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refused(undefined, [], 'must be an object with apiVersion, kind, metadata and spec');
  }
  const { apiVersion, kind } = value as Record<string, unknown>;
  if (typeof apiVersion !== 'string')
    return refused(undefined, ['apiVersion'], 'apiVersion: is required, as text');
  if (typeof kind !== 'string') return refused(undefined, ['kind'], 'kind: is required, as text');
  if (apiVersion.split('/')[0] === OUR_GROUP) return readOurs(apiVersion, kind, value);
  if (apiVersion === 'v1' && isCoreKind(kind)) return readCore(kind, value);
  return { outcome: 'Ignored', message: `${apiVersion} ${kind} is not read here and was ignored` };
}

/** Text of a path such as `spec.listeners[0].tls`, step by step. */
export function parseFieldPath(path: string): FieldPath {
  return [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([step, index]) =>
    index === undefined ? step : Number(index),
  );
}

function readOurs(apiVersion: string, kind: string, value: object): Reading {
  const reference = referenceOf(kind, value, 'default');
  if (!isKind(kind)) {
    return refused(
      reference,
      ['kind'],
      `kind: ${OUR_GROUP} has no kind ${kind}: use SentryGateway or ExchangeRoute`,
    );
  }
  if (apiVersion !== API_VERSION) {
    return refused(
      reference,
      ['apiVersion'],
      `apiVersion: ${apiVersion} is not known here: use ${API_VERSION}`,
    );
  }
  const result = parseManifest(kind, value);
  if (!result.ok) {
    return {
      outcome: 'Refused',
      reference,
      problems: result.problems.map(({ path, message }) => ({
        path: parseFieldPath(path),
        message: path === '' ? message : `${path}: ${message}`,
      })),
    };
  }
  const { name, namespace } = result.object.metadata;
  const read = { kind, object: result.object } as Extract<ManifestObject, { kind: typeof kind }>;
  return { outcome: 'Read', reference: { kind, namespace, name }, ...read };
}

function readCore(kind: CoreKind, value: object): Reading {
  const parsed = coreSchemas[kind].safeParse(value);
  const reference = referenceOf(kind, value, kind === 'Namespace' ? '' : 'default');
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap(fieldProblems);
    return { outcome: 'Refused', reference, problems };
  }
  const read = coreObject(parsed.data);
  const { name } = read.object.metadata;
  return { outcome: 'Read', reference: { kind, namespace: namespaceOf(read), name }, ...read };
}

function coreObject(data: z.infer<(typeof coreSchemas)[CoreKind]>): ManifestObject & { kind: CoreKind } {
  const metadata = withoutUndefined(data.metadata);
  switch (data.kind) {
    case 'Secret': {
      const { apiVersion, kind, type = 'Opaque' } = data;
      const encoded = Object.entries(data.stringData ?? {}).map(
        ([key, text]) => [key, Buffer.from(text).toString('base64')] as const,
      );
      const entries = { ...data.data, ...Object.fromEntries(encoded) };
      return {
        kind,
        object: { apiVersion, kind, metadata: metadata as Secret['metadata'], type, data: entries },
      };
    }
    case 'ConfigMap': {
      const { apiVersion, kind } = data;
      const entries = data.data ?? {};
      return {
        kind,
        object: { apiVersion, kind, metadata: metadata as ConfigMap['metadata'], data: entries },
      };
    }
    case 'Namespace':
      return { kind: data.kind, object: namespaceObject(data.metadata.name, data.metadata.labels) };
  }
}

/** A namespace with the label that the API server gives to each. */
export function namespaceObject(name: string, labels: Readonly<Record<string, string>> = {}): Namespace {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { ...labels, [NAMESPACE_LABEL]: name } },
  };
}

function fieldProblems(issue: z.core.$ZodIssue): FieldProblem[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  const text = toDotPath(path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `${[text, key].filter(Boolean).join('.')}: unknown field: remove it or correct its name`,
    }));
  }
  return [{ path, message: `${text}: ${issue.message}` }];
}

function refused(reference: ObjectReference | undefined, path: FieldPath, message: string): Reading {
  return { outcome: 'Refused', reference, problems: [{ path, message }] };
}

/** The object's identity where the document has one, whatever else is wrong with it. */
function referenceOf(kind: string, value: object, defaultNamespace: string): ObjectReference | undefined {
  const { metadata } = value as { metadata?: { name?: unknown; namespace?: unknown } | null };
  const name = metadata?.name;
  const namespace = metadata?.namespace ?? defaultNamespace;
  if (typeof name !== 'string' || typeof namespace !== 'string') return undefined;
  return { kind, namespace, name };
}

function namespaceOf(read: ManifestObject): string {
  return read.kind === 'Namespace' ? '' : read.object.metadata.namespace;
}

function isCoreKind(kind: string): kind is CoreKind {
  return Object.hasOwn(coreSchemas, kind);
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}
