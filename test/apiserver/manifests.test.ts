// The table of manifests on a real API server and through the file provider's check: the same verdicts.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseManifest } from '../../operator/api/validate.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { type KubeObject, resourceTypes } from '../../operator/kube/resource.ts';
import { sharedControlPlane } from './global-setup.ts';
import { invalidManifests, validManifests, valueAt } from './manifests.ts';

const typeByKind = {
  SentryGateway: resourceTypes.sentryGateway,
  ExchangeRoute: resourceTypes.exchangeRoute,
};

let client: KubeClient;

beforeAll(async () => {
  const controlPlane = await sharedControlPlane();
  const applied = await controlPlane.kubectl(['apply', '--server-side', '-f', 'crds/']);
  expect(applied.code, applied.stderr).toBe(0);
  const established = await controlPlane.kubectl([
    ...['wait', '--for=condition=Established', '--timeout=60s', 'crd'],
    ...['sentrygateways.sentrygateway.io', 'exchangeroutes.sentrygateway.io'],
  ]);
  expect(established.code, established.stderr).toBe(0);
  client = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
});

afterAll(async () => {
  await client.close();
});

test('the table is large enough', () => {
  expect(validManifests.length + invalidManifests.length).toBeGreaterThanOrEqual(60);
});

describe('accepted', () => {
  test.each(validManifests)('$name', async ({ manifest, expected }) => {
    const type = typeByKind[manifest.kind];
    const { name, namespace } = manifest.metadata;
    const created = await client.create<KubeObject & { spec: unknown }>(type, manifest);
    await client.delete(type, { namespace, name });
    const parsed = parseManifest(manifest.kind, manifest);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    for (const [path, value] of Object.entries(expected)) {
      expect(valueAt(created, path), `the API server's ${path}`).toEqual(value);
      expect(valueAt(parsed.object, path), `the file provider's ${path}`).toEqual(value);
    }
    expect(parsed.object.spec).toEqual(created.spec);
  });
});

describe('refused', () => {
  test.each(invalidManifests)('$name', async ({ manifest, path, says }) => {
    const type = typeByKind[manifest.kind];
    const refusal = await client.create(type, manifest).then(
      async () => {
        await client.delete(type, manifest.metadata);
        return 'the API server accepted it';
      },
      (error: Error) => error.message,
    );
    expect(refusal).toContain(path);
    const parsed = parseManifest(manifest.kind, manifest);
    expect(parsed.ok).toBe(false);
    const problems = parsed.ok ? [] : parsed.problems;
    expect(problems.map((problem) => problem.path)).toContain(path);
    expect(problems.find((problem) => problem.path === path)?.message).toContain(says);
  });
});
