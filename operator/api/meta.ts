// What all kinds share: metadata, references, and the core objects that resources refer to.
import * as z from 'zod';
import { formats, text } from './formats.ts';

/** The API group and version of both kinds. */
export const API_VERSION = 'sentrygateway.io/v1alpha1';

export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  /** RFC 3339; absent for resources of a file. */
  readonly creationTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Any object of the Kubernetes API that the operator makes. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Omit<ObjectMeta, 'namespace'> & {
    readonly namespace?: string;
    readonly ownerReferences?: readonly {
      readonly apiVersion: string;
      readonly kind: string;
      readonly name: string;
      readonly uid: string;
      readonly controller?: boolean;
    }[];
  };
  readonly [field: string]: unknown;
}

export interface Secret {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly type?: string;
  /** base64 */
  readonly data?: Readonly<Record<string, string>>;
}

export interface ConfigMap {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
  readonly data?: Readonly<Record<string, string>>;
}

export interface Namespace {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: Omit<ObjectMeta, 'namespace'>;
}

/** `namespace/name`. */
export function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

/** A DNS label in lower case (RFC 1123). */
export const dnsLabel = (description: string) => text(formats.dnsLabel).describe(description);

/** The name of an object (RFC 1123 subdomain). */
export const objectName = (description: string) => text(formats.objectName).describe(description);

/** A key of a Secret or ConfigMap that holds CA certificates, in the namespace of the resource. */
export const caReference = (description: string) =>
  z
    .strictObject({
      kind: z
        .enum(['ConfigMap', 'Secret'])
        .default('ConfigMap')
        .describe('Kind of the object. Default ConfigMap.'),
      name: objectName('Name of the object, in the namespace of this resource.'),
      key: text(formats.dataKey)
        .default('ca.crt')
        .describe('Key that holds one or more certificates in PEM. Default ca.crt.'),
    })
    .describe(description);

export const conditionSchema = z.strictObject({
  type: z
    .string()
    .min(1)
    .max(316)
    .describe('Type of the condition: Accepted, ResolvedRefs, Programmed, Ready or Conflicted.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('True, False or Unknown.'),
  observedGeneration: z
    .int()
    .min(0)
    .describe('The generation of the resource that the condition was decided for.')
    .optional(),
  lastTransitionTime: z.iso.datetime().describe('When the status of the condition last changed.'),
  reason: z
    .string()
    .min(1)
    .max(1024)
    .describe('One word in PascalCase that says why; listed in the reference.'),
  message: z.string().max(32_768).describe('What it is and what to do.'),
});

export type Condition = z.infer<typeof conditionSchema>;
