// What the operator writes: nothing where nothing changed, and a constant number of requests for one edit. Counted by the audit log.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KubeClient } from '../../operator/kube/client.ts';
import { inParallel } from '../../operator/kube/in-parallel.ts';
import { type KubeObject, typeOf } from '../../operator/kube/resource.ts';
import { CertificateAuthority } from '../peers/certificates.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import {
  AuditLog,
  type AuditedRequest,
  eventually,
  exchangeRoute,
  installCRDs,
  type RunningOperator,
  runOperator,
  sentryGateway,
  untilAllHaveStatus,
  untilQuiet,
} from './operator-run.ts';

const GATEWAYS = 10;
const ROUTES = 100;
const namespace = 'default';

let controlPlane: ControlPlane;
let client: KubeClient;
let audit: AuditLog;
let operator: RunningOperator;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await installCRDs(controlPlane);
  client = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
  await create(Array.from({ length: GATEWAYS }, (_, index) => sentryGateway(namespace, `mail-${index}`)));
  await create(
    Array.from({ length: ROUTES }, (_, index) =>
      exchangeRoute(namespace, `route-${index}`, `mail-${index % GATEWAYS}`),
    ),
  );
  audit = await AuditLog.from(controlPlane);
  await restart();
  await untilAllHaveStatus(client);
  await untilQuiet(audit, 3_000);
});

afterAll(async () => {
  await operator.stop();
  await client.close();
  await controlPlane.stop();
});

async function create(objects: readonly KubeObject[]): Promise<void> {
  await inParallel(8, objects, (object) => client.create(typeOf(object), object));
}

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await controlPlane.kubectl(['--namespace', namespace, ...args]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

async function restart(): Promise<void> {
  operator = await runOperator(controlPlane);
  await operator.synced;
}

async function get<T>(kind: string, name: string): Promise<T> {
  return JSON.parse(await kubectl('get', kind, name, '-o', 'json')) as T;
}

function namesOf(requests: readonly AuditedRequest[]): string[] {
  return requests
    .map(({ verb, resource, subresource, name }) =>
      [verb, subresource === undefined ? resource : `${resource}/${subresource}`, name].join(' '),
    )
    .toSorted();
}

/** What the operator writes because of this. */
async function writesOf(change: () => Promise<unknown>): Promise<string[]> {
  await audit.requests();
  await change();
  await sleep(200);
  return namesOf(await untilQuiet(audit));
}

describe('nothing is written', () => {
  test('when the operator starts anew', async () => {
    const writes = await writesOf(async () => {
      await operator.stop();
      await restart();
      await sleep(2_000);
    });
    expect(writes).toEqual([]);
  });

  test('when the API server was away and all watches begin anew', async () => {
    const writes = await writesOf(async () => {
      await controlPlane.stopApiServer();
      await controlPlane.startApiServer();
      await sleep(20_000);
    });
    expect(writes).toEqual([]);
  });

  test('and nothing is asked either, while nothing happens', async () => {
    await audit.requests();
    await sleep(15_000);
    const requests = await audit.requests();
    expect(requests.filter(({ verb }) => verb !== 'watch')).toEqual([]);
  });
});

describe('the writes of an edit are', () => {
  test('of a route: the two slots of its gateway, and two statuses', async () => {
    const servers = [{ name: 'mbx3', url: 'https://mbx3.example.com', priority: 0 }];
    const writes = await writesOf(() =>
      kubectl(
        'patch',
        'exchangeroute',
        'route-3',
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { servers } }),
      ),
    );
    expect(writes).toEqual([
      'patch exchangeroutes/status route-3',
      'patch secrets mail-3-snapshot-0',
      'patch secrets mail-3-snapshot-1',
      'patch sentrygateways/status mail-3',
    ]);
  });

  test('of a status by somebody else: that status', async () => {
    const writes = await writesOf(() =>
      kubectl(
        ...['patch', 'exchangeroute', 'route-4', '--subresource=status', '--type=merge'],
        ...['-p', JSON.stringify({ status: { observedGeneration: 1, conditions: [], gateways: [] } })],
      ),
    );
    expect(writes.filter((write) => !write.startsWith('create events'))).toEqual([
      'patch exchangeroutes/status route-4',
    ]);
  });

  test('of an annotation: none', async () => {
    expect(await writesOf(() => kubectl('annotate', 'exchangeroute', 'route-5', 'note=1'))).toEqual([]);
  });
});

describe('what somebody changes is put right at once:', () => {
  beforeEach(async () => {
    await untilQuiet(audit, 300);
  });
  afterEach(async () => {
    await untilQuiet(audit, 300);
  });

  test('a port of the Service', async () => {
    const patch = '[{"op": "replace", "path": "/spec/ports/0/port", "value": 8444}]';
    const writes = await writesOf(() => kubectl('patch', 'service', 'mail-1', '--type=json', '-p', patch));
    expect(new Set(writes)).toEqual(new Set(['patch services mail-1']));
    const service = await get<{ spec: { ports: { port: number }[] } }>('service', 'mail-1');
    expect(service.spec.ports.map(({ port }) => port)).toEqual([443]);
  });

  test('a port that somebody adds to the Service', async () => {
    const patch = '[{"op": "add", "path": "/spec/ports/-", "value": {"name": "more", "port": 8445}}]';
    await kubectl('patch', 'service', 'mail-1', '--type=json', '-p', patch);
    await untilQuiet(audit);
    const service = await get<{ spec: { ports: { port: number }[] } }>('service', 'mail-1');
    expect(service.spec.ports.map(({ port }) => port)).toEqual([443]);
  });

  test('the number of replicas of the Deployment', async () => {
    const writes = await writesOf(() => kubectl('scale', 'deployment', 'mail-1', '--replicas=7'));
    expect(writes).toEqual(['patch deployments mail-1']);
    expect((await get<{ spec: { replicas: number } }>('deployment', 'mail-1')).spec.replicas).toBe(2);
  });

  test.each(['networkpolicy', 'poddisruptionbudget', 'deployment', 'service', 'configmap/mail-1-ca'])(
    'a %s that was deleted',
    async (kind) => {
      const [type = '', name = 'mail-1'] = kind.split('/');
      const before = await get<KubeObject>(type, name);
      await kubectl('delete', type, name, '--wait=false');
      await eventually('it is made anew', async () => {
        const { code, stdout } = await controlPlane.kubectl(['get', type, name, '-o', 'json']);
        return code === 0 && (JSON.parse(stdout) as KubeObject).metadata.uid !== before.metadata.uid;
      });
    },
  );

  test('the content of a slot', async () => {
    const before = await get<{ data: object }>('secret', 'mail-1-snapshot-1');
    const [name = ''] = Object.keys(before.data);
    const patch = JSON.stringify({ data: { [name]: 'AAAA' } });
    const writes = await writesOf(() => kubectl('patch', 'secret', 'mail-1-snapshot-1', '-p', patch));
    expect(writes).toEqual(['patch secrets mail-1-snapshot-1']);
    expect((await get<{ data: object }>('secret', 'mail-1-snapshot-1')).data).toEqual(before.data);
  });

  test('an entry of a slot that was removed', async () => {
    const before = await get<{ data: object }>('secret', 'mail-1-snapshot-1');
    const [name = ''] = Object.keys(before.data);
    const patch = JSON.stringify({ data: { [name]: null } });
    const writes = await writesOf(() => kubectl('patch', 'secret', 'mail-1-snapshot-1', '-p', patch));
    expect(writes).toEqual(['patch secrets mail-1-snapshot-1']);
    expect((await get<{ data: object }>('secret', 'mail-1-snapshot-1')).data).toEqual(before.data);
  });

  test('the labels by which our objects are found', async () => {
    await kubectl('label', 'service', 'mail-1', 'app.kubernetes.io/managed-by-');
    await eventually('the label is back', async () => {
      const { metadata } = await get<KubeObject>('service', 'mail-1');
      return metadata.labels?.['app.kubernetes.io/managed-by'] === 'sentry-operator';
    });
  });
});

describe('what is no longer wanted goes:', () => {
  test('the ConfigMap of the CA, when no listener is self-signed any more', async () => {
    const authority = await CertificateAuthority.create();
    const { cert, key } = await authority.issue({ names: ['mail-2.example.com'] });
    const data = { 'tls.crt': toBase64(cert), 'tls.key': toBase64(key) };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'own', namespace } };
    await create([{ ...secret, ...{ type: 'kubernetes.io/tls', data } }]);
    const listeners = [
      { name: 'phones', hostnames: ['mail-2.example.com'], tls: { certificateRefs: [{ name: 'own' }] } },
    ];
    await kubectl(
      'patch',
      'sentrygateway',
      'mail-2',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { listeners } }),
    );
    await eventually('it is gone', async () => {
      const { code } = await controlPlane.kubectl(['get', 'configmap', 'mail-2-ca']);
      return code !== 0;
    });
  });

  test('but not what carries our labels and belongs to somebody else', async () => {
    const labels = 'app.kubernetes.io/managed-by=sentry-operator,app.kubernetes.io/instance=mail-2';
    await kubectl('create', 'configmap', 'theirs');
    await kubectl('label', 'configmap', 'theirs', ...labels.split(','));
    await kubectl('patch', 'sentrygateway', 'mail-2', '--type=merge', '-p', '{"spec":{"port":444}}');
    await untilQuiet(audit);
    expect(await kubectl('get', 'configmap', 'theirs', '-o', 'name')).toContain('theirs');
  });

  test('a setting that is taken out of the SentryGateway, from the object that had it', async () => {
    const annotated = (annotations: object | null) =>
      kubectl(
        ...['patch', 'sentrygateway', 'mail-4', '--type=merge'],
        ...['-p', JSON.stringify({ spec: { service: { annotations } } })],
      );
    const live = async () => (await get<KubeObject>('service', 'mail-4')).metadata.annotations?.['zone'];
    await annotated({ zone: 'a' });
    await eventually('the annotation is there', async () => (await live()) === 'a');
    await annotated(null);
    await eventually('the annotation is gone', async () => (await live()) === undefined);
  });
});

describe('an object of somebody else', () => {
  test('is left alone, the status says what to do, and all is well once it is gone', async () => {
    await kubectl('create', 'service', 'clusterip', 'taken', '--tcp=1:1');
    const before = await get<KubeObject>('service', 'taken');
    await create([sentryGateway(namespace, 'taken')]);
    await eventually('the status says so', async () => {
      const { status } = await get<{
        status?: { conditions?: { type: string; reason: string; message: string }[] };
      }>('sentrygateway', 'taken');
      const programmed = status?.conditions?.find(({ type }) => type === 'Programmed');
      return programmed?.reason === 'ForeignObject' && programmed.message.includes('Service taken');
    });
    expect(await get<KubeObject>('service', 'taken')).toEqual(before);
    expect(await kubectl('get', 'secret', 'taken-snapshot-0', '-o', 'name')).toContain('taken');
    await kubectl('delete', 'service', 'taken');
    await eventually('ours is made', async () => {
      const { code, stdout } = await controlPlane.kubectl(['get', 'service', 'taken', '-o', 'json']);
      return code === 0 && (JSON.parse(stdout) as KubeObject).metadata.ownerReferences?.length === 1;
    });
  });

  test('keeps its gateway from having keys, and no other gateway from anything', async () => {
    await kubectl('create', 'secret', 'generic', 'locked-keys');
    await create([sentryGateway(namespace, 'locked')]);
    await eventually('the status says so', async () =>
      (await kubectl('get', 'sentrygateway', 'locked', '-o', 'yaml')).includes('Secret locked-keys exists'),
    );
    await kubectl('patch', 'sentrygateway', 'mail-5', '--type=merge', '-p', '{"spec":{"port":445}}');
    await eventually('another gateway is edited', async () => {
      const service = await get<{ spec: { ports: { port: number }[] } }>('service', 'mail-5');
      return service.spec.ports[0]?.port === 445;
    });
  });
});

test('a snapshot that does not fit is told in the status, and the one before stays', async () => {
  const authority = await CertificateAuthority.create();
  const copies = Math.floor(950_000 / authority.certificate.length);
  const data = { 'ca.crt': authority.certificate.repeat(copies) };
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'too-large', namespace } };
  await create([{ ...configMap, ...{ data } }]);
  const before = await get<{ data: object }>('secret', 'mail-7-snapshot-0');
  const edited = (caRef: object | null) =>
    kubectl(
      ...['patch', 'exchangeroute', 'route-7', '--type=merge'],
      ...['-p', JSON.stringify({ spec: { serverTLS: { caRef } } })],
    );
  await edited({ kind: 'ConfigMap', name: 'too-large' });
  await eventually('the status says so', async () =>
    (await kubectl('get', 'sentrygateway', 'mail-7', '-o', 'yaml')).includes('reason: SnapshotTooLarge'),
  );
  expect((await get<{ data: object }>('secret', 'mail-7-snapshot-0')).data).toEqual(before.data);
  await edited(null);
  await eventually('all is well again', async () => {
    const status = await kubectl('get', 'sentrygateway', 'mail-7', '-o', 'yaml');
    return !status.includes('SnapshotTooLarge');
  });
});

test('only one of two operators writes, and the other has read everything before', async () => {
  await operator.stop();
  await untilQuiet(audit);
  const leadership = Promise.withResolvers<void>();
  const standby = await runOperator(controlPlane, { leadership: leadership.promise });
  await standby.synced;
  const patch = '{"spec":{"port":446}}';
  const waiting = await writesOf(() =>
    kubectl('patch', 'sentrygateway', 'mail-6', '--type=merge', '-p', patch),
  );
  expect(waiting).toEqual([]);
  const leading = await writesOf(async () => leadership.resolve());
  expect(leading).toContain('patch services mail-6');
  await standby.stop();
  await restart();
});

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}
