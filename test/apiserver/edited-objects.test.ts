// Edits of a SentryGateway, one after the other, as the objects that a real API server holds afterwards: none is refused,
// and what is no longer wanted is gone.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../../operator/api/meta.ts';
import type { SentryGateway } from '../../operator/api/sentry-gateway.ts';
import { parseManifest } from '../../operator/api/validate.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { resourceTypes, typeOf } from '../../operator/kube/resource.ts';
import { deployment } from '../../operator/translate/objects/deployment.ts';
import { horizontalPodAutoscalers } from '../../operator/translate/objects/horizontal-pod-autoscaler.ts';
import { service } from '../../operator/translate/objects/service.ts';
import type { AttachedControlPlane } from './control-plane.ts';
import { sharedControlPlane } from './global-setup.ts';

const namespace = 'edited-objects';

let client: KubeClient;
let controlPlane: AttachedControlPlane;

beforeAll(async () => {
  controlPlane = await sharedControlPlane();
  await controlPlane.kubectl(['create', 'namespace', namespace]);
  client = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
});

afterAll(async () => {
  await controlPlane.kubectl(['delete', 'namespace', namespace, '--wait=false']);
  await client.close();
});

/** As the API server would store it. */
function gatewayOf(spec: object): SentryGateway {
  const listeners = [{ name: 'phones', hostnames: ['sentry.example.com'], tls: { selfSigned: {} } }];
  const result = parseManifest('SentryGateway', {
    apiVersion: 'sentrygateway.io/v1alpha1',
    kind: 'SentryGateway',
    metadata: { namespace, name: 'mail' },
    spec: { listeners, ...spec },
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.object;
}

interface Live extends KubernetesObject {
  readonly spec: Readonly<Record<string, unknown>>;
}

const apply = (object: KubernetesObject): Promise<Live> => client.apply<Live>(typeOf(object), object);

describe('a Service', () => {
  const applied = async (spec: object): Promise<Live['spec']> => (await apply(service(gatewayOf(spec)))).spec;

  beforeEach(async () => {
    await controlPlane.kubectl(['delete', 'service', '--all', '-n', namespace]);
  });

  test('may change its type, and keeps nothing of the one before', async () => {
    const source = { loadBalancerSourceRanges: ['10.0.0.0/8'] };
    const internal = { ...source, loadBalancerClass: 'example.com/internal', externalTrafficPolicy: 'Local' };
    const first = await applied({ service: internal });
    expect(first).toMatchObject({ ...internal, healthCheckNodePort: expect.any(Number) as number });
    const inside = await applied({ service: { type: 'ClusterIP' } });
    for (const field of Object.keys(internal)) expect(inside).not.toHaveProperty(field);
    expect(inside).toMatchObject({ clusterIP: first['clusterIP'] });
    expect(inside['ports']).not.toContainEqual(
      expect.objectContaining({ nodePort: expect.any(Number) as number }),
    );
    const nodes = await applied({ service: { type: 'NodePort', externalTrafficPolicy: 'Local' } });
    expect(nodes).toMatchObject({ type: 'NodePort', externalTrafficPolicy: 'Local' });
    const again = await applied({ service: { loadBalancerClass: 'example.com/other' } });
    expect(again).toMatchObject({ type: 'LoadBalancer', loadBalancerClass: 'example.com/other' });
    expect(again['externalTrafficPolicy']).toBe('Cluster');
  });

  test('may change its port, and has one', async () => {
    await applied({});
    const { ports } = await applied({ port: 8443 });
    expect(ports).toEqual([expect.objectContaining({ name: 'phones', port: 8443, targetPort: 'phones' })]);
  });

  test('may get an address of the other family, and lose it again', async () => {
    const single = await applied({});
    expect(single).toMatchObject({ ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
    const dual = await applied({ service: { ipFamilyPolicy: 'PreferDualStack' } });
    expect(dual).toMatchObject({
      ipFamilies: ['IPv4', 'IPv6'],
      clusterIPs: [single['clusterIP'], expect.stringContaining(':') as string],
    });
    expect(await applied({})).toMatchObject({ ipFamilies: ['IPv4', 'IPv6'] });
    const back = await applied({ service: { ipFamilyPolicy: 'SingleStack' } });
    expect(back).toMatchObject({ ipFamilies: ['IPv4'], clusterIPs: [single['clusterIP']] });
  });
});

describe('a Deployment', () => {
  test('is not changed by autoscaling but for its replicas, which it no longer says', async () => {
    const pod = { resources: { requests: { cpu: '1' } } };
    const fixed = deployment(gatewayOf({ replicas: 3, pod }), 'gateway');
    const scaled = deployment(gatewayOf({ autoscaling: { max: 5 }, pod }), 'gateway');
    const { replicas, ...spec } = fixed['spec'] as Live['spec'];
    expect(replicas).toBe(3);
    expect(scaled['spec']).toEqual(spec);
  });

  test('has every setting of a pod, and none that it had before', async () => {
    const before = {
      nodeSelector: { pool: 'edge' },
      tolerations: [{ key: 'edge', value: 'yes' }],
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { labelSelector: { matchLabels: { app: 'mail' } }, topologyKey: 'kubernetes.io/hostname' },
          ],
        },
      },
      priorityClassName: 'system-cluster-critical',
      imagePullSecrets: [{ name: 'registry' }],
      hostAliases: [{ ip: '10.0.0.7', hostnames: ['mbx1.example.com'] }],
      dnsConfig: { nameservers: ['10.0.0.53'], options: [{ name: 'ndots', value: '2' }] },
    };
    interface Template {
      readonly template: {
        readonly metadata: { readonly annotations?: object };
        readonly spec: Readonly<Record<string, unknown>>;
      };
    }
    const templateOf = async (pod: object): Promise<Template['template']> => {
      const live = await apply(deployment(gatewayOf({ pod }), 'gateway'));
      return (live.spec as unknown as Template).template;
    };
    const annotations = { note: 'mail' };
    const first = await templateOf({ ...before, annotations });
    expect(first.spec).toMatchObject({
      ...before,
      tolerations: [{ key: 'edge', operator: 'Equal', value: 'yes' }],
    });
    expect(first.metadata.annotations).toEqual(annotations);
    const second = await templateOf({});
    for (const field of Object.keys(before)) expect(second.spec).not.toHaveProperty(field);
    expect(second.metadata.annotations).toBeUndefined();
  });
});

test('an autoscaler follows its settings, and the API server adds nothing to them', async () => {
  const applied = async (spec: object): Promise<Live> => {
    const [object] = horizontalPodAutoscalers(gatewayOf(spec));
    if (object === undefined) throw new Error('no autoscaler');
    const live = await apply(object);
    expect(live.spec).toEqual(object['spec']);
    return live;
  };
  await applied({ autoscaling: { max: 5 } });
  const { spec } = await applied({ autoscaling: { min: 1, max: 9 }, drain: { seconds: 3600 } });
  expect(spec).toMatchObject({ minReplicas: 1, maxReplicas: 9 });
  expect(horizontalPodAutoscalers(gatewayOf({ replicas: 3 }))).toEqual([]);
  await client.delete(resourceTypes.horizontalPodAutoscaler, { namespace, name: 'mail' });
});
