// What the translation makes is what a real API server takes: every field known, and nothing changed by a second apply.
// The statuses are judged by the generated CRDs.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../../operator/api/meta.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { typeOf } from '../../operator/kube/resource.ts';
import { gatewayStatus } from '../../operator/status/gateway-status.ts';
import type { GatewayObservations } from '../../operator/status/observations.ts';
import { routeStatus } from '../../operator/status/route-status.ts';
import { SnapshotHistory } from '../../operator/status/snapshot-history.ts';
import { translate } from '../../operator/translate/translate.ts';
import { readGoldenInput } from '../golden/input.ts';
import type { AttachedControlPlane } from './control-plane.ts';
import { sharedControlPlane } from './global-setup.ts';

const golden = join(import.meta.dirname, '../golden');
const inputs = readdirSync(golden).filter((name) => name.endsWith('.in.yaml'));
const namespace = 'translated-objects';

let client: KubeClient;
let controlPlane: AttachedControlPlane;

async function kubectl(...command: string[]): Promise<string> {
  const result = await controlPlane.kubectl(command);
  if (result.code !== 0) throw new Error(result.stderr);
  return result.stdout;
}

beforeAll(async () => {
  controlPlane = await sharedControlPlane();
  await kubectl('apply', '--server-side', '-f', 'crds/');
  await kubectl('wait', '--for=condition=Established', '--timeout=60s', '-f', 'crds/');
  await kubectl('create', 'namespace', namespace);
  client = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
});

afterAll(async () => {
  await kubectl('delete', 'namespace', namespace, '--wait=false');
  await client.close();
});

/** In the test's namespace and without the owner, which does not exist there. */
function here({ metadata, ...object }: KubernetesObject): KubernetesObject {
  const { ownerReferences: _owner, ...rest } = metadata;
  return { ...object, apiVersion: object.apiVersion, kind: object.kind, metadata: { ...rest, namespace } };
}

async function remove(objects: readonly KubernetesObject[]): Promise<void> {
  for (const object of objects) {
    await client.delete(typeOf(object), { namespace, name: object.metadata.name });
  }
}

describe('the API server takes the objects of', () => {
  test.each(inputs)('%s', async (input) => {
    const { resources, options } = await readGoldenInput(join(golden, input));
    const { gateways } = translate(resources, { ...options, target: 'Cluster' });
    for (const { objects } of gateways) {
      for (const object of objects.map(here)) {
        const first = await client.apply<KubernetesObject>(typeOf(object), object);
        const second = await client.apply<KubernetesObject>(typeOf(object), object);
        expect(second.metadata.generation).toBe(first.metadata.generation);
        expect(second['spec']).toEqual(first['spec']);
        // Whatever the user wrote stands there, unchanged by defaults.
        expect(first['spec']).toMatchObject(object['spec'] ?? {});
      }
      await remove(objects);
    }
  });
});

describe('the API server takes the statuses of', () => {
  test.each(inputs)('%s', async (input) => {
    const { resources, options } = await readGoldenInput(join(golden, input));
    const translation = translate(resources, { ...options, target: 'Cluster' });
    const now = new Date();
    const observed: GatewayObservations = {
      wanted: { hash: 'f'.repeat(64), generation: 7 },
      pods: [{ name: 'pod', ready: true, report: undefined, error: 'connection refused' }],
      addresses: ['192.0.2.1'],
      history: new SnapshotHistory(),
    };
    for (const { spec, metadata, ...gateway } of resources.gateways) {
      const verdict = translation.gatewayStatuses.get(`${metadata.namespace}/${metadata.name}`);
      if (verdict === undefined) throw new Error('no verdict');
      const status = gatewayStatus(verdict, observed, undefined, now);
      expect(await writtenStatus({ ...gateway, metadata, spec }, status)).toEqual(status);
    }
    const observations = new Map([...translation.gatewayStatuses.keys()].map((key) => [key, observed]));
    for (const { spec, metadata, ...route } of resources.routes) {
      const key = `${metadata.namespace}/${metadata.name}`;
      const verdict = translation.routeStatuses.get(key);
      if (verdict === undefined) throw new Error('no verdict');
      const status = routeStatus({ key, verdict, observations }, undefined, now);
      expect(await writtenStatus({ ...route, metadata, spec }, status)).toEqual(status);
    }
  });
});

/** Writes it strictly and reads it back: what the CRD does not know would be refused. */
async function writtenStatus(
  { apiVersion, kind, metadata, spec }: KubernetesObject & { readonly spec: object },
  status: object,
): Promise<unknown> {
  const object = { apiVersion, kind, metadata: { name: metadata.name, namespace }, spec };
  const type = typeOf(object);
  await client.apply(type, object);
  const withStatus: KubernetesObject = { ...object, status };
  await client.apply(type, withStatus, 'status');
  const live = await client.get<KubernetesObject>(type, { namespace, name: metadata.name });
  await client.delete(type, { namespace, name: metadata.name });
  return live['status'];
}
