// The table of manifests on a real API server and through the file provider's check: the same verdicts.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseManifest } from '../../operator/api/validate.ts';
import { isNotFound } from '../../operator/kube/api-error.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { type KubeObject, type ResourceType, resourceTypes } from '../../operator/kube/resource.ts';
import type { AttachedControlPlane } from './control-plane.ts';
import { sharedControlPlane } from './global-setup.ts';
import { invalidManifests, validManifests, valueAt } from './manifests.ts';

const typeByKind = {
  SentryGateway: resourceTypes.sentryGateway,
  ExchangeRoute: resourceTypes.exchangeRoute,
};

/** Kubernetes' own words that say what is wanted; "should match" is not among them, because a pattern explains nothing. */
const kubernetesSays =
  /Required value|Duplicate value|supported values: |must have at most|must be of type|should have at least|should be (greater|less) than|unknown field|must consist of|consist of alphanumeric/;

let client: KubeClient;
let controlPlane: AttachedControlPlane;

async function kubectl(...command: string[]): Promise<string> {
  const { code, stdout, stderr } = await controlPlane.kubectl(command);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

beforeAll(async () => {
  controlPlane = await sharedControlPlane();
  await kubectl('apply', '--server-side', '-f', 'crds/');
  await kubectl('wait', '--for=condition=Established', '--timeout=60s', '-f', 'crds/');
  client = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
});

afterAll(async () => {
  await client.close();
});

/** The garbage collector may have been quicker where an owner does not exist. */
async function remove(type: ResourceType, target: { namespace: string; name: string }): Promise<void> {
  await client.delete(type, target).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}

test('the table is large enough', () => {
  expect(validManifests.length + invalidManifests.length).toBeGreaterThanOrEqual(60);
});

describe('accepted', () => {
  test.each(validManifests)('$name', async ({ manifest, expected }) => {
    const type = typeByKind[manifest.kind];
    const { name, namespace } = manifest.metadata;
    const created = await client.create<KubeObject & { spec: unknown }>(type, manifest);
    await remove(type, { namespace, name });
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
        await remove(type, manifest.metadata);
        return 'the API server accepted it';
      },
      (error: Error) => error.message,
    );
    const blamed = [` ${path}: `, `[${path}: `, `unknown field "${path}"`];
    if (!blamed.some((text) => refusal.includes(text)))
      throw new Error(`the API server does not blame ${path}: ${refusal}`);
    const parsed = parseManifest(manifest.kind, manifest);
    const problems = parsed.ok ? [] : parsed.problems;
    expect(problems.map((problem) => problem.path)).toContain(path);
    const messages = problems.filter((problem) => problem.path === path).map(({ message }) => message);
    expect(messages.join('; ')).toContain(says);
    const said = messages.some((message) => refusal.includes(message)) || kubernetesSays.test(refusal);
    if (!said) throw new Error(`the API server does not say what to do: ${refusal}`);
  });
});

describe('kubectl', () => {
  const [{ manifest }] = validManifests as [(typeof validManifests)[0]];
  const scaled = { ...manifest, metadata: { ...manifest.metadata, name: 'scaled' } };

  test('lists both kinds by short name and category, with their columns', async () => {
    await client.create(typeByKind.SentryGateway, scaled);
    const table = await kubectl('get', 'sgw', 'scaled');
    expect(table).toMatch(/NAME +HOSTNAME +PORT +ADDRESS +REPLICAS +ACCEPTED +PROGRAMMED +READY +AGE/);
    expect(table).toMatch(/scaled +sentry\.example\.com +443 /);
    expect(await kubectl('get', 'sentry', '-o', 'name')).toContain('sentrygateway.sentrygateway.io/scaled');
    await kubectl('get', 'xroute');
  });

  test('scales a gateway that has replicas, and explains its fields', async () => {
    await kubectl('patch', 'sgw', 'scaled', '--type=merge', '-p', '{"spec":{"replicas":2}}');
    await kubectl('scale', 'sgw', 'scaled', '--replicas=3');
    expect(await kubectl('get', 'sgw', 'scaled', '-o', 'jsonpath={.spec.replicas}')).toBe('3');
    expect(await kubectl('explain', 'sgw.spec.drain.seconds')).toContain('Default 60');
    await kubectl('delete', 'sgw', 'scaled');
  });
});

test('each CustomResourceDefinition is small enough for a Helm chart: less than 200 KB', () => {
  for (const file of readdirSync('crds')) expect(statSync(join('crds', file)).size).toBeLessThan(200_000);
});
