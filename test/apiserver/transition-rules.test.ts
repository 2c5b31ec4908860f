// What an edit may not change: rules that only an API server can judge, because a file has no past.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KubeClient } from '../../operator/kube/client.ts';
import { type KubeObject, resourceTypes } from '../../operator/kube/resource.ts';
import type { AttachedControlPlane } from './control-plane.ts';
import { sharedControlPlane } from './global-setup.ts';

let client: KubeClient;
let controlPlane: AttachedControlPlane;

async function kubectl(...command: string[]): Promise<void> {
  const { code, stderr } = await controlPlane.kubectl(command);
  if (code !== 0) throw new Error(stderr);
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

const namespace = 'default';
const listeners = [{ name: 'phones', hostnames: ['sentry.example.com'], tls: { selfSigned: {} } }];

/** The words of the API server when `spec.service` becomes each of these in turn, or undefined when all were taken. */
async function refusalOf(name: string, ...services: object[]): Promise<string | undefined> {
  const target = { namespace, name };
  const gateway = { apiVersion: 'sentrygateway.io/v1alpha1', kind: 'SentryGateway', metadata: target };
  const created: KubeObject & { spec: object } = { ...gateway, spec: { listeners, service: services[0] } };
  await client.create(resourceTypes.sentryGateway, created);
  try {
    for (const service of services.slice(1)) {
      await client.mergePatch(resourceTypes.sentryGateway, target, {
        spec: { service: { loadBalancerClass: null, ipFamilies: null, ipFamilyPolicy: null, ...service } },
      });
    }
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await client.delete(resourceTypes.sentryGateway, target);
  }
}

const internal = { type: 'LoadBalancer', loadBalancerClass: 'example.com/internal' };

describe('the class of a load balancer', () => {
  test.each([
    ['another one', internal, { type: 'LoadBalancer', loadBalancerClass: 'example.com/other' }],
    ['none', internal, { type: 'LoadBalancer' }],
    ['one', { type: 'LoadBalancer' }, internal],
  ])('cannot become %s', async (_what, before, after) => {
    const refusal = await refusalOf('class-changed', before, after);
    expect(refusal).toContain('spec.service.loadBalancerClass');
    expect(refusal).toContain('set type: ClusterIP, wait until');
  });

  test('may come and go with the type', async () => {
    expect(
      await refusalOf(
        'class-kept',
        internal,
        { ...internal, annotations: { a: 'b' } },
        { type: 'ClusterIP' },
        {
          type: 'LoadBalancer',
          loadBalancerClass: 'example.com/other',
        },
      ),
    ).toBeUndefined();
  });
});

describe('the primary address family', () => {
  test('cannot change', async () => {
    const refusal = await refusalOf(
      'family-changed',
      { ipFamilies: ['IPv4'] },
      { ipFamilies: ['IPv6', 'IPv4'], ipFamilyPolicy: 'PreferDualStack' },
    );
    expect(refusal).toContain('spec.service.ipFamilies');
    expect(refusal).toContain('keep the first one');
  });

  test('may get a second one beside it, and lose it again', async () => {
    const both = { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'PreferDualStack' };
    expect(
      await refusalOf('family-added', {}, { ipFamilies: ['IPv4'] }, both, { ipFamilies: ['IPv4'] }),
    ).toBeUndefined();
  });
});
